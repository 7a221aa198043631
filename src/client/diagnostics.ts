import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel';
import type { AmqpError } from '../errors';
import type { Properties } from '../protocol/properties';
import type { RecoveryInfo } from './connection/recovery-info';
import type { PublishResult } from './options/publish-options';

/**
 * What a program may be watched by: channels of node:diagnostics_channel. What blocks, or runs the program's code, is a
 * tracing channel around it; what happens is a plain one. Facts of messages, and of calls on channels, are put together only
 * where somebody listens. Here the public objects are any objects; `src/api/diagnostics.ts` says which.
 */
interface OfConnection {
  readonly connection: object;
}

/** `channel` is undefined for what is not of one, or of one that the library has opened for itself. */
interface OfChannel extends OfConnection {
  readonly channel: object | undefined;
}

/** What was thrown is added to the facts of an operation. */
export interface Thrown {
  /** What was thrown; there from the `error` event on. */
  readonly error?: unknown;
}

export interface ConnectFacts extends Thrown {
  /** The brokers, in the order in which they are tried: `host:port`. */
  readonly hosts: readonly string[];
}

export interface PublishFacts extends Thrown {
  /** The exchange; '' is the default exchange. */
  readonly exchange: string;
  /** The routing key. */
  readonly routingKey: string;
  /** Whether it comes back if no queue takes it. */
  readonly mandatory: boolean;
  /** Bytes of the body. */
  readonly size: number;
  /** The properties, as they are sent, but for the headers. */
  readonly properties: Readonly<Omit<Properties, 'headers'>>;
  /** The headers, in an object of their own; tables in it are the program's. What a subscriber to `start` adds goes with the message. */
  readonly headers: Record<string, unknown>;
  /** The batch that it is part of. */
  readonly batch: object | undefined;
  /** Its number in confirm mode, once it was written. */
  seqNo: number | undefined;
}

export interface BatchFacts extends Thrown {
  /** What became of those that were not acked, in their order; there at the end, and empty before. */
  readonly failures: readonly PublishResult[];
}

export interface ConfirmWaitFacts extends Thrown {
  /** How many publishes of the channel are unconfirmed as the wait begins. */
  readonly unconfirmed: number;
}

export interface ConfirmFacts {
  /** The number of the publish in confirm mode. */
  readonly seqNo: number;
  /** The exchange that it went to; '' is the default exchange. */
  readonly exchange: string;
  /** The routing key that it was published with. */
  readonly routingKey: string;
  /** What became of the publish. */
  readonly status: Exclude<PublishResult['status'], 'not-sent'>;
  /** Why there is no word of the broker's; undefined: there is. */
  readonly error: AmqpError | undefined;
  /** Whether it is `unknown` for now: published again after the recovery, it is told of once more, or fails. */
  readonly isRepeated: boolean;
  /** What was told of the publish, if somebody listened to it then. */
  readonly publish: object | undefined;
}

export interface ReturnFacts {
  /** The message. */
  readonly message: object;
}

export interface DeliverFacts {
  /** The message. */
  readonly message: object;
  /** The name by which the program called the queue. */
  readonly queue: string;
  /** How the program gets the message. */
  readonly by: 'callback' | 'loop' | 'get';
}

export interface ProcessFacts extends Thrown {
  /** The message. */
  readonly message: object;
}

export interface FailureFacts {
  /** The message. */
  readonly message: object;
  /** What the function has thrown. */
  readonly error: unknown;
}

export interface SettleFacts {
  /** How: taken, or given back or away. */
  readonly method: 'basic.ack' | 'basic.nack' | 'basic.reject';
  /** The number of the message; with `multiple`, 0 means all. */
  readonly deliveryTag: number;
  /** Whether it is all messages up to this one. */
  readonly multiple: boolean;
  /** Whether the broker is to deliver them again. */
  readonly requeue: boolean;
}

export interface CallFacts extends Thrown {
  /** The AMQP method, as `queue.declare`, or `flush`. */
  readonly method: string;
}

export interface RpcFacts extends Thrown {
  /** The name of the procedure. */
  readonly procedure: string;
  /** By this the reply finds its call. */
  readonly correlationId: string;
  /** The reply, once it is there. */
  reply: object | undefined;
}

