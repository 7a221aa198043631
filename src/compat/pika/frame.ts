import type { Method as AmqpMethod } from './amqp-object';
import { Shown, shown } from './repr';

/** A method as it came: what most calls return. `frame.method.queue` and its kin are what one wants of it. */
export class Method<M extends AmqpMethod = AmqpMethod> extends Shown {
  /** A method frame, as the wire counts. */
  readonly frame_type = 1;

  /** Made by the calls that return one. */
  constructor(
    /** The channel it came on; 0 is the connection. */
    readonly channel_number: number,
    /** What the broker said: a method, whose fields have the names of the specification. */
    readonly method: M,
  ) {
    super();
  }

  /** As pika shows it. */
  override toString(): string {
    return shown('METHOD', Object.entries(this));
  }
}
