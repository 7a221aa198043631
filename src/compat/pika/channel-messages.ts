import type { Channel } from '../../api/channel';
import { SESSION } from '../../api/internals';
import type { ReturnedMessage as CoreReturned } from '../../api/message';
import { wrongType } from '../../caller';
import type { PublishOptions } from '../../client/channel/publisher';
import { UnroutableError as Unroutable } from '../../errors';
import { type Args, signatures } from '../python';
import { addTo, BasicProperties, received } from './basic-properties';
import type { BlockingChannel } from './blocking-channel';
import type { BlockingConnection } from './blocking-connection';
import { TopologyChannel } from './channel-topology';
import { GetOk, type Return } from './methods/basic';
import { type Hint, returned } from './translate';
import { callable, fitting } from './words';

/** Called with a message that no queue took; `method.reply_text` says why. */
export type OnReturn = (
  channel: BlockingChannel,
  method: Return,
  properties: BasicProperties,
  body: Buffer,
) => unknown;

/** What `basic_get` returns: a message, or three times null when the queue is empty. */
export type Got = [method: GetOk, properties: BasicProperties, body: Buffer] | [null, null, null];

/** The arguments, and what they mean. */
interface Words {
  /** The queue; '' is the one declared last. */
  queue: [queue: string];
  /** The broker forgets the message when it has sent it. */
  auto_ack: [auto_ack: boolean];
  /** `method.delivery_tag` of a message; with `multiple`, 0 stands for all. */
  delivery_tag: [delivery_tag: number];
  /** All messages up to this one. */
  multiple: [multiple: boolean];
  /** Back to the queue, or away (dead letters). */
  requeue: [requeue: boolean];
  /** '' is the default exchange, which takes the routing key for the name of a queue. */
  exchange: [exchange: string];
  /** By this the exchange finds the queues. */
  routing_key: [routing_key: string];
  /** Bytes; a string is sent as UTF-8. */
  body: [body: string | Uint8Array];
  /** The properties of the message. */
  properties: [properties: BasicProperties | null];
  /** It comes back if no queue takes it. */
  mandatory: [mandatory: boolean];
  /** RabbitMQ has none: anything but 0 ends the connection (540). */
  prefetch_size: [prefetch_size: number];
  /** Unsettled messages at most, of each consumer to come; 0: no limit. */
  prefetch_count: [prefetch_count: number];
  /** The limit is that of all consumers of the channel together; RabbitMQ 4.3 refuses it (541). */
  global_qos: [global_qos: boolean];
  /** RabbitMQ has no false: it ends the connection (540). */
  active: [active: boolean];
  /** Runs from the functions that wait for events. */
  callback: [callback: OnReturn];
}

const DEF = fitting(
  signatures<Words>()('BlockingChannel', {
    flow: 'active',
    add_on_return_callback: 'callback',
    basic_ack: 'delivery_tag=0, multiple=False',
    basic_nack: 'delivery_tag=0, multiple=False, requeue=True',
    basic_reject: 'delivery_tag=0, requeue=True',
    basic_get: 'queue, auto_ack=False',
    basic_publish: 'exchange, routing_key, body, properties=None, mandatory=False',
    basic_qos: 'prefetch_size=0, prefetch_count=0, global_qos=False',
    basic_recover: 'requeue=False',
  }),
);

const FLOW: Hint = {
  replyCodes: [540],
  advice: 'RabbitMQ has no active=False; basic_qos limits what it sends',
};
const RECOVER: Hint = {
  replyCodes: [540],
  advice:
    "RabbitMQ has no requeue=False, which is pika's default: give requeue=True, or connect with the parameter compat={recover: 'requeue'}",
};
const QOS: Hint = {
  replyCodes: [540, 541],
  advice: 'RabbitMQ has no prefetch_size, and since 4.3 no global_qos=True: give prefetch_count alone',
};

/** The methods of a channel for messages: get, settle, publish. */
export abstract class MessagesChannel extends TopologyChannel {
  readonly #onReturn: OnReturn[] = [];

