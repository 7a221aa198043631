import type { Channel as ClientChannel } from '../../api/channel';
import type { IncomingMessage } from '../../api/message';
import type { Args } from '../python';
import { table } from './channel-base';
import { TopologyChannel } from './channel-topology';
import { checkCallbacks } from './complaints';
import { ConsumerCancelled, PreconditionFailed } from './exceptions';
import { Message } from './message';
import { Basic } from './spec';
import { CHANNEL } from './words';

/** No channel has had more consumers without a name. */
let unnamed = 0;

/** The methods that bring messages and settle them. */
export abstract class ConsumingChannel extends TopologyChannel {
  /** A prefetch was asked for, or none was. */
  #isLimited = false;

  /**
   * Take one message, or null if there is none. Blocks for one round trip.
   * @throws {NotFound} no such queue
   * @see AMQP 0-9-1 §1.8.3.10 (basic.get)
   *
   *     const msg = ch.basic_get('tasks');
   *     if (msg !== null) { work(msg.body); msg.ack(); }
   */
  basic_get(...args: Args<typeof CHANNEL.basic_get>): Message | null {
    const { queue, no_ack } = CHANNEL.basic_get(args);
    const message = this.call((core) => core.basicGet(queue, { noAck: no_ack }));
    return message && Message.received(this.self, message);
  }

  /**
   * Start a consumer: `callback` gets its messages in `drain_events` and `loop`. Blocks unless `nowait`.
   * Without `basic_qos` the broker sends ahead as much as it has.
   * @returns the consumer tag
   * @throws {NotFound} no such queue
   * @throws {AccessRefused} somebody consumes, and one of the two is `exclusive`
   * @see AMQP 0-9-1 §1.8.3.3 (basic.consume)
   *
   *     ch.basic_consume('tasks', { callback: (msg) => { work(msg.body); msg.ack(); } });
   *     for (;;) conn.drain_events();
   */
  basic_consume(...args: Args<typeof CHANNEL.basic_consume>): string {
    const given = CHANNEL.basic_consume(args);
    const { queue, no_ack, exclusive, nowait, callback, on_cancel } = given;
    checkCallbacks({ callback, on_cancel });
    // a consumer without a name that nobody waits for would never be known
    const name = given.consumer_tag || (nowait ? `amqpy.${process.pid}.${++unnamed}` : '');
    const options = {
      consumerTag: name,
      noLocal: given.no_local,
      noAck: no_ack,
      exclusive,
      noWait: nowait,
      onCancel: (tag: string) => this.#cancelled(tag),
      ...table(given),
    };
    return this.call((core) => {
      if (!no_ack && !this.#isLimited) this.#limit(core, { prefetchCount: 0 });
      const tag = core.basicConsume(queue, (message) => this.#deliver(message), options);
      if (callback !== null) this.callbacks[tag] = callback;
      if (on_cancel !== null) this.cancel_callbacks[tag] = on_cancel;
      if (no_ack) this.no_ack_consumers.add(tag);
      return tag;
    });
  }

  #deliver(message: IncomingMessage): unknown {
    const callback = this.callbacks[message.consumerTag!];
    if (callback === undefined) return undefined;
    return this.home.serve(() => callback(Message.received(this.self, message)));
  }

  #cancelled(tag: string): void {
    const on_cancel = this.cancel_callbacks[tag];
    this.#drop(tag);
    if (on_cancel !== undefined) return void this.home.serve(() => on_cancel(tag));
    throw new ConsumerCancelled(
      `the broker ended consumer '${tag}'`,
      Basic.Cancel,
      null,
      null,
      this.channel_id,
    );
  }

  #drop(tag: string): void {
    delete this.callbacks[tag];
    delete this.cancel_callbacks[tag];
    this.no_ack_consumers.delete(tag);
  }

  /** End a consumer; what its callback has not had goes back. Blocks unless `nowait`. */
  basic_cancel(...args: Args<typeof CHANNEL.basic_cancel>): void {
    const { consumer_tag, nowait } = CHANNEL.basic_cancel(args);
    this.call((core) => core.basicCancel(consumer_tag, { noWait: nowait }));
    this.#drop(consumer_tag);
  }

  /** Limit what the broker sends ahead, to the consumers that are started after this. Blocks. */
  basic_qos(...args: Args<typeof CHANNEL.basic_qos>): void {
    const { prefetch_size, prefetch_count, a_global } = CHANNEL.basic_qos(args);
    const limits = { prefetchSize: prefetch_size, prefetchCount: prefetch_count, global: a_global };
    this.call((core) => this.#limit(core, limits));
  }

  #limit(core: ClientChannel, limits: Parameters<ClientChannel['basicQos']>[0]): void {
    core.basicQos(limits);
    this.#isLimited = true;
  }

  /**
   * Take responsibility for a message, or with `multiple` for all up to it. Does not block.
   * @throws {PreconditionFailed} it was settled before, or never came; the channel lives
   */
  basic_ack(...args: Args<typeof CHANNEL.basic_ack>): void {
    const { delivery_tag, multiple } = CHANNEL.basic_ack(args);
    this.settle((core) => core.basicAck(delivery_tag, { multiple }));
  }

  /** Give a message back (`requeue`), or away. Does not block. Throws like `basic_ack`. */
  basic_reject(...args: Args<typeof CHANNEL.basic_reject>): void {
    const { delivery_tag, requeue } = CHANNEL.basic_reject(args);
    this.settle((core) => core.basicReject(delivery_tag, { requeue }));
  }

  /** @internal */
  settle(settle: (core: ClientChannel) => void): void {
    try {
      this.call(settle);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const { message } = error;
      throw new PreconditionFailed(message, Basic.Ack, null, null, this.channel_id).because(error);
    }
  }

  /**
   * Have everything unsettled delivered again. Blocks for a round trip.
   * @throws {AMQPNotImplementedError} RabbitMQ: `requeue` is false, which is the default; `hint` says what to do
   */
  basic_recover(...args: Args<typeof CHANNEL.basic_recover>): void {
    const requeue = this.#requeue(CHANNEL.basic_recover(args));
    this.call((core) => core.basicRecover({ requeue }));
  }

  /** `basic_recover` without waiting. */
  basic_recover_async(...args: Args<typeof CHANNEL.basic_recover_async>): void {
    const requeue = this.#requeue(CHANNEL.basic_recover_async(args));
    this.call((core) => core.basicRecoverAsync({ requeue }));
  }

  #requeue({ requeue }: { requeue: boolean }): boolean {
    return requeue || this.home.compat.recover === 'requeue';
  }

  /** @internal */
  protected override renew(): void {
    super.renew();
    this.#isLimited = false;
  }
}
