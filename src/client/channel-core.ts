import {
  type AmqpError,
  BlockedTimeoutError,
  ChannelClosedError,
  channelErrorClass,
  describeReply,
  MessageTooLargeError,
  TimeoutError,
  WrongStateError,
} from '../errors';
import { decodeArgs, decodeMethodPlan, methodName, PLANS } from '../protocol/codec';
import { FRAME, replyCodeName } from '../protocol/constants';
import { type Content, ContentAssembler } from '../protocol/content';
import type { Args, Input, MethodName, RequestName } from '../protocol/method-types';
import type { PropertiesInput } from '../protocol/properties';
import { ProtocolViolation } from '../protocol/violation';
import type { Reader } from '../protocol/wire';
import { Blame } from './blame';
import type { Channel } from './channel';
import { Confirms, type Publish } from './confirms';
import type { Connection } from './connection';
import { type Consumer, cancelled } from './consumer';
import { Deliveries } from './deliveries';
import { IncomingMessage, ReturnedMessage } from './message';
import { type Address, writePublish } from './publisher';
import { type Answer, type AnswerHandlers, Replies } from './rpc';

/** Publishing mode: transactions and confirms exclude each other. */
export type ChannelMode = 'none' | 'tx' | 'confirm';

/**
 * A channel below its verbs: frames in, requests and their replies, and how it ends.
 *
 *   [closed] --channel.open--> [opening] --open-ok--> [open] --close()--> [closing]
 *       ^                                                |                    | close-ok
 *       +------ channel.close from the broker -----------+--------------------+
 *
 * A closed channel remembers why. The first call after it throws that reason, later ones say that the
 * channel is closed, with the reason as `cause`.
 */
export class ChannelCore {
  /** Grows with every reopen: deliveries of an earlier life cannot be settled. @internal */
  epoch = 0;
  /** @internal */
  readonly consumers = new Map<string, Consumer>();
  /** @internal */
  protected readonly deliveries = new Deliveries();
  protected readonly blame = new Blame();
  protected confirms = new Confirms();
  protected replies = new Replies();
  protected returns: ReturnedMessage[] = [];
  protected currentMode: ChannelMode = 'none';
  #assembler: ContentAssembler;
  #state: 'closed' | 'opening' | 'open' | 'closing' = 'closed';
  #reason: AmqpError | undefined;
  #reported = false;
  /** The broker's wish (channel.flow): false means do not publish. */
  #active = true;

  /** Called when a mandatory message comes back outside of confirm mode; run by the pump. */
  onReturn: ((message: ReturnedMessage) => void) | undefined;

  /** @internal */
  constructor(
    readonly connection: Connection,
    /** The channel number, 1 to `connection.channelMax`. */
    readonly id: number,
  ) {
    this.#assembler = new ContentAssembler(connection.maxMessageSize);
  }

  get isOpen(): boolean {
    return this.#state === 'open' && this.connection.isOpen;
  }

  /** `none`, or after `txSelect` or `confirmSelect` for good: `tx`, `confirm`. */
  get mode(): ChannelMode {
    return this.currentMode;
  }

  /** Why the channel is closed, if the broker or the network did it. */
  get lastError(): AmqpError | undefined {
    return this.#reason;
  }

  /** Is this delivery still to be acked, nacked or rejected? */
  isUnsettled(deliveryTag: number): boolean {
    return this.deliveries.has(deliveryTag);
  }

  // ── opening and closing ─────────────────────────────────────────────────────────────────────────────

