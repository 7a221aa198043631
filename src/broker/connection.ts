import { type MethodPlan, methodName, PLANS } from '../protocol/codec';
import type { TableValue } from '../protocol/field-table';
import type { Args } from '../protocol/method-types';
import type { Properties } from '../protocol/properties';
import { BrokerChannel, type ChannelEngine, type ChannelHost } from './channel';
import type { ConsumedQueue } from './consumers';
import { isRepresentable } from './erlang';
import { Failure, internalError } from './failure';
import { FrameOutput } from './frame-output';
import { publish } from './handlers/publishing';
import { HANDLERS } from './handlers/table';
import type { Vhost } from './vhost';

/** Bytes that may wait for a client, before consumers are held back; answers to its own requests are not. */
export const HIGH_WATER = 1 << 20;

/** The engine, seen from its connections. */
export interface ConnectionEngine extends ChannelEngine {
  /** Do what was deferred. */
  runDeferred(): void;
  /** Tell a publisher that it is blocked, or no longer. */
  notifyBlocked(connection: BrokerConnection): void;
  remove(connection: BrokerConnection): void;
}

/** Capabilities that the client has. */
export interface ClientCapabilities {
  consumerCancelNotify: boolean;
  blocked: boolean;
  authenticationFailureClose: boolean;
}

/** The user that has logged in, and how the connection was tuned. */
export interface Login {
  username: string;
  vhost: Vhost;
  channelMax: number;
  frameMax: number;
  capabilities: ClientCapabilities;
  clientName: string;
}

/**
 * A client's connection after the handshake: methods in, frames out.
 *
 *            close, or a failure of the connection             close-ok, or the socket is gone
 *   [open] ------------------------------------------> [closing] -------------------> [over]
 *
 * A channel that has failed takes nothing more until the client has sent close-ok.
 */
export class BrokerConnection implements ChannelHost {
  readonly output: FrameOutput;
  readonly #channels = new Map<number, BrokerChannel>();
  /** Channels that we have closed and that the client does not yet know of. */
  readonly #closing = new Set<number>();
  /** Times that the queues were asked to go on. */
  #turn = 0;
  /** Channels with confirms to report. */
  readonly unflushed = new Set<BrokerChannel>();
  state: 'handshake' | 'open' | 'closing' | 'over' = 'handshake';
  /** Whether more waits for the client than it has read of late: consumers get nothing more until it has. */
  congested = false;
  /** Whether it has published: then an alarm blocks it. */
  publishes = false;
  /** Whether the client has been told that it is blocked. */
  blocked = false;
  username = '';
  clientName = '';
  vhost: Vhost | undefined;
  channelMax = 0;
  capabilities: ClientCapabilities = {
    consumerCancelNotify: false,
    blocked: false,
    authenticationFailureClose: false,
  };

  constructor(
    readonly engine: ConnectionEngine,
    /** Number among the connections of a broker. */
    readonly id: number,
    onOutput: (connection: BrokerConnection) => void,
  ) {
    this.output = new FrameOutput(() => onOutput(this));
  }

  get channels(): Iterable<BrokerChannel> {
    return this.#channels.values();
  }

  has(channel: BrokerChannel): boolean {
    return this.#channels.get(channel.number) === channel;
  }

  open({ username, vhost, channelMax, frameMax, capabilities, clientName }: Login): void {
    Object.assign(this, { username, vhost, channelMax, capabilities, clientName });
    this.output.frameMax = frameMax === 0 ? 131_072 : frameMax;
    this.state = 'open';
  }

