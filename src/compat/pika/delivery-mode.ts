/** Does a message outlive the broker? In a durable queue, a persistent one does. */
export const DeliveryMode = {
  /** It may be lost when the broker stops. */
  Transient: 1,
  /** It is written to disk, and outlives the broker in a durable queue. */
  Persistent: 2,
} as const;
/** 1 or 2. */
export type DeliveryMode = (typeof DeliveryMode)[keyof typeof DeliveryMode];
