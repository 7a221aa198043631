import { method } from '../amqp-object';

/** What a queue.declare says of the queue. */
export class DeclareOk extends method(
  'Queue.DeclareOk',
  0x0032_000b,
  'queue, message_count, consumer_count',
) {}
/** The queue is bound. */
export class BindOk extends method('Queue.BindOk', 0x0032_0015, '') {}
/** The queue is bound no longer. */
export class UnbindOk extends method('Queue.UnbindOk', 0x0032_0033, '') {}
/** How many messages were purged. */
export class PurgeOk extends method('Queue.PurgeOk', 0x0032_001f, 'message_count') {}
/** How many messages went with the queue. */
export class DeleteOk extends method('Queue.DeleteOk', 0x0032_0029, 'message_count') {}
