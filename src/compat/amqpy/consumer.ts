import { wrongType } from '../../caller';
import { showAs } from '../../shown';
import { type Args, signatures } from '../python';
import type { Channel } from './channel';
import type { Message } from './message';

interface ArgumentTypes {
  /** The channel to consume on. */
  channel: [channel: Channel];
  /** The queue to consume. */
  queue: [queue: string];
  /** The name of the consumer; by default the broker makes one. */
  consumer_tag: [consumer_tag: string];
  /** RabbitMQ does not know it; default false. */
  no_local: [no_local: boolean];
  /** The broker forgets what it has sent, nothing is acknowledged; default false. */
  no_ack: [no_ack: boolean];
  /** The only consumer of the queue; default false. */
  exclusive: [exclusive: boolean];
}

const DEF = signatures<ArgumentTypes>()('AbstractConsumer', {
  __init__: `channel, queue, consumer_tag='', no_local=False, no_ack=False, exclusive=False`,
});

/**
 * A consumer as a class: `run` does the work.
 * @example
 * class Printer extends AbstractConsumer {
 *   run(msg) { console.log(msg.body); msg.ack(); }
 * }
 * new Printer(ch, 'tasks').declare();
 * for (;;) conn.drain_events();
 */
export abstract class AbstractConsumer {
  /** The channel it consumes on. */
  readonly channel: Channel;
  /** The queue it consumes. */
  readonly queue: string;
  /** Once `declare` has been called: as the broker knows it. */
  consumer_tag: string;
  /** What `declare` asks for; RabbitMQ does not know it. */
  readonly no_local: boolean;
  /** The broker forgets what it has sent. */
  readonly no_ack: boolean;
  /** The only consumer of its queue. */
  readonly exclusive: boolean;
  /** Messages that `run` has dealt with. */
  consume_count = 0;

  /** The consumer is made, and nothing sent; `declare` starts it. */
  constructor(...args: Args<typeof DEF.__init__>) {
    if (typeof this.run !== 'function') {
      throw wrongType(
        `Can't instantiate abstract class ${new.target.name} without an implementation for abstract method 'run'`,
      );
    }
    const given = DEF.__init__(args);
    this.channel = given.channel;
    this.queue = given.queue;
    this.consumer_tag = given.consumer_tag;
    this.no_local = given.no_local;
    this.no_ack = given.no_ack;
    this.exclusive = given.exclusive;
  }

  /** What to do with a message; called in `drain_events` and `loop`. */
  abstract run(msg: Message): unknown;

  /** Start to consume. Blocks for a round trip. */
  declare(): void {
    const { queue, consumer_tag, no_local, no_ack, exclusive } = this;
    this.consumer_tag = this.channel.basic_consume({
      ...{ queue, consumer_tag, no_local, no_ack, exclusive },
      callback: (msg) => this.start(msg),
      on_cancel: (tag) => this.cancel_cb(tag),
    });
  }

  /** Stop to consume. Blocks for a round trip. */
  cancel(): void {
    this.channel.basic_cancel(this.consumer_tag);
  }

  /** A message came: `run`, and count it. */
  start(msg: Message): unknown {
    const value = this.run(msg);
    this.consume_count++;
    return value;
  }

  /** The broker has ended the consumer; this does nothing, override it. */
  cancel_cb(_consumer_tag: string): unknown {
    return undefined;
  }
}

showAs(AbstractConsumer, ({ consumer_tag, queue, consume_count, channel }) => ({
  ...{ consumer_tag, queue, consume_count },
  channel: channel?.channel_id,
}));
