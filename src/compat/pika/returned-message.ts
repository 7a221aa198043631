import { shortened, showAs } from '../../shown';
import type { BasicProperties } from './basic-properties';
import type { Return } from './methods/basic';

/** A message that the broker could not route and gave back. */
export class ReturnedMessage {
  constructor(
    /** Why, and where it was to go. */
    readonly method: Return,
    readonly properties: BasicProperties,
    readonly body: Buffer,
  ) {}
}

showAs(ReturnedMessage, ({ method, properties, body }) => ({
  ...{ method: `${method}`, properties: `${properties}` },
  body: shortened(body),
}));