export interface WaitFacts extends Thrown {
  /** More than one with `waitAny`. */
  readonly connections: readonly object[];
  /** What is waited for, in words for people. */
  readonly awaited: string;
  /** Milliseconds that the wait may last; Infinity: no limit. */
  readonly timeout: number;
}

export interface RecoveryFacts {
  /** `lost`: it is being recovered. */
  readonly state: 'lost' | 'recovered';
  /** Why it was lost. */
  readonly error: AmqpError;
  /** How it went; undefined while it is lost. */
  readonly info: RecoveryInfo | undefined;
}

export interface BlockedFacts {
  /** Whether the broker blocks publishing from now on. */
  readonly isBlocked: boolean;
  /** The broker's words; undefined once publishing goes on. */
  readonly reason: string | undefined;
}

export interface EndFacts {
  /** Why it has ended: code `CLOSED` or `ABORTED` if this program wanted it. */
  readonly error: AmqpError;
}

/** Something that takes time, between a `start` and an `end`, with an `error` before that if it throws. */
export class Operation<Facts extends object> {
  readonly #start: Channel;
  readonly #end: Channel;
  readonly #error: Channel;
  /** Runs an operation in a context of its own, which is made by a subscriber to `start`. */
  inContext: ((facts: Facts, fn: () => void) => void) | undefined;

  constructor(name: string) {
    const { start, end, error } = tracingChannel(name);
    this.#start = start;
    this.#end = end;
    this.#error = error;
  }

  /** Whether anybody listens. */
  get isTraced(): boolean {
    return this.#start.hasSubscribers || this.#end.hasSubscribers || this.#error.hasSubscribers;
  }

  /**
   * Run `fn`, and tell whoever listens, as Node's traceSync does: but the result is not among the facts, and a subscriber that
   * freezes them does not make the operation fail. @throws what `fn` throws
   */
  trace<T>(facts: Facts, fn: () => T): T {
    if (!this.isTraced) return fn();
    return this.#start.runStores(facts, () => {
      try {
        return this.#run(facts, fn);
      } catch (error) {
        learn(facts as Thrown, 'error', error);
        this.#error.publish(facts);
        throw error;
      } finally {
        this.#end.publish(facts);
      }
    });
  }

  #run<T>(facts: Facts, fn: () => T): T {
    const { inContext } = this;
    if (inContext === undefined) return fn();
    let result!: T;
    inContext(facts, () => {
      result = fn();
    });
    return result;
  }
}

/** Add to facts what is known by now, unless a subscriber has frozen them. */
export function learn<Facts extends object, K extends keyof Facts>(
  facts: Facts,
  name: K,
  value: Facts[K],
): void {
  Reflect.set(facts, name, value);
}

/** Something that happens. */
class Happening<Facts extends object> {
  readonly #channel: Channel;

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
  connect: new Operation<ConnectFacts & OfConnection>('amqp-sync:connect'),
  publish: new Operation<PublishFacts & OfChannel>('amqp-sync:publish'),
  batch: new Operation<BatchFacts & OfChannel>('amqp-sync:batch'),
  confirm: new Operation<ConfirmWaitFacts & OfChannel>('amqp-sync:confirm'),
  process: new Operation<ProcessFacts & OfChannel>('amqp-sync:process'),
  call: new Operation<CallFacts & OfChannel>('amqp-sync:call'),
  rpc: new Operation<RpcFacts & OfConnection>('amqp-sync:rpc'),
  wait: new Operation<WaitFacts>('amqp-sync:wait'),
  close: new Operation<Thrown & OfChannel>('amqp-sync:close'),
};

/** `amqp-sync:NAME` */
export const HAPPENING = {
  confirm: new Happening<ConfirmFacts & OfChannel>('amqp-sync:confirm'),
  return: new Happening<ReturnFacts & OfChannel>('amqp-sync:return'),
  deliver: new Happening<DeliverFacts & OfChannel>('amqp-sync:deliver'),
  failure: new Happening<FailureFacts & OfChannel>('amqp-sync:failure'),
  settle: new Happening<SettleFacts & OfChannel>('amqp-sync:settle'),
  recovery: new Happening<RecoveryFacts & OfConnection>('amqp-sync:recovery'),
  blocked: new Happening<BlockedFacts & OfConnection>('amqp-sync:blocked'),
  close: new Happening<EndFacts & OfChannel>('amqp-sync:close'),
};
