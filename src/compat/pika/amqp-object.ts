import { type Args, type Signature, signatures } from '../python';
import { Shown, shown } from './repr';

/** A method of the protocol, as the broker sent it: its fields have the names of the specification. */
export abstract class Method extends Shown {
  /** `Queue.DeclareOk` */
  declare static readonly NAME: string;
  /** Class id and method id. */
  declare static readonly INDEX: number;

  /** `Queue.DeclareOk`, and the like. */
  get NAME(): string {
    return (this.constructor as typeof Method).NAME;
  }
  /** Class id and method id in one number, as on the wire. */
  get INDEX(): number {
    return (this.constructor as typeof Method).INDEX;
  }

  /** As pika shows it: `<Queue.DeclareOk(['consumer_count=0', …])>` */
  override toString(): string {
    return shown(this.NAME, Object.entries(this));
  }
}

/** What the fields of methods are called, and mean. */
export interface Fields {
  /** The consumer. */
  consumer_tag: [consumer_tag: string];
  /** Settles the message; counted by the channel. */
  delivery_tag: [delivery_tag: number];
  /** Whether it was delivered before, to somebody who did not ack it. */
  redelivered: [redelivered: boolean];
  /** Where it was published; '' is the default exchange. */
  exchange: [exchange: string];
  /** What it was published with. */
  routing_key: [routing_key: string];
  /** Messages that are ready in the queue. */
  message_count: [message_count: number];
  /** Consumers of the queue. */
  consumer_count: [consumer_count: number];
  /** The queue's name. */
  queue: [queue: string];
  /** AMQP's number of the reason. */
  reply_code: [reply_code: number];
  /** The broker's words. */
  reply_text: [reply_text: string];
  /** Why, in the broker's words. */
  reason: [reason: string];
  /** Whether messages flow. */
  active: [active: boolean];
  /** Reserved by the specification. */
  cluster_id: [cluster_id: string];
  /** No answer is wanted. */
  nowait: [nowait: boolean];
  /** All messages up to this one. */
  multiple: [multiple: boolean];
  /** Back to the queue, or away (dead letters). */
  requeue: [requeue: boolean];
}

type BoundBy<F> = F extends (given: never) => infer B ? B : never;

/** The base of a method's class: the constructor takes the fields as Python's does. */
export function method<const S extends string>(
  NAME: string,
  INDEX: number,
  fields: S,
): {
  new (...args: Args<Signature<Fields, S>>): Method & Readonly<BoundBy<Signature<Fields, S>>>;
  /** `Queue.DeclareOk`, and the like. */
  readonly NAME: string;
  /** Class id and method id in one number, as on the wire. */
  readonly INDEX: number;
} {
  const define = signatures<Fields>()(NAME, { __init__: fields });
  const Base = class extends Method {
    static override readonly NAME = NAME;
    static override readonly INDEX = INDEX;
    constructor(...args: unknown[]) {
      super();
      Object.assign(this, (define.__init__ as (given: unknown) => object)(args));
    }
  };
  return Base as never;
}
