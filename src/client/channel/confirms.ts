import type { AmqpError, Outcome } from '../../errors';
import type { Input } from '../../protocol/method-types';
import { ProtocolViolation } from '../../protocol/violation';
import type { ConfirmFacts, PublishFacts } from '../diagnostics';
import { Fifo } from '../fifo';
import type { MessageProperties } from '../options/conversions';
import { type Content, contentBytes } from './content';

/** A mandatory message that came back, as its channel sees it. */
export interface Returned {
  readonly replyCode: number;
  readonly replyText: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
}

/** A publish that waits for the broker's word. `isDone` once it has come, or never will. */
export class Publish {
  isDone = false;
  /** Somebody waits for this very publish, and will be told if it comes back. */
  isAwaited = false;
  nacked = false;
  returned: Returned | undefined;
  error: AmqpError | undefined;
  outcome: Outcome | undefined;
  /** The connection was lost before the broker's word came, and is recovered. */
  interrupted = false;
  /** Whether it is repeated then. */
  retry = false;
  /** What whoever listened was told of it. */
  facts: PublishFacts | undefined;

  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;

  get awaited(): string {
    return `the confirm of publish ${this.seqNo} to exchange "${this.exchange}", routing key "${this.routingKey}"`;
  }

  constructor(
    readonly seqNo: number,
    /** For the error; a caller that does not wait may reuse its buffer meanwhile. */
    public content: Content,
    readonly options: Input<'basic.publish'> & MessageProperties,
  ) {
    this.exchange = options.exchange ?? '';
    this.routingKey = options.routingKey ?? '';
    this.mandatory = options.mandatory ?? false;
  }

  get body(): Uint8Array {
    return contentBytes(this.content);
  }

  /** It is published again after the recovery: then there is another word about it, or it fails. */
  get isRepeated(): boolean {
    return this.interrupted && this.retry;
  }

  /** What has become of it, once it is done. */
  get status(): ConfirmFacts['status'] {
    if (this.acked) return 'acked';
    if (this.returned !== undefined) return 'returned';
    if (this.nacked) return 'nacked';
    return this.outcome === 'rejected' && this.error?.outcome === 'rejected' ? 'failed' : 'unknown';
  }

  get acked(): boolean {
    return this.isDone && !this.nacked && this.returned === undefined && this.error === undefined;
  }
}

/**
 * The publishes of a channel in confirm mode, in order of their sequence numbers. An ack or nack settles
 * one, or with `multiple` all up to it; settled ones leave at the front.
 * @see https://www.rabbitmq.com/docs/confirms
 */
export class Confirms {
  #next = 1;
  /** Sequence numbers of before the last recovery: the broker counts from 1 again. */
  #offset = 0;
  /** Publishes in order; settled ones stay until all before them are settled. */
  readonly #inOrder = new Fifo<Publish>();
  /** Publishes that are not settled. */
  readonly #bySeqNo = new Map<number, Publish>();
  #nacked = false;
  #failure: AmqpError | undefined;

  constructor(
    /** Called for each publish as it is done. */
    readonly settled: (publish: Publish) => void,
  ) {}

  /** The sequence number of the next publish. */
  get nextSeqNo(): number {
    return this.#next;
  }

  get outstanding(): number {
    return this.#bySeqNo.size;
  }

  /** Waitable: nothing is outstanding. */
  get isDone(): boolean {
    return this.outstanding === 0;
  }

  get awaited(): string {
    return `${this.outstanding} confirms`;
  }

  has(publish: object): boolean {
    return publish instanceof Publish && this.#bySeqNo.get(publish.seqNo) === publish;
  }

