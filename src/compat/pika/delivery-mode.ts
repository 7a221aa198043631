/** Does a message outlive the broker? In a durable queue, a persistent one does. */
export const DeliveryMode = { Transient: 1, Persistent: 2 } as const;
export type DeliveryMode = (typeof DeliveryMode)[keyof typeof DeliveryMode];
