import { method } from '../amqp-object';

/** The broker takes no more publishes. */
export class Blocked extends method('Connection.Blocked', 0x000a_003c, "reason=''") {}
/** The broker takes publishes again. */
export class Unblocked extends method('Connection.Unblocked', 0x000a_003d, '') {}
