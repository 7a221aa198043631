import {
  type AmqpError,
  BlockedTimeoutError,
  ChannelClosedError,
  NackError,
  TimeoutError,
  UnroutableError,
  WrongStateError,
  wasSent,
} from '../errors';
import type { Args, Input } from '../protocol/method-types';
import type { PropertiesInput } from '../protocol/properties';
import { type BatchOptions, type Publishing, type PublishResult, publishBatch } from './batch';
import { ConsumingChannel } from './channel-consuming';
import { contentOf } from './channel-core';
import {
  type CallOptions,
  checkBoolean,
  checkOptions,
  checkTimeout,
  MESSAGE_PROPERTIES,
  optionNames,
  PUBLISH_OPTIONS,
} from './checks';
import { Confirms, type Publish } from './confirms';
import { wireProperties } from './conversions';
import { Head, Heads } from './heads';
import { type BodyInput, bodyBytes, Message, ReturnedMessage, withEncoding } from './message';
import { writeKnown, writePublish } from './publisher';
import { when } from './pump';
import type { Answer } from './rpc';

export type PublishOptions = Input<'basic.publish'> &
  PropertiesInput &
  CallOptions & {
    /** Confirm mode: false leaves waiting to `waitForConfirms`. Default true. */
    wait?: boolean | undefined;
  };

/** Publishing mode of a channel: transactions and confirms exclude each other. */
export type ChannelMode = 'none' | 'tx' | 'confirm';

const CONFIRM_SELECT = optionNames('confirm.select', []);
const TIMEOUT_ONLY = new Set(['timeout']);

/** The verbs that send messages, plainly, confirmed, or in a transaction. */
export abstract class PublishingChannel extends ConsumingChannel {
  #confirms = new Confirms();
  readonly #heads = new Heads();
  #mode: ChannelMode = 'none';
  /** The broker's wish (channel.flow): false means do not publish. */
  #active = true;
  readonly #returned: ReturnedMessage[] = [];

  /** Called when a mandatory message comes back and no publish waits for it; run by the pump. */
  onReturn: ((message: ReturnedMessage) => void) | undefined;

  /** `none`, or after `txSelect` or `confirmSelect` for good: `tx`, `confirm`. */
  get mode(): ChannelMode {
    return this.#mode;
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publish a message; properties stand beside the address. The body is copied before this returns.
   * Without confirm mode it blocks only while the connection's buffer is full. In confirm mode it returns
   * once the broker has taken responsibility.
   * @throws {NackError} confirm mode: the broker could not take it
   * @throws {UnroutableError} confirm mode and `mandatory`: no queue took it; carries the message
   * @throws {TimeoutError} `outcome` is `not-sent`, or `unknown` when only the confirm is missing
   * @throws {BlockedTimeoutError} the broker has blocked publishing for `blockedTimeout` ms; not sent
   * @see AMQP 0-9-1 §1.8.3.7 (basic.publish)
   *
   *     channel.basicPublish('hello', { routingKey: 'tasks', deliveryMode: 2 });
   */
  basicPublish(body: BodyInput | Message, options: PublishOptions = {}): void {
    // one limit for the way out and for the confirm; where none is awaited the time need not be asked for
    const began = this.#mode === 'confirm' ? performance.now() : 0;
    const publish = this.publish(body, options);
    if (publish === undefined || options.wait === false) return;
    publish.watched = true;
    try {
      this.connection.pump.until(publish, this.connection.deadline(options.timeout, began));
    } finally {
      publish.watched = publish.settled;
    }
    if (publish.acked) return;
    throw this.publishError(publish);
  }

  /**
   * Write one publish; in confirm mode returns what tracks it. What was written before with the same options
   * needs no checks, only the bytes it gave rise to then. @internal
   */
  publish(body: BodyInput | Message, options: PublishOptions, deadline?: number): Publish | undefined {
    const known = this.#writeKnown(body, options);
    if (!known) this.#writeNew(body, options, deadline);
    this.blame.remember('basic.publish', options.exchange ?? '', options.routingKey);
    return this.#mode === 'confirm' ? this.#confirms.track(body, options) : undefined;
  }

  #writeKnown(body: BodyInput | Message, options: PublishOptions): boolean {
    const isText = typeof body === 'string';
    if (!isText && !(body instanceof Uint8Array)) return false;
    const head = this.#heads.find(options, isText);
    if (head === undefined) return false;
    this.checkOpen('basic.publish');
    const { connection } = this;
    return this.#active && !connection.isBlocked && writeKnown(connection.pump, head, body);
  }

