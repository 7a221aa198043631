import { clock } from '../../clock';
import { type AmqpError, BlockedTimeoutError, TimeoutError } from '../../errors';
import { isTable } from '../../protocol/field-table';
import type { Args, Input } from '../../protocol/method-types';
import { refusePromise } from '../callbacks';
import { HAPPENING, learn, OPERATION, type PublishFacts } from '../diagnostics';
import { DISPATCH, type Event } from '../dispatcher';
import {
  type CallOptions,
  checkBoolean,
  checkGiven,
  checkOptions,
  checkTimeout,
  PUBLISH_OPTIONS,
} from '../options/checks';
import type { PublishOptions } from '../options/publish-options';
import { type Waitable, when } from '../pump';
import type { ChannelHost } from './channel-host';
import type { ChannelPart } from './channel-part';
import type { ChannelSession } from './channel-session';
import { Confirms, type Publish, type Returned } from './confirms';
import { bodyBytes, type Content, contentBytes, isMessage, withProperties } from './content';
import type { MessageFactory } from './message-factory';
import { PreparedPublish, PreparedPublishes } from './prepared-publish';
import type { PublishMode } from './publish-mode';
import { tracePublish } from './publish-tracing';
import { PropertiesTooLarge, writePrepared, writePublish } from './publish-writer';
import { type Answer, contentOf } from './replies';
import { checkStreamHeaders } from './stream-headers';
import type { Transactions } from './transactions';

/** The public channel, as far as publishing calls it. */
export interface ReturnReceiver {
  onReturn: ((message: never) => void) | undefined;
}

const NO_BODY = Buffer.alloc(0);

/** Publishes on a channel, plainly, confirmed, or in a transaction, and takes what comes back. */
export class Publisher implements ChannelPart {
  /** Mandatory messages that came back, and that nobody was told of. */
  readonly returned: Returned[] = [];
  /** The broker's wish (channel.flow): false means do not publish. */
  isActive = true;
  #confirms = new Confirms((publish) => this.#settled(publish));
  readonly #prepared = new PreparedPublishes();
  /** Publishes that lost their confirm with the connection: repeated before anything else is published. */
  #unconfirmed: Publish[] = [];
  /** An event that tells of returned messages has not run yet. */
  #isEventPending = false;

  constructor(
    readonly session: ChannelSession,
    readonly mode: PublishMode,
    readonly transactions: Transactions,
    readonly factory: MessageFactory,
    readonly owner: ReturnReceiver,
  ) {}

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────

  /** Publish, and in confirm mode wait for the broker's word, as `Channel.basicPublish` says. */
  publish(content: Content, options: PublishOptions): void {
    if (typeof options !== 'object' || options === null)
      checkOptions('basicPublish', options, PUBLISH_OPTIONS);
    if (!OPERATION.publish.isTraced) return this.#publish(content, options);
    tracePublish(this.session, content, options, undefined, (given, facts) =>
      this.#publish(content, given, facts),
    );
  }

