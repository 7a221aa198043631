/** Messages of a connection, counted as they pass by. */
export class MessageCounts {
  published = 0;
  delivered = 0;
  returned = 0;
}

/** Figures of a connection since it was opened, through all recoveries; taken without disturbing it. */
export interface ConnectionStats {
  /** `recovering`: it is lost, and being brought back. */
  state: 'open' | 'recovering' | 'closed';
  /** 1, and one more for each recovery. */
  epoch: number;
  /** How often the connection was recovered: `epoch - 1`. */
  reconnects: number;
  /** Milliseconds of all outages that are over. */
  downtime: number;
  /** Whether the broker blocks publishing now (connection.blocked). */
  isBlocked: boolean;
  /** Milliseconds for which the broker has blocked publishing, in all. */
  blockedTime: number;
  /** `host:port` of the broker, as it was asked for. */
  host: string;
  /** `local:port -> remote:port` */
  address: string;
  /** Version and cipher, or empty. */
  tls: string;
  /** Bytes of AMQP that have come; with TLS, as they are inside of it. */
  bytesIn: number;
  /** Bytes of AMQP that were written. */
  bytesOut: number;
  /**
   * Messages that have come: deliveries, answers to `basicGet`, replies of remote calls. What still comes for a channel that is
   * being closed is dropped, and not counted; nor is what comes back for it.
   */
  messagesIn: number;
  /** Messages that were published, those that were repeated after a recovery again. */
  messagesOut: number;
  /** Mandatory messages that came back: no queue took them. */
  returns: number;
  /** Publishes of all channels that wait for the broker's word (confirm mode). */
  unconfirmed: number;
  /** Messages that this program has got, or is about to get, and has not settled. */
  unsettled: number;
  /** Writes that the calling thread made to the socket itself; undefined: this connection has no such way. */
  directWrites: number | undefined;
  /** How often the calling thread slept on this connection and was woken. */
  wakeUps: number;
  /** Bytes written by this thread that the socket has not taken yet. */
  unsentBytes: number;
  /** Bytes that came and that this thread has not looked at. */
  unreadBytes: number;
  /** Events that wait for `drainEvents`. */
  queuedEvents: number;
}
