import type { Method as AmqpMethod } from './amqp-object';
import { Shown, shown } from './repr';

/** A method as it came: what most calls return. `frame.method.queue` and its kin are what one wants of it. */
export class Method<M extends AmqpMethod = AmqpMethod> extends Shown {
  /** A method frame, as the wire counts. */
  readonly frame_type = 1;

  constructor(
    readonly channel_number: number,
    readonly method: M,
  ) {
    super();
  }

  override toString(): string {
    return shown('METHOD', Object.entries(this));
  }
}