  /** @internal */
  protected openUp(): void {
    this.epoch++;
    this.#state = 'opening';
    this.#reason = undefined;
    this.#reported = false;
    this.#active = true;
    this.currentMode = 'none';
    this.consumers.clear();
    this.deliveries.reset();
    this.confirms = new Confirms();
    this.replies = new Replies();
    this.#assembler = new ContentAssembler(this.connection.maxMessageSize);
    this.request('channel.open', {}, {}, { accept: () => this.#opened() });
  }

  #opened(): void {
    this.#state = 'open';
  }

  /** @internal */
  protected closeDown(args: Input<'channel.close'>, timeout: number): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    const { connection } = this;
    const deadline = performance.now() + timeout;
    const finish = () => {
      this.#end(new WrongStateError(`channel ${this.id} was closed by this program`, { code: 'CLOSED' }));
      connection.forget(this);
    };
    // the number is free once close-ok has come, even if nobody waits for it any more
    const handlers = { accept: finish, late: finish };
    if (!connection.pump.write(this.id, 'channel.close', args, deadline)) return;
    const pending = this.replies.expect(PLANS['channel.close'], handlers);
    if (!connection.pump.until(pending, deadline)) pending.abandoned = true;
  }

  /** The broker, or the end of the connection, closed the channel. @internal */
  died(reason: AmqpError, isGuilty: (publish: Publish) => boolean = () => false): void {
    if (this.#state === 'closed') return;
    this.#reason = reason;
    this.#end(reason, isGuilty);
  }

  #end(reason: AmqpError, isGuilty: (publish: Publish) => boolean = () => false): void {
    this.#state = 'closed';
    this.deliveries.clear();
    this.replies.fail(reason);
    this.confirms.fail(reason, isGuilty);
    for (const consumer of this.consumers.values()) consumer.ended(reason);
    this.connection.dispatcher.retain(
      (event) => !(event instanceof IncomingMessage) || event.channel !== (this as unknown) || event.noAck,
    );
  }

