/** What has become of the messages of a queue since it was declared: numbers of messages. */
export interface QueueMetrics {
  /** Taken: from clients, and dead letters of other queues. */
  published: number;
  /** Refused, because it was full (`overflow: 'reject-publish'` or `'reject-publish-dlx'`). */
  refused: number;
  /** Sent to consumers, or fetched; one that comes again counts again. */
  delivered: number;
  /** Of these, those that had been delivered before. */
  redelivered: number;
  /** Acked. What goes out without acknowledgements is only delivered. */
  acknowledged: number;
  /** Given back, by a client or because its channel ended. */
  requeued: number;
  /** Rejected for good. */
  rejected: number;
  /** Too old. */
  expired: number;
  /** Dropped for the queue's length (`maxLength`, `maxLengthBytes`). */
  overflowed: number;
  /** Given back more often than `deliveryLimit` lets; among `requeued`, too. */
  exhausted: number;
  /** Of the four above, and of those refused under `'reject-publish-dlx'`, those that went to a dead-letter exchange. */
  deadLettered: number;
  /** Dropped by a purge. */
  purged: number;
}

/** What clients have published to a virtual host since the broker started, and what became of it. */
export interface BrokerMetrics {
  /** Messages of clients; those of a transaction count when it is committed. */
  published: number;
  /** Those that at least one queue was to get. */
  routed: number;
  /** Those that no queue was to get: dropped, or returned. */
  unroutable: number;
  /** Those of them that were mandatory. */
  returned: number;
  /** The queues that there are, by their names. */
  queues: Record<string, QueueMetrics>;
}

export function newQueueMetrics(): QueueMetrics {
  return {
    published: 0,
    refused: 0,
    delivered: 0,
    redelivered: 0,
    acknowledged: 0,
    requeued: 0,
    rejected: 0,
    expired: 0,
    overflowed: 0,
    exhausted: 0,
    deadLettered: 0,
    purged: 0,
  };
}