  #publish(content: Content, options: PublishOptions, facts?: PublishFacts): void {
    // one limit for the way out and for the confirm; where none is awaited the time need not be asked for
    const isConfirmed = this.mode.current === 'confirm';
    const began = isConfirmed ? clock.now() : 0;
    let publish = this.#send(content, options, undefined, isConfirmed && options.wait !== false, facts);
    if (publish === undefined || options.wait === false) return;
    const deadline = this.session.host.events.deadline(options.timeout, began);
    for (;;) {
      publish.isAwaited = true;
      try {
        this.waitFor(publish, deadline);
      } finally {
        publish.isAwaited = publish.isDone;
        // who was told that nobody knows may do something about it, and reuse the buffer
        if (!publish.isDone) publish.retry = false;
      }
      if (publish.acked) return;
      if (!publish.isRepeated) throw this.error(publish);
      publish = this.#send(content, options, deadline, true, facts) as Publish;
    }
  }

  /**
   * Write one publish; in confirm mode returns what tracks it, and nobody waits here. `isAwaited`: the caller waits for the
   * confirm, or for the answer of whoever gets it, at once.
   */
  send(
    content: Content,
    options: PublishOptions,
    deadline?: number,
    isAwaited = false,
    batch?: object,
  ): Publish | undefined {
    if (!OPERATION.publish.isTraced) return this.#send(content, options, deadline, isAwaited);
    return tracePublish(this.session, content, options, batch, (given, facts) =>
      this.#send(content, given, deadline, isAwaited, facts),
    );
  }

  /** Write once more, after a recovery, what was not confirmed. */
  repeat({ content, options, facts }: Publish, deadline: number | undefined): Publish {
    return this.#send(content, options, deadline, false, facts) as Publish;
  }

  /**
   * What was written before with the same options needs no checks, only the bytes it gave rise to then. Those that lost their confirm
   * with the connection go first.
   */
  #send(
    content: Content,
    options: PublishOptions,
    deadline?: number,
    isAwaited = false,
    facts?: PublishFacts,
  ): Publish | undefined {
    if (this.#unconfirmed.length > 0) this.#publishAgain(deadline);
    const isWritten = this.#writePrepared(content, this.session.host.recovery.currentAddress(options));
    if (!isWritten) this.#writeNew(content, options, deadline);
    const mode = this.mode.current;
    this.session.host.counts.published++;
    this.session.host.pump.link.send(isAwaited);
    this.session.history.remember('basic.publish', options.exchange ?? '', options.routingKey);
    if (mode === 'none') return undefined;
    if (mode === 'confirm') return this.#track(content, options, facts);
    this.transactions.isBegun = true;
    return undefined;
  }

  #track(content: Content, options: PublishOptions, facts: PublishFacts | undefined): Publish {
    const publish = this.#confirms.track(content, options);
    publish.facts = facts;
    if (facts !== undefined) learn(facts, 'seqNo', publish.seqNo);
    const { recoveryPolicy } = this.session.host;
    if (recoveryPolicy === undefined) return publish;
    publish.retry = options.retry ?? recoveryPolicy.republish;
    // the caller does not wait, so its buffer may have something else in it by the time this is published again
    const isFleeting = publish.retry && options.wait === false && !isMessage(content);
    if (isFleeting) publish.content = Buffer.from(bodyBytes(content));
    return publish;
  }

  /** Publishes that nobody waits for, repeated on the next connection. */
  #publishAgain(deadline: number | undefined): void {
    const lost = this.#unconfirmed;
    this.#unconfirmed = [];
    while (lost.length > 0) {
      try {
        this.repeat(lost[0] as Publish, deadline);
      } catch (error) {
        // the frames of the broker that is there now are too small for it
        if (error instanceof PropertiesTooLarge) this.#giveUp(lost.splice(0, 1));
        this.#unconfirmed.unshift(...lost);
        throw error;
      }
      lost.shift();
    }
  }

  /** They are not repeated after all. */
  #giveUp(lost: readonly Publish[]): void {
    for (const publish of lost) {
      publish.retry = false;
      this.#settled(publish);
    }
  }

  #writePrepared(content: Content, options: PublishOptions): boolean {
    const isText = typeof content === 'string';
    if (!isText && !(content instanceof Uint8Array)) return false;
    const prepared = this.#prepared.find(options, isText);
    if (prepared === undefined) return false;
    this.session.checkOpen('basic.publish');
    const { pump } = this.session.host;
    return this.isActive && !pump.isHeld && writePrepared(pump, prepared, content);
  }

  #writeNew(content: Content, options: PublishOptions, limit: number | undefined): void {
    checkOptions('basicPublish', options, PUBLISH_OPTIONS);
    checkGiven(options, 'deliveryMode');
    checkBoolean(options.wait, 'wait');
    checkBoolean(options.retry, 'retry');
    const { session } = this;
    const { host, id } = session;
    const { timeout } = options;
    const deadline = limit ?? host.events.deadline(timeout === undefined ? undefined : checkTimeout(timeout));
    const bytes = contentBytes(content);
    let properties = withProperties(content, options);
    session.checkOpen('basic.publish');
    if (goesToStream(host, options) && isTable(properties.headers))
      checkStreamHeaders(host, properties.headers);
    const keep =
      isMessage(content) || !this.#prepared.wanted(options)
        ? undefined
        : (head: Uint8Array, headerAt: number) =>
            this.#prepared.keep(
              new PreparedPublish(options, typeof content === 'string', head, headerAt, id),
            );
    let end: ReturnType<typeof writePublish>;
    do {
      // times count from when it is sent
      if (this.#waitUntilAllowed(deadline)) properties = withProperties(content, options);
      end = writePublish(session, { address: options, properties, body: bytes }, deadline, keep);
    } while (end === 'interrupted'); // the broker has not got the whole of it, and will not
    if (end === 'late') throw session.timedOut('basic.publish', 'not-sent');
    if (!session.isOpen) session.checkOpen('basic.publish'); // it was closed while a large body waited for room
  }

  /** Why a publish was not acked. */
  error(publish: Publish, what = addressed(publish)): Error {
    return this.factory.publishError(publish, what);
  }

  /** Back-pressure of the broker: it may have asked not to publish, on this channel (flow) or at all (alarm). @returns whether it had */
  #waitUntilAllowed(deadline: number): boolean {
    const { host, id } = this.session;
    if (!host.isBlocked && this.isActive) return false;
    if (host.isBlocked) {
      const limit = Math.min(deadline, clock.now() + host.blockedTimeout);
      const isUnblocked = when(() => !host.isBlocked, 'connection.unblocked');
      if (!host.pump.until(isUnblocked, limit)) throw blockedByBroker(host.blockedReason);
    }
    const isResumed = when(() => this.isActive, `channel.flow of channel ${id}`);
    if (!this.isActive && !host.pump.until(isResumed, deadline)) throw pausedByBroker(id);
    return true;
  }

  /**
   * Nobody waits for it any more: what has become of it since it was sent is for `waitForConfirms` to tell, and whoever
   * was told that nobody knows may reuse its buffer.
   */
  leave(publish: Publish): void {
    publish.isAwaited = false;
    publish.retry = false;
    this.#confirms.leave(publish);
    if (publish.returned !== undefined) this.#hand(publish.returned);
  }

  // ── confirms ────────────────────────────────────────────────────────────────────────────────────────

  confirmSelect(options: Input<'confirm.select'> & CallOptions): void {
    if (this.mode.current === 'confirm') return;
    this.mode.check('none', 'confirmSelect');
    const { noWait } = options;
    this.mode.enter('confirm', () => this.session.call('confirm.select', { noWait }, options));
  }

  /** Wait for a confirm, or for all. @returns false: the deadline passed first */
  waitFor(goal: Waitable, deadline: number): boolean {
    const { pump } = this.session.host;
    if (!OPERATION.confirm.isTraced || goal.isDone) return pump.until(goal, deadline);
    return OPERATION.confirm.trace(this.#waitFacts, () => pump.until(goal, deadline));
  }

  get #waitFacts() {
    return { ...this.session.facts, unconfirmed: this.unconfirmed };
  }

  #settled(publish: Publish): void {
    if (!HAPPENING.confirm.isHeard) return;
    const { seqNo, exchange, routingKey, status, error, isRepeated, facts } = publish;
    HAPPENING.confirm.tell({
      ...this.session.facts,
      seqNo,
      exchange,
      routingKey,
      status,
      error,
      isRepeated,
      publish: facts,
    });
  }

  /** The sequence number of the next publish in confirm mode; 0 outside of it. */
  get nextSeqNo(): number {
    return this.mode.current === 'confirm' ? this.#confirms.nextSeqNo : 0;
  }

  /** Wait for the confirms that nobody waits for. @returns true if nothing was nacked since the last call */
  waitForConfirms({ timeout }: CallOptions): boolean {
    this.mode.check('confirm', 'waitForConfirms');
    const { session } = this;
    session.checkOpen('waitForConfirms');
    const deadline = session.host.events.deadline(timeout === undefined ? undefined : checkTimeout(timeout));
    if (!OPERATION.confirm.isTraced || this.unconfirmed === 0) return this.#waitForAll(deadline);
    return OPERATION.confirm.trace(this.#waitFacts, () => this.#waitForAll(deadline));
  }

  #waitForAll(deadline: number): boolean {
    const { session } = this;
    const confirms = this.#confirms;
    do {
      if (this.#unconfirmed.length > 0) this.#publishAgain(deadline);
      session.host.pump.until(confirms, deadline);
    } while (this.#unconfirmed.length > 0);
    const failure = confirms.takeFailure();
    if (failure !== undefined) throw session.report(failure);
    if (!confirms.isDone) {
      throw new TimeoutError(
        `${confirms.outstanding} publishes on channel ${session.id} were not confirmed in time`,
        { outcome: 'unknown', recoverable: true },
      );
    }
    return !confirms.takeNacked();
  }

  // ── what becomes of the channel ─────────────────────────────────────────────────────────────────────

  get unconfirmed(): number {
    return this.#confirms.outstanding + this.#unconfirmed.length;
  }
  isAwaiting(goal: object): boolean {
    return goal === this.#confirms || this.#confirms.has(goal);
  }

  opening(): void {
    this.#confirms = new Confirms((publish) => this.#settled(publish));
    this.isActive = true;
    this.#unconfirmed = [];
  }

  connectionLost(error: AmqpError): void {
    this.isActive = true;
    this.#unconfirmed.push(...this.#confirms.interrupt(error));
  }

  closed(reason: AmqpError): void {
    this.#giveUp(this.#unconfirmed.splice(0));
    const { method, replyText = '' } = reason;
    const alone = this.#confirms.outstanding === 1;
    // the broker's text names the exchange, or the size of the body
    this.#confirms.fail(reason, ({ exchange, body }) => {
      const named = replyText.includes(`'${exchange}'`) || replyText.includes(` ${body.length} `);
      return method === 'basic.publish' && (alone || named);
    });
  }

  // ── what the broker sends ───────────────────────────────────────────────────────────────────────────

  readonly handlers = {
    'basic.ack': (answer: Answer) => this.#confirmed(answer, false),
    'basic.nack': (answer: Answer) => this.#confirmed(answer, true),
    'basic.return': (answer: Answer) => this.#cameBack(answer),
    'channel.flow': ({ args }: Answer) => {
      this.isActive = (args as Args<'channel.flow'>).active;
      this.session.respond('channel.flow-ok', { active: this.isActive });
    },
  };

  #confirmed({ args }: Answer, isNacked: boolean): void {
    const { deliveryTag, multiple } = args as Args<'basic.nack'>;
    this.#confirms.settle(deliveryTag, multiple, isNacked);
  }

  #cameBack(answer: Answer): void {
    const { replyCode, replyText, exchange, routingKey } = answer.args as Args<'basic.return'>;
    const { body, properties } = contentOf(answer);
    const returned = (bytes: Uint8Array) =>
      this.factory.returned(replyCode, replyText, exchange, routingKey, bytes as Buffer, properties);
    const message = returned(body ?? NO_BODY);
    const publish = this.mode.current === 'confirm' ? this.#confirms.returned(message) : undefined;
    // above maxMessageSize it was not kept, but it was ours
    if (publish !== undefined && body === undefined) publish.returned = returned(publish.body);
    const { host, facts } = this.session;
    host.counts.returned++;
    if (HAPPENING.return.isHeard) HAPPENING.return.tell({ ...facts, message: publish?.returned ?? message });
    if (!publish?.isAwaited) this.#hand(publish?.returned ?? message);
  }

  /** A returned message can be found at once; one event tells whoever waits of all that came since the last look. */
  #hand(message: Returned): void {
    const { dispatcher } = this.session.host;
    if (this.owner.onReturn !== undefined) return dispatcher.push(new ReturnEvent(this, message));
    this.returned.push(message);
    if (this.#isEventPending) return;
    this.#isEventPending = true;
    dispatcher.push({
      [DISPATCH]: () => {
        this.#isEventPending = false;
      },
    });
  }

  /** Give it to `onReturn`, or keep it for whoever looks. */
  take(message: Returned): void {
    if (this.owner.onReturn === undefined) this.returned.push(message);
    else refusePromise(this.owner.onReturn(message as never), 'onReturn');
  }

  /** Take the returned messages that wait for `onReturn`. */
  takeReturns(): Returned[] {
    const events = this.session.host.dispatcher.retain(
      (event) => !(event instanceof ReturnEvent && event.publisher === this),
    );
    return (events as ReturnEvent[]).map(({ message }) => message);
  }
}

