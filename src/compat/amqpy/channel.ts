import type { Args } from '../python';
import { PublishingChannel } from './channel-publishing';
import { CHANNEL } from './words';

/**
 * A channel, open when it has been made: `conn.channel()`, or `new Channel(conn, 10)`.
 *
 * When the broker closes it, the call in progress throws (a ChannelError: NotFound, PreconditionFailed, …),
 * and by then it is open again with the same number, as new: no consumers, no prefetch, no mode. Once the
 * connection has ended, every call throws RecoverableConnectionError.
 */
export class Channel extends PublishingChannel {
  /** Let the broker pause or go on delivering. Blocks. @returns what it does. RabbitMQ refuses false (540) */
  flow(...args: Args<typeof CHANNEL.flow>): boolean {
    const { active } = CHANNEL.flow(args);
    return this.call((core) => core.flow(active));
  }
}