  /** Give the reason of the channel's end to a caller: it has been told. @internal */
  tell(reason: AmqpError): AmqpError {
    if (reason === this.#reason) this.#reported = true;
    return reason;
  }

  /** The reason of the channel's end, if no call has thrown it yet. @internal */
  get untold(): AmqpError | undefined {
    return this.#reported || this.connection.pump.death !== undefined ? undefined : this.#reason;
  }

  /** @throws when a method cannot be sent now, with what closed the channel @internal */
  protected checkOpen(method: string): void {
    this.connection.glance();
    if (this.#state === 'open') return;
    this.connection.checkAlive(method);
    if (this.untold !== undefined) throw this.tell(this.untold);
    throw new WrongStateError(`channel ${this.id} is closed; ${method} was not sent`, {
      code: 'CHANNEL_CLOSED',
      method,
      cause: this.#reason,
    });
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────────

  /** Send a method and wait for its reply. A reply that comes after the deadline is swallowed. @internal */
  protected request<M extends RequestName>(
    method: M,
    args: Input<M>,
    { timeout }: { timeout?: number | undefined },
    handlers?: AnswerHandlers,
  ): Answer {
    const { pump } = this.connection;
    if (this.#state !== 'opening') this.checkOpen(method);
    const deadline = this.connection.deadline(timeout);
    if (!pump.write(this.id, method, args, deadline)) throw this.#timedOut(method, 'not-sent');
    const pending = this.replies.expect(PLANS[method], handlers);
    try {
      pump.until(pending, deadline);
    } finally {
      pending.abandoned = !pending.settled;
    }
    if (pending.error !== undefined) throw this.tell(pending.error);
    if (pending.answer === undefined) throw this.#timedOut(method, 'unknown');
    return pending.answer;
  }

  #timedOut(method: string, outcome: 'not-sent' | 'unknown'): TimeoutError {
    const what =
      outcome === 'not-sent'
        ? 'could not be sent in time: the broker does not read'
        : 'got no reply in time; it may still be carried out, and its reply will be ignored';
    return new TimeoutError(`${method} on channel ${this.id} ${what}`, {
      method,
      outcome,
      recoverable: true,
    });
  }

  /** Send a method that has no reply, or none is wanted of. @internal */
  protected send<M extends MethodName>(method: M, args: Input<M>, subject: string | number): void {
    this.checkOpen(method);
    const deadline = this.connection.deadline(undefined);
    if (!this.connection.pump.write(this.id, method, args, deadline))
      throw this.#timedOut(method, 'not-sent');
    this.blame.remember(method, subject);
  }

  /** Send in answer to a frame, once that frame is out of the way. */
  #answer<M extends MethodName>(method: M, args: Input<M>): void {
    const { pump, callTimeout } = this.connection;
    pump.defer(() => pump.write(this.id, method, args, performance.now() + callTimeout));
  }

  /** Give back a delivery that nobody will see. @internal */
  protected giveBack(deliveryTag: number): void {
    this.deliveries.settle(deliveryTag, false);
    this.#answer('basic.nack', { deliveryTag, requeue: true });
  }

  /** Put a message into the ring. @internal */
  protected publishOne(
    address: Address,
    properties: PropertiesInput,
    body: Uint8Array,
    deadline: number,
  ): void {
    this.#waitUntilAllowed(deadline);
    if (!writePublish(this.connection.pump, this.id, address, properties, body, deadline)) {
      throw this.#timedOut('basic.publish', 'not-sent');
    }
    this.blame.remember('basic.publish', address.exchange ?? '', address.routingKey);
  }

  /** The broker may have asked not to publish: for this channel (flow) or for all (alarm). */
  #waitUntilAllowed(deadline: number): void {
    const { connection } = this;
    const isActive = () => this.#active;
    if (connection.isBlocked) {
      const limit = Math.min(deadline, performance.now() + connection.blockedTimeout);
      const unblocked = {
        get settled() {
          return !connection.isBlocked;
        },
      };
      if (!connection.pump.until(unblocked, limit)) {
        throw new BlockedTimeoutError(
          `basic.publish was not sent: the broker has blocked publishing (${connection.blockedReason})`,
          { method: 'basic.publish', origin: 'broker', recoverable: true, outcome: 'not-sent' },
        );
      }
    }
    if (
      !this.#active &&
      !connection.pump.until(
        {
          get settled() {
            return isActive();
          },
        },
        deadline,
      )
    ) {
      throw this.#timedOut('basic.publish', 'not-sent');
    }
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────

  /** One frame of this channel. @throws {ProtocolViolation} @internal */
  route(type: number, reader: Reader): void {
    if (this.#state === 'closed') return;
    if (type === FRAME.METHOD) return this.#method(reader);
    if (this.#state === 'closing') return;
    const content =
      type === FRAME.HEADER
        ? this.#assembler.header(reader)
        : this.#assembler.body(reader.buffer, reader.pos, reader.end);
    if (content !== undefined) this.#content(content);
  }

  #method(reader: Reader): void {
    const plan = decodeMethodPlan(reader);
    const { name } = plan;
    if (plan.from === 'client' || name.startsWith('connection.')) {
      throw new ProtocolViolation(
        503,
        'unexpected method',
        `channel ${this.id}`,
        'a method of the server',
        name,
      );
    }
    // once we have said close, only the two ends of the conversation still count
    if (this.#state === 'closing' && name !== 'channel.close' && name !== 'channel.close-ok') return;
    const args = decodeArgs(reader, plan);
    if (plan.content) return this.#assembler.method(plan, args);
    if (name !== 'channel.close') this.#assembler.refuse('method', name);
    this.#handle({ plan, args, content: undefined });
  }

  #handle(answer: Answer): void {
    const { args } = answer;
    switch (answer.plan.name) {
      case 'basic.ack':
      case 'basic.nack': {
        const { deliveryTag, multiple } = args as Args<'basic.nack'>;
        return this.confirms.settle(deliveryTag, multiple, answer.plan.name === 'basic.nack');
      }
      case 'basic.cancel':
        return this.#cancelledByBroker((args as Args<'basic.cancel'>).consumerTag);
      case 'channel.flow':
        this.#active = (args as Args<'channel.flow'>).active;
        return this.#answer('channel.flow-ok', { active: this.#active });
      case 'channel.close':
        return this.#closedByBroker(args as Args<'channel.close'>);
      default:
        return this.replies.settle(answer);
    }
  }

  #cancelledByBroker(consumerTag: string): void {
    const consumer = this.consumers.get(consumerTag);
    this.consumers.delete(consumerTag);
    consumer?.ended(cancelled(consumerTag));
  }

  #closedByBroker({ replyCode, replyText, classId, methodId }: Args<'channel.close'>): void {
    this.#answer('channel.close-ok', {});
    if (this.#state === 'closing') return; // the two closes crossed; ours is answered too
    const method = methodName(classId, methodId);
    const blamed = method === undefined ? 'an error' : this.blame.find(method, replyText);
    const during = this.replies.current?.plan.name;
    const elsewhere = during === undefined || during === method ? '' : ` (noticed during ${during})`;
    const reason = new (channelErrorClass(replyCode))(
      `${blamed} closed channel ${this.id}: ${describeReply(replyCode, replyText)}${elsewhere}`,
      {
        code: replyCodeName(replyCode),
        replyCode,
        replyText,
        method,
        origin: 'broker',
        recoverable: false,
        outcome: 'rejected',
      },
    );
    this.connection.forget(this);
    this.died(reason, ({ exchange }) => method === 'basic.publish' && replyText.includes(`'${exchange}'`));
    this.connection.dispatcher.push({ dispatch: () => this.#throwUntold() });
  }

  /** Nobody's call has thrown it by now: the pump does. */
  #throwUntold(): void {
    if (this.untold !== undefined) throw this.tell(this.untold);
  }

  #content(content: Content): void {
    switch (content.plan.name) {
      case 'basic.deliver':
        return this.#delivered(content);
      case 'basic.return':
        return this.#returned(content);
      default:
        return this.replies.settle({ plan: content.plan, args: content.args, content });
    }
  }

  #delivered(content: Content): void {
    const { consumerTag } = content.args as Args<'basic.deliver'>;
    const consumer = this.consumers.get(consumerTag);
    if (consumer === undefined) {
      throw new ProtocolViolation(
        503,
        'delivery for an unknown consumer',
        'basic.deliver',
        'a consumer of the channel',
        consumerTag,
      );
    }
    try {
      consumer.deliver(this.received(content, consumer, consumer.noAck));
    } catch (error) {
      if (!(error instanceof MessageTooLargeError)) throw error;
      this.connection.dispatcher.push({
        dispatch: () => {
          throw error;
        },
      });
    }
  }

  /** The message of a delivery or a get-ok. @throws {MessageTooLargeError} @internal */
  protected received(content: Content, consumer: Consumer | undefined, noAck: boolean): IncomingMessage {
    const args = content.args as Args<'basic.deliver'> & Partial<Args<'basic.get-ok'>>;
    const { deliveryTag, redelivered, exchange, routingKey, messageCount } = args;
    this.deliveries.add(deliveryTag, noAck);
    if (content.body === undefined) {
      const { bodySize } = content;
      throw new MessageTooLargeError(
        `message ${deliveryTag} on channel ${this.id} has ${bodySize} bytes, above maxMessageSize (${this.connection.maxMessageSize})` +
          `${noAck ? '; it is lost, as it was taken with noAck' : '; reject it by its tag, or close the channel to requeue it'}`,
        { bodySize, deliveryTag },
      );
    }
    return new IncomingMessage(
      this as unknown as Channel,
      consumer,
      deliveryTag,
      redelivered,
      exchange,
      routingKey,
      messageCount,
      noAck,
      content.body,
      content.properties,
    );
  }

  #returned(content: Content): void {
    const { replyCode, replyText, exchange, routingKey } = content.args as Args<'basic.return'>;
    const body = content.body ?? Buffer.alloc(0);
    const message = new ReturnedMessage(
      this as unknown as Channel,
      replyCode,
      replyText,
      exchange,
      routingKey,
      body,
      content.properties,
    );
    if (this.currentMode !== 'confirm' || !this.confirms.returned(message))
      this.connection.dispatcher.push(message);
  }

  /** @internal */
  takeReturn(message: ReturnedMessage): void {
    if (this.onReturn === undefined) this.returns.push(message);
    else this.onReturn(message);
  }

  /** An innocent publish on a channel that something else closed. @internal */
  protected lostPublish(publish: Publish): AmqpError {
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
}