/** A message that came back waits for `onReturn`. */
class ReturnEvent implements Event {
  constructor(
    readonly publisher: Publisher,
    readonly message: Returned,
  ) {}

  [DISPATCH](): void {
    this.publisher.take(this.message);
  }
}

/** Straight to a stream, as far as that is known here. */
function goesToStream({ queues }: ChannelHost, { exchange = '', routingKey = '' }: PublishOptions): boolean {
  return exchange === '' && queues.isStream(routingKey);
}

/** The publish, in words. */
function addressed({ seqNo, exchange, routingKey }: Publish): string {
  return `publish ${seqNo} to exchange "${exchange}" with routing key "${routingKey}"`;
}

/** The error of a publish that channel.flow has held back. */
function pausedByBroker(channel: number): TimeoutError {
  return new TimeoutError(
    `basic.publish was not sent: the broker has paused channel ${channel} (channel.flow)`,
    { method: 'basic.publish', outcome: 'not-sent', recoverable: true },
  );
}

/** The error of a publish that connection.blocked has held back. */
function blockedByBroker(reason: string | undefined): BlockedTimeoutError {
  return new BlockedTimeoutError(
    `basic.publish was not sent: the broker has blocked publishing (${reason})`,
    {
      method: 'basic.publish',
      origin: 'broker',
      recoverable: true,
      outcome: 'not-sent',
    },
  );
}