  #writeNew(body: BodyInput | Message, options: PublishOptions, limit: number | undefined): void {
    checkOptions('basicPublish', options, PUBLISH_OPTIONS);
    checkBoolean(options.wait, 'wait');
    const { timeout } = options;
    const deadline =
      limit ?? this.connection.deadline(timeout === undefined ? undefined : checkTimeout(timeout));
    const bytes = body instanceof Message ? body.body : bodyBytes(body);
    const properties = body instanceof Message ? merged(body, options) : withEncoding(body, options);
    this.checkOpen('basic.publish');
    this.#waitUntilAllowed(deadline);
    const learn =
      body instanceof Message || !this.#heads.wanted(options)
        ? undefined
        : (head: Uint8Array, headerAt: number) =>
            this.#heads.keep(new Head(options, typeof body === 'string', head, headerAt, this.id));
    if (!writePublish(this.connection.pump, this, options, properties, bytes, deadline, learn)) {
      throw this.timedOut('basic.publish', 'not-sent');
    }
    if (!this.isOpen) this.checkOpen('basic.publish'); // it was closed while a large body waited for room
  }

  /** Why a publish was not acked. @internal */
  publishError(publish: Publish, what = addressed(publish)): Error {
    const { returned } = publish;
    if (publish.error !== undefined) return this.#lost(publish);
    if (returned !== undefined) {
      const { replyCode, replyText } = returned;
      return new UnroutableError<ReturnedMessage>(`${what} was returned: ${replyCode} ${replyText}`, {
        code: replyText,
        replyCode,
        replyText,
        method: 'basic.publish',
        message: returned,
      });
    }
    if (publish.nacked) {
      return new NackError<Message>(`${what} was refused by the broker (basic.nack)`, {
        method: 'basic.publish',
        message: publish.message,
      });
    }
    return new TimeoutError(`${what} was not confirmed in time; it may or may not have arrived`, {
      method: 'basic.publish',
      outcome: 'unknown',
      recoverable: true,
    });
  }

  /** An innocent publish on a channel that something else closed. */
  #lost(publish: Publish): AmqpError {
    const reason = publish.error as AmqpError;
    if (publish.outcome === 'rejected' || !(reason instanceof ChannelClosedError)) return this.tell(reason);
    this.tell(reason);
    return new ChannelClosedError(`publish ${publish.seqNo} was not confirmed: ${reason.message}`, {
      code: reason.code,
      method: 'basic.publish',
      origin: 'broker',
      outcome: 'unknown',
      cause: reason,
    });
  }

  /** The broker may have asked not to publish: for this channel (flow) or for all (alarm). */
  #waitUntilAllowed(deadline: number): void {
    const { connection } = this;
    if (connection.isBlocked) {
      const limit = Math.min(deadline, performance.now() + connection.blockedTimeout);
      if (
        !connection.pump.until(
          when(() => !connection.isBlocked),
          limit,
        )
      )
        throw this.#blocked();
    }
    if (
      !this.#active &&
      !connection.pump.until(
        when(() => this.#active),
        deadline,
      )
    )
      throw this.#paused();
  }

  #paused(): TimeoutError {
    return new TimeoutError(
      `basic.publish was not sent: the broker has paused channel ${this.id} (channel.flow)`,
      {
        method: 'basic.publish',
        outcome: 'not-sent',
        recoverable: true,
      },
    );
  }

  #blocked(): BlockedTimeoutError {
    return new BlockedTimeoutError(
      `basic.publish was not sent: the broker has blocked publishing (${this.connection.blockedReason})`,
      { method: 'basic.publish', origin: 'broker', recoverable: true, outcome: 'not-sent' },
    );
  }

  /**
   * Publish many messages in confirm mode with at most `window` unconfirmed ones. Blocks until each is
   * confirmed, and never throws for one of them: the results say what became of each, in order.
   * @throws {WrongStateError} without `confirmSelect`
   *
   *     const results = channel.publishBatch(lines, { routingKey: 'lines', window: 500 });
   *     const lost = results.filter((result) => result.status !== 'acked');
   */
  publishBatch(messages: Iterable<Publishing>, options: BatchOptions = {}): PublishResult[] {
    return publishBatch(this.self, messages, options);
  }

  /**
   * Wait for the confirms of everything published with `wait: false`, or timed out. Blocks. A mandatory
   * message that no queue took is confirmed, too: it is in `returnedMessages` then, or at `onReturn` with the
   * next `drainEvents`.
   * @returns true if nothing was nacked since the last call
   * @throws {TimeoutError} some are still missing
   */
  waitForConfirms(options: CallOptions = {}): boolean {
    checkOptions('waitForConfirms', options, TIMEOUT_ONLY);
    this.checkMode('confirm', 'waitForConfirms');
    this.checkOpen('waitForConfirms');
    const confirms = this.#confirms;
    const { connection } = this;
    connection.pump.until(
      confirms,
      connection.deadline(options.timeout === undefined ? undefined : checkTimeout(options.timeout)),
    );
    const failure = confirms.takeFailure();
    if (failure !== undefined) throw this.tell(failure);
    if (!confirms.settled) {
      throw new TimeoutError(
        `${confirms.outstanding} publishes on channel ${this.id} were not confirmed in time`,
        {
          outcome: 'unknown',
          recoverable: true,
        },
      );
    }
    return !confirms.takeNacked();
  }

  /** The sequence number of the next publish in confirm mode; 0 outside of it. */
  get nextPublishSeqNo(): number {
    return this.#mode === 'confirm' ? this.#confirms.nextSeqNo : 0;
  }

  /** Mandatory messages that came back and that no publish waited for, if there is no `onReturn`; take them out yourself. */
  get returnedMessages(): ReturnedMessage[] {
    return this.#returned;
  }

  /**
   * From now on the broker confirms what is published here. Blocks for a round trip; again: nothing.
   * @throws {WrongStateError} in a transactional channel
   * @see RabbitMQ: publisher confirms (confirm.select)
   */
  confirmSelect(options: Input<'confirm.select'> & CallOptions = {}): void {
    checkOptions('confirmSelect', options, CONFIRM_SELECT);
    if (this.#mode === 'confirm') return;
    this.checkMode('none', 'confirmSelect');
    this.enter('confirm', () => this.call('confirm.select', { noWait: options.noWait }, options));
  }

  // ── modes ───────────────────────────────────────────────────────────────────────────────────────────

  /** The broker is in a mode from the request on, even if nobody hears its reply. @internal */
  protected enter(mode: 'tx' | 'confirm', select: () => void): void {
    try {
      select();
    } catch (error) {
      if (wasSent(error)) this.#switch(mode);
      throw error;
    }
    this.#switch(mode);
  }

  #switch(mode: 'tx' | 'confirm'): void {
    if (mode === 'tx' && this.#mode !== 'tx') this.deliveries.begin();
    this.#mode = mode;
  }

  /** @throws {WrongStateError} @internal */
  checkMode(wanted: 'none' | 'tx' | 'confirm', verb: string): void {
    if (this.#mode === wanted) return;
    const hint =
      wanted === 'none'
        ? `channel ${this.id} is in ${this.#mode} mode, and the two exclude each other; open another channel`
        : `call ${wanted === 'tx' ? 'txSelect' : 'confirmSelect'} on channel ${this.id} first`;
    throw new WrongStateError(`${verb}: ${hint}`, { code: 'WRONG_MODE' });
  }

  // ── what the broker sends ───────────────────────────────────────────────────────────────────────────

  /** @internal */
  protected override renew(): void {
    super.renew();
    this.#confirms = new Confirms();
    this.#mode = 'none';
    this.#active = true;
  }

  /** @internal */
  protected override ended(reason: AmqpError): void {
    super.ended(reason);
    const { method, replyText = '' } = reason;
    const alone = this.#confirms.outstanding === 1;
    // the broker's text names the exchange, or the size of the body
    this.#confirms.fail(reason, ({ exchange, body }) => {
      const named = replyText.includes(`'${exchange}'`) || replyText.includes(` ${body.length} `);
      return method === 'basic.publish' && (alone || named);
    });
  }

  /** @internal */
  protected override handle(answer: Answer): void {
    switch (answer.plan.name) {
      case 'basic.ack':
      case 'basic.nack': {
        const { deliveryTag, multiple } = answer.args as Args<'basic.nack'>;
        return this.#confirms.settle(deliveryTag, multiple, answer.plan.name === 'basic.nack');
      }
      case 'basic.return':
        return this.#cameBack(answer);
      case 'channel.flow':
        this.#active = (answer.args as Args<'channel.flow'>).active;
        return this.respond('channel.flow-ok', { active: this.#active });
      default:
        return super.handle(answer);
    }
  }

  #cameBack(answer: Answer): void {
    const { replyCode, replyText, exchange, routingKey } = answer.args as Args<'basic.return'>;
    const { body, properties } = contentOf(answer);
    const returned = (bytes: Uint8Array) =>
      new ReturnedMessage(this.self, replyCode, replyText, exchange, routingKey, bytes as Buffer, properties);
    const message = returned(body ?? NO_BODY);
    const publish = this.#mode === 'confirm' ? this.#confirms.returned(message) : undefined;
    // above maxMessageSize it was not kept, but it was ours
    if (publish !== undefined && body === undefined) publish.returned = returned(publish.body);
    if (!publish?.watched) this.#hand(publish?.returned ?? message);
  }

  /** Whoever looks for it finds it at once; whoever waits for events is told. */
  #hand(message: ReturnedMessage): void {
    const { dispatcher } = this.connection;
    if (this.onReturn !== undefined) return dispatcher.push(message);
    this.#returned.push(message);
    dispatcher.push({ dispatch: () => {} });
  }

  /** @internal */
  takeReturn(message: ReturnedMessage): void {
    if (this.onReturn === undefined) this.#returned.push(message);
    else this.onReturn(message);
  }
}

const NO_BODY = Buffer.alloc(0);

/** Which publish it was. */
function addressed({ seqNo, exchange, routingKey }: Publish): string {
  return `publish ${seqNo} to exchange "${exchange}" with routing key "${routingKey}"`;
}

/** A message's own properties, and those given beside it, which win. */
function merged(message: Message, options: PublishOptions): PublishOptions {
  checkOptions('Message', message.properties, MESSAGE_PROPERTIES);
  return { ...wireProperties(message.properties), ...options };
}