  constructor(connection: BlockingConnection, core: Channel) {
    super(connection, core);
    core.onReturn = (message) => {
      if (!core.isOpen) return; // with the channel, all that nobody has looked at is gone
      const { method, properties, body } = returned(message);
      for (const callback of this.#onReturn)
        callback(this as unknown as BlockingChannel, method, properties, body);
    };
  }

  // ── one message at a time ───────────────────────────────────────────────────────────────────────────

  /**
   * Take one message; three times null if the queue is empty. Blocks for a round trip.
   *
   *     const [method, properties, body] = channel.basic_get('tasks');
   *     if (method) channel.basic_ack(method.delivery_tag);
   */
  basic_get(...args: Args<typeof DEF.basic_get>): Got {
    const { queue, auto_ack } = DEF.basic_get(args);
    const message = this.call(() => this.core.basicGet(queue, { noAck: auto_ack }));
    if (message === null) return [null, null, null];
    const { deliveryTag, redelivered, exchange, routingKey, messageCount, properties, body } = message;
    const method = new GetOk(deliveryTag, redelivered, exchange, routingKey, messageCount);
    return [method, received(properties), body];
  }

  /** Take responsibility for a message. Does not block. @throws {AMQPChannelError} it was settled before */
  basic_ack(...args: Args<typeof DEF.basic_ack>): void {
    const { delivery_tag, multiple } = DEF.basic_ack(args);
    this.call(() => this.core.basicAck(delivery_tag, { multiple }));
  }

  /** Give messages back, or away. Does not block. Throws like `basic_ack`. */
  basic_nack(...args: Args<typeof DEF.basic_nack>): void {
    const { delivery_tag, multiple, requeue } = DEF.basic_nack(args);
    this.call(() => this.core.basicNack(delivery_tag, { multiple, requeue }));
  }

  /** Give a message back, or away. Does not block. Throws like `basic_ack`. */
  basic_reject(...args: Args<typeof DEF.basic_reject>): void {
    const { delivery_tag, requeue } = DEF.basic_reject(args);
    this.call(() => this.core.basicReject(delivery_tag, { requeue }));
  }

  /** Limit the messages that the broker sends ahead. Blocks for a round trip. */
  basic_qos(...args: Args<typeof DEF.basic_qos>): void {
    const { prefetch_size, prefetch_count, global_qos } = DEF.basic_qos(args);
    const options = { prefetchSize: prefetch_size, prefetchCount: prefetch_count, global: global_qos };
    this.call(() => this.core.basicQos(options), QOS);
  }

  /** Have all unsettled messages delivered again. Blocks for a round trip. RabbitMQ wants `requeue`: see `compat`. */
  basic_recover(...args: Args<typeof DEF.basic_recover>): void {
    const { requeue } = DEF.basic_recover(args);
    const wanted = requeue || this.connection.compat.recover === 'requeue';
    this.call(() => this.core.basicRecover({ requeue: wanted }), wanted ? undefined : RECOVER);
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publish a message. Blocks in confirm mode, until the broker has taken responsibility, and while the broker
   * blocks publishing.
   * @throws {UnroutableError} confirm mode and `mandatory`: no queue took it; `messages` has it
   * @throws {NackError} confirm mode: the broker could not take it
   * @throws {ConnectionBlockedTimeout} the broker has blocked publishing for `blocked_connection_timeout`
   *
   *     channel.basic_publish({ exchange: '', routing_key: 'tasks', body: 'hello' });
   */
  basic_publish(...args: Args<typeof DEF.basic_publish>): void {
    const { exchange, routing_key, body, properties, mandatory } = DEF.basic_publish(args);
    // a string would have its encoding written into the properties, which pika does not do
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const options: PublishOptions = { exchange, routingKey: routing_key, mandatory };
    if (properties instanceof BasicProperties) addTo(options, properties);
    else if (properties !== null) throw wrongType('properties must be BasicProperties or None');
    this.call(() => this.#publish(bytes, options));
  }

  /** What comes back is thrown, and then shown to the callbacks, too. */
  #publish(body: Uint8Array, options: PublishOptions): void {
    const { core } = this;
    try {
      core.basicPublish(body, options);
    } catch (error) {
      if (error instanceof Unroutable && error.returnedMessage !== undefined) {
        const message = error.returnedMessage as CoreReturned;
        core.connection[SESSION].events.later(() => core.onReturn?.(message));
      }
      throw error;
    }
  }

  /** Have the broker confirm what is published here from now on. Blocks for a round trip; again: nothing. */
  confirm_delivery(): void {
    this.call(() => this.core.confirmSelect());
  }

  /** Have `callback(channel, method, properties, body)` called for what comes back; in confirm mode `basic_publish` throws as well. */
  add_on_return_callback(...args: Args<typeof DEF.add_on_return_callback>): void {
    const { callback } = DEF.add_on_return_callback(args);
    this.#onReturn.push(callable(callback, 'callback'));
  }

  // ── limits ──────────────────────────────────────────────────────────────────────────────────────────

  /** Ask the broker to pause or go on delivering. Blocks for a round trip. @returns what it does */
  flow(...args: Args<typeof DEF.flow>): boolean {
    const { active } = DEF.flow(args);
    return this.call(() => this.core.flow(active), FLOW);
  }
}
