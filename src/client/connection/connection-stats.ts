/** Figures of a connection; taken without disturbing it. */
export interface ConnectionStats {
  /** `recovering`: it is lost, and being brought back. */
  state: 'open' | 'recovering' | 'closed';
  /** 1, and one more for each recovery. */
  epoch: number;
  /** Milliseconds of all outages that are over. */
  downtime: number;
  /** `host:port` of the broker, as it was asked for. */
  host: string;
  /** `local:port -> remote:port` */
  address: string;
  /** Version and cipher, or empty. */
  tls: string;
  /** Bytes of AMQP that have come since it was opened, or last recovered; with TLS, as they are inside of it. */
  bytesIn: number;
  /** Bytes of AMQP that were written since then. */
  bytesOut: number;
  /** Writes that the calling thread made to the socket itself; undefined: this connection has no such way. */
  directWrites: number | undefined;
  /** Bytes written by this thread that the socket has not taken yet. */
  unsentBytes: number;
  /** Bytes that came and that this thread has not looked at. */
  unreadBytes: number;
  /** Events that wait for `drainEvents`. */
  queuedEvents: number;
}
