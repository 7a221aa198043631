import { shortened, showAs } from '../../shown';
import type { BasicProperties } from './basic-properties';
import type { Return } from './methods/basic';

/** A message that the broker could not route and gave back. */
export class ReturnedMessage {
  /** Made for `UnroutableError` and `NackError`, whose `messages` have them. */
  constructor(
    /** Why, and where it was to go. */
    readonly method: Return,
    /** Its properties. */
    readonly properties: BasicProperties,
    /** Its body. */
    readonly body: Buffer,
  ) {}
}

showAs(ReturnedMessage, ({ method, properties, body }) => ({
  ...{ method: `${method}`, properties: `${properties}` },
  body: shortened(body),
}));
