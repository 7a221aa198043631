import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import type { AmqpError } from '../errors';
import type { Properties } from '../protocol/properties';
import type { RecoveryInfo } from './connection/recovery-info';
import type { PublishResult } from './options/publish-options';

/**
 * What a program may be watched by: channels of node:diagnostics_channel. What blocks, or runs the program's code, is a
 * tracing channel around it; what happens is a plain one. Facts are put together only where somebody listens. Here the
 * public objects are any objects; `src/api/diagnostics.ts` says which.
 */
interface OfConnection {
  readonly connection: object;
}

interface OfChannel extends OfConnection {
  /** Undefined: one that the library has opened for itself. */
  readonly channel: object | undefined;
}

/** What was thrown is added to the facts of an operation, by Node. */
interface Traced {
  /** What was thrown; there from the `error` event on. */
  readonly error?: unknown;
}

export interface ConnectFacts extends Traced {
  /** The brokers, in the order in which they are tried: `host:port`. */
  readonly hosts: readonly string[];
  /** The connection, which is open behind `end`, unless there is an error. */
  readonly connection: object;
}

export interface BatchFacts extends Traced, OfChannel {}

export interface PublishFacts extends Traced, OfChannel {
  /** The exchange; '' is the default exchange. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  /** Bytes of the body. */
  readonly size: number;
  /** The properties, as they are sent, but for the headers. */
  readonly properties: Readonly<Omit<Properties, 'headers'>>;
  /** A copy of the headers. What a subscriber to `start` adds goes with the message. */
  readonly headers: Record<string, unknown>;
  /** The batch that it is part of. */
  readonly batch: BatchFacts | undefined;
  /** Its number in confirm mode, once it was written. */
  seqNo: number | undefined;
}

export interface ConfirmWaitFacts extends Traced, OfChannel {
  /** How many publishes of the channel are unconfirmed as the wait begins. */
  readonly unconfirmed: number;
}

export interface ConfirmFacts extends OfChannel {
  readonly seqNo: number;
  readonly exchange: string;
  readonly routingKey: string;
  /** What became of the publish; `unknown` also for one that is repeated after a recovery. */
  readonly status: Exclude<PublishResult['status'], 'not-sent'>;
  /** Why there is no word of the broker's. */
  readonly error: AmqpError | undefined;
  /** What was told of the publish, if somebody listened to it then. */
  readonly publish: PublishFacts | undefined;
}

export interface ReturnFacts extends OfChannel {
  readonly message: object;
}

export interface DeliverFacts extends OfChannel {
  readonly message: object;
  /** The queue; '' if it was named so. */
  readonly queue: string;
  /** How the program gets it. */
  readonly by: 'callback' | 'loop' | 'get';
}

export interface ProcessFacts extends Traced, OfChannel {
  readonly message: object;
}

export interface SettleFacts extends OfChannel {
  readonly method: 'basic.ack' | 'basic.nack' | 'basic.reject';
  readonly deliveryTag: number;
  /** All up to this one. */
  readonly multiple: boolean;
  /** Whether the broker is to deliver it again. */
  readonly requeue: boolean;
}

export interface CallFacts extends Traced, OfConnection {
  /** Undefined for methods of the connection. */
  readonly channel: object | undefined;
  /** The AMQP method (`queue.declare`), or `flush`. */
  readonly method: string;
}

export interface RpcFacts extends Traced, OfConnection {
  readonly procedure: string;
  readonly correlationId: string;
  /** The reply, once it is there. */
  reply: object | undefined;
}

export interface WaitFacts extends Traced {
  /** More than one with `waitAny`. */
  readonly connections: readonly object[];
  /** What is waited for, in words for people. */
  readonly awaited: string;
  /** Milliseconds that the wait may last; Infinity: no limit. */
  readonly timeout: number;
}

export interface RecoveryFacts extends OfConnection {
  /** `lost`: it is being recovered. */
  readonly state: 'lost' | 'recovered';
  /** Why it was lost. */
  readonly error: AmqpError;
  /** How it went; undefined while it is lost. */
  readonly info: RecoveryInfo | undefined;
}

export interface BlockedFacts extends OfConnection {
  readonly isBlocked: boolean;
  /** The broker's words; undefined once publishing goes on. */
  readonly reason: string | undefined;
}

export interface CloseFacts extends Traced, OfConnection {
  /** Undefined: it is the connection. */
  readonly channel: object | undefined;
}

export interface EndFacts extends CloseFacts {
  /** Why it has ended: code `CLOSED` or `ABORTED` if this program wanted it. */
  readonly error: AmqpError;
}

/** Something that takes time, between a `start` and an `end`, with an `error` before that if it throws. */
export class Operation<Facts extends object> {
  readonly #channel: TracingChannel;
  /** Runs an operation in a context of its own, which is made by a subscriber to `start`. */
  inContext: ((facts: Facts, fn: () => void) => void) | undefined;

  constructor(name: string) {
    this.#channel = tracingChannel(name);
  }

  /** Whether anybody listens. */
  get isTraced(): boolean {
    const { start, end, error } = this.#channel;
    return start.hasSubscribers || end.hasSubscribers || error.hasSubscribers;
  }

  /** Run `fn`, and tell whoever listens. @throws what `fn` throws */
  trace<T>(facts: Facts, fn: () => T): T {
    if (!this.isTraced) return fn();
    const { inContext } = this;
    let result!: T; // Node would add it to the facts
    const run = () => {
      result = fn();
    };
    this.#channel.traceSync(inContext === undefined ? run : () => inContext(facts, run), facts);
    return result;
  }
}

/** Something that happens. */
class Happening<Facts extends object> {
  readonly #channel: ReturnType<typeof channel>;

  constructor(name: string) {
    this.#channel = channel(name);
  }

  /** Whether anybody listens. */
  get isHeard(): boolean {
    return this.#channel.hasSubscribers;
  }

  tell(facts: Facts): void {
    this.#channel.publish(facts);
  }
}

/** `tracing:amqp-sync:NAME:start`, `:end` and `:error`. */
export const OPERATION = {
  connect: new Operation<ConnectFacts>('amqp-sync:connect'),
  publish: new Operation<PublishFacts>('amqp-sync:publish'),
  batch: new Operation<BatchFacts>('amqp-sync:batch'),
  confirm: new Operation<ConfirmWaitFacts>('amqp-sync:confirm'),
  process: new Operation<ProcessFacts>('amqp-sync:process'),
  call: new Operation<CallFacts>('amqp-sync:call'),
  rpc: new Operation<RpcFacts>('amqp-sync:rpc'),
  wait: new Operation<WaitFacts>('amqp-sync:wait'),
  close: new Operation<CloseFacts>('amqp-sync:close'),
};

/** `amqp-sync:NAME` */
export const HAPPENING = {
  confirm: new Happening<ConfirmFacts>('amqp-sync:confirm'),
  return: new Happening<ReturnFacts>('amqp-sync:return'),
  deliver: new Happening<DeliverFacts>('amqp-sync:deliver'),
  settle: new Happening<SettleFacts>('amqp-sync:settle'),
  recovery: new Happening<RecoveryFacts>('amqp-sync:recovery'),
  blocked: new Happening<BlockedFacts>('amqp-sync:blocked'),
  close: new Happening<EndFacts>('amqp-sync:close'),
};