  track(content: Content, options: Input<'basic.publish'> & MessageProperties): Publish {
    const publish = new Publish(this.#next++, content, options);
    this.#inOrder.push(publish);
    this.#bySeqNo.set(publish.seqNo, publish);
    return publish;
  }

  /** basic.ack or basic.nack came. @throws {ProtocolViolation} for a number that was never published */
  settle(wireNo: number, multiple: boolean, nacked: boolean): void {
    const seqNo = wireNo === 0 ? 0 : wireNo + this.#offset;
    if (seqNo >= this.#next || (seqNo === 0 && !multiple)) {
      throw new ProtocolViolation(
        503,
        'confirm of an unknown publish',
        'basic.ack',
        `1 to ${this.#next - 1 - this.#offset}`,
        wireNo,
      );
    }
    if (multiple) {
      for (const publish of this.#inOrder) {
        if (seqNo !== 0 && publish.seqNo > seqNo) break;
        this.#close(publish, nacked);
      }
    } else {
      const publish = this.#bySeqNo.get(seqNo);
      if (publish !== undefined) this.#close(publish, nacked);
    }
    while (this.#inOrder.peek()?.isDone) this.#inOrder.shift();
  }

  /** It was awaited until now, and what came for it meanwhile has been told to nobody. */
  leave({ nacked, interrupted, error }: Publish): void {
    this.#nacked ||= nacked;
    if (interrupted) this.#failure ??= error;
  }

  #close(publish: Publish, nacked: boolean): void {
    if (publish.isDone) return;
    publish.isDone = true;
    publish.nacked = nacked;
    this.#nacked ||= nacked && !publish.isAwaited;
    this.#bySeqNo.delete(publish.seqNo);
    this.settled(publish);
  }

  /**
   * The broker returns before it confirms, in order, but without a number: the message is the first
   * outstanding mandatory one with its address, and of several the one with its body.
   */
  returned(message: Returned): Publish | undefined {
    let found: Publish | undefined;
    for (const publish of this.#inOrder) {
      const { isDone, mandatory, exchange, routingKey } = publish;
      if (isDone || !mandatory || publish.returned !== undefined) continue;
      if (exchange !== message.exchange || routingKey !== message.routingKey) continue;
      found ??= publish;
      if (message.body.equals(publish.body)) {
        found = publish;
        break;
      }
    }
    if (found !== undefined) found.returned = message;
    return found;
  }

  /**
   * The channel is gone. What was not confirmed is unknown, but for the publish the broker complained of:
   * that one was rejected.
   */
  fail(error: AmqpError, isGuilty: (publish: Publish) => boolean): void {
    if (this.outstanding > 0) this.#failure = error;
    let guilty: Publish | undefined;
    for (const publish of this.#inOrder) {
      if (publish.isDone) continue;
      guilty ??= isGuilty(publish) ? publish : undefined;
      publish.isDone = true;
      publish.error = error;
      publish.outcome = publish === guilty ? 'rejected' : 'unknown';
      this.settled(publish);
    }
    this.#inOrder.clear();
    this.#bySeqNo.clear();
  }

  /**
   * The connection is lost, and will be recovered: of what was not confirmed nobody knows what became of it.
   * @returns those that are to be repeated, and for which nobody waits who would do it
   */
  interrupt(error: AmqpError): Publish[] {
    const open = [...this.#inOrder].filter(({ isDone }) => !isDone);
    for (const publish of open) {
      publish.isDone = true;
      publish.interrupted = true;
      publish.error = error;
      publish.outcome = 'unknown';
      this.settled(publish);
    }
    this.#inOrder.clear();
    this.#bySeqNo.clear();
    this.#offset = this.#next - 1;
    const unawaited = open.filter(({ isAwaited }) => !isAwaited);
    if (unawaited.some(({ retry }) => !retry)) this.#failure = error;
    return unawaited.filter(({ retry }) => retry);
  }

  /** Why confirms are missing for good, if they are. */
  takeFailure(): AmqpError | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** Has anything been nacked since this was last asked? */
  takeNacked(): boolean {
    const nacked = this.#nacked;
    this.#nacked = false;
    return nacked;
  }
}