  /** A method has come, without content. */
  receive(number: number, plan: MethodPlan, args: Record<string, unknown>): void {
    this.#guard(number, plan, () => {
      if (number === 0) this.#control(plan);
      else this.#onChannel(number, plan, args);
    });
  }

  /** A message has come. */
  publish(
    number: number,
    args: Args<'basic.publish'>,
    header: Buffer,
    body: Buffer,
    properties: Properties,
  ): void {
    if (!this.publishes) {
      this.publishes = true;
      this.engine.notifyBlocked(this);
    }
    this.#guard(number, PUBLISH, () => {
      if (!this.#closing.has(number)) publish(this.#channel(number), args, header, body, properties);
    });
  }

  /** Refuse what has come on a channel, in a method that the engine was not given. */
  refuse(number: number, failure: Failure, plan: MethodPlan): void {
    this.#guard(number, plan, () => {
      if (this.#closing.has(number)) return;
      this.#channel(number);
      throw failure;
    });
  }

  /** Whether frames of this channel count: of one that is closed, only close and close-ok do. */
  accepts(number: number): boolean {
    return !this.#closing.has(number) && this.state === 'open';
  }

  /** A channel has failed, not in a method of the client. */
  failChannel({ number }: BrokerChannel, failure: Failure): void {
    this.#failChannel(number, failure);
  }

  /** Close with an error, or on the operator's wish. `plan` is the method that is to blame. */
  fail(failure: Failure, plan?: MethodPlan): void {
    if (this.state === 'closing' || this.state === 'over') return;
    this.state = 'closing';
    this.#endChannels();
    const { replyCode, replyText } = failure;
    const ids = idsOf(failure.namesMethod ? plan : undefined);
    this.output.method(0, 'connection.close', { replyCode, replyText, ...ids });
    this.engine.runDeferred();
  }

  /** The socket is gone, or closed for good: nothing of the client stays. */
  end(): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.#endChannels();
    this.engine.remove(this);
    this.engine.runDeferred();
  }

  /** A message was sent to a consumer. */
  delivered(): void {
    if (this.output.size > HIGH_WATER) this.congested = true;
  }

  /** The client has read what there was. */
  drained(): void {
    this.congested = false;
    const queues = new Set<ConsumedQueue>();
    for (const channel of this.#channels.values())
      for (const { queue } of channel.consumers.values())
        if (queue.consumers.unblock(channel)) queues.add(queue);
    // the first may take all the room there is, so another one begins each time
    const waiting = [...queues];
    const first = this.#turn++ % Math.max(1, waiting.length);
    for (const queue of [...waiting.slice(first), ...waiting.slice(0, first)]) queue.run();
    this.engine.runDeferred();
  }

  /** Report the confirms that were gathered while a piece of input was worked off. */
  flush(): void {
    for (const channel of this.unflushed) if (this.has(channel)) channel.flushConfirms();
    this.unflushed.clear();
  }

  #guard(number: number, plan: MethodPlan, run: () => void): void {
    if (this.state === 'over') return;
    try {
      run();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const failure = this.engine.rules.isSince4 && error.isCutInLetter ? internalError() : error;
      if (failure.scope === 'connection') this.fail(failure, plan);
      else this.#failChannel(number, failure, plan);
    }
    this.engine.runDeferred();
  }

  #failChannel(number: number, failure: Failure, plan?: MethodPlan): void {
    this.#channels.get(number)?.flushConfirms();
    this.#endChannel(number);
    this.#closing.add(number);
    const { replyCode, replyText } = failure;
    this.output.method(number, 'channel.close', { replyCode, replyText, ...idsOf(plan) });
  }

  #control(plan: MethodPlan): void {
    if (plan.name === 'connection.close-ok' && this.state === 'closing') return this.end();
    if (plan.name === 'connection.close') {
      this.#endChannels();
      this.output.method(0, 'connection.close-ok');
      return this.end();
    }
    if (this.state !== 'open') return;
    if (plan.name !== 'connection.update-secret') {
      throw new Failure(504, 'unexpected method in connection state running');
    }
    // RabbitMQ's own users do not change by it either; it is for tokens that expire
    this.output.method(0, 'connection.update-secret-ok');
  }

  #onChannel(number: number, plan: MethodPlan, args: Record<string, unknown>): void {
    if (this.state !== 'open') return;
    if (this.#closing.has(number)) return this.#receiveWhileClosing(number, plan);
    if (plan.name === 'channel.open') return this.#openChannel(number);
    const channel = this.#channel(number);
    channel.flushConfirms();
    if (plan.name === 'channel.close') {
      this.#endChannel(number);
      return this.output.method(number, 'channel.close-ok');
    }
    if (!isRepresentable((args.arguments ?? null) as TableValue)) throw internalError();
    const handler = HANDLERS[plan.name];
    if (handler === undefined) throw new Failure(503, 'unimplemented method');
    handler(channel, args);
  }

  /** A channel that is closing: both sides may close it at the same time, and then each answers the other. */
  #receiveWhileClosing(number: number, plan: MethodPlan): void {
    if (plan.name === 'channel.close') this.output.method(number, 'channel.close-ok');
    if (plan.name === 'channel.close-ok') this.#closing.delete(number);
  }

  #channel(number: number): BrokerChannel {
    const channel = this.#channels.get(number);
    if (channel === undefined) throw new Failure(504, "expected 'channel.open'");
    return channel;
  }

  #openChannel(number: number): void {
    if (this.#channels.has(number)) throw new Failure(504, "second 'channel.open' seen");
    const most = this.channelMax;
    if (most > 0 && this.#channels.size >= most) {
      const text = `number of channels opened (${most}) has reached the negotiated channel_max (${most})`;
      throw new Failure(530, text, 'connection', false);
    }
    this.#channels.set(number, new BrokerChannel(this, number));
    this.output.method(number, 'channel.open-ok');
  }

  #endChannel(number: number): void {
    const channel = this.#channels.get(number);
    this.#channels.delete(number);
    channel?.end();
  }

  /** Exclusive queues go behind the channels that use them. */
  #endChannels(): void {
    this.flush();
    const channels = [...this.#channels.values()];
    this.#channels.clear(); // none of them takes what another gives back
    for (const channel of channels) channel.end();
    if (this.vhost === undefined) return;
    for (const queue of this.vhost.queues.values()) if (queue.owner === this) this.vhost.remove(queue);
  }
}

const PUBLISH = PLANS['basic.publish'];

function idsOf(plan: MethodPlan | undefined): { classId: number; methodId: number } {
  const id = plan === undefined || methodName(plan.id >>> 16, plan.id & 0xffff) === undefined ? 0 : plan.id;
  return { classId: id >>> 16, methodId: id & 0xffff };
}
