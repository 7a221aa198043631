/** Constants and tuples of AMQP 0-9-1, as amqpy's module `spec` has them; the values are those of the one method table. */
import { methodName } from '../../protocol/codec';
import { FRAME, FRAME_END } from '../../protocol/constants';
import type { MethodName } from '../../protocol/method-types';
import { METHODS } from '../../protocol/methods';
import { namedTuple } from '../python';
import type { Message } from './message';

/** Bytes of a frame that both sides must take before they have agreed on more. RabbitMQ 4.1 and later want 8192. */
export { FRAME_MIN_SIZE } from '../../protocol/constants';

/** The types of frames, and the octet that ends each. */
export const FrameType = {
  /** A frame with a method. */
  METHOD: FRAME.METHOD,
  /** A frame with size and properties of a message. */
  HEADER: FRAME.HEADER,
  /** A frame with a part of a body. */
  BODY: FRAME.BODY,
  /** A heartbeat. */
  HEARTBEAT: FRAME.HEARTBEAT,
  /** The octet that ends every frame. */
  END: FRAME_END,
} as const;

interface MethodArgumentTypes {
  /** The class: 50 is queue. */
  class_id: [class_id: number];
  /** The method in that class: 10 is declare. */
  method_id: [method_id: number];
}

/** The two numbers of an AMQP method: `new method_t(50, 10)` is queue.declare. */
export const method_t = namedTuple<MethodArgumentTypes>()('method_t', 'class_id, method_id');
/** A method by its numbers. */
export interface method_t extends InstanceType<typeof method_t> {}

interface DeclareArgumentTypes {
  /** The name of the queue. */
  queue: [queue: string];
  /** Messages that are ready. */
  message_count: [message_count: number];
  /** Its consumers. */
  consumer_count: [consumer_count: number];
}

/** What `Channel.queue_declare` gives: `const [queue, message_count, consumer_count] = ch.queue_declare()`. */
export const queue_declare_ok_t = namedTuple<DeclareArgumentTypes>()(
  'queue_declare_ok_t',
  'queue, message_count, consumer_count',
);
/** What is known of a queue that was declared. */
export interface queue_declare_ok_t extends InstanceType<typeof queue_declare_ok_t> {}

interface ReturnArgumentTypes {
  /** Why, as AMQP counts it: 312 NO_ROUTE. */
  reply_code: [reply_code: number];
  /** Why, in the broker's words. */
  reply_text: [reply_text: string];
  /** The exchange it was published to. */
  exchange: [exchange: string];
  /** The routing key it was published with. */
  routing_key: [routing_key: string];
  /** The message. */
  message: [message: Message];
}

/** A message that came back, as it is in `Channel.returned_messages`. */
export const basic_return_t = namedTuple<ReturnArgumentTypes>()(
  'basic_return_t',
  'reply_code, reply_text, exchange, routing_key, message',
);
/** A message that came back, and why. */
export interface basic_return_t extends InstanceType<typeof basic_return_t> {}

type ClassName<M extends string> = M extends `${infer C}.${string}` ? C : never;
type Pascal<S extends string> = S extends `${infer A}-${infer B}`
  ? `${Capitalize<A>}${Pascal<B>}`
  : Capitalize<S>;
type MethodsOf<C extends string> = {
  readonly [M in MethodName as M extends `${C}.${infer N}` ? Pascal<N> : never]: method_t;
} & {
  /** The number of the class. */
  readonly CLASS_ID: number;
};
type Classes = { readonly [C in ClassName<MethodName> as Capitalize<C>]: MethodsOf<C> };

function classes(): Classes {
  const found: Record<string, Record<string, unknown>> = {};
  for (const [name, { id }] of Object.entries(METHODS)) {
    const [owner, method] = name.split('.').map(pascal) as [string, string];
    found[owner] ??= { CLASS_ID: id >>> 16 };
    found[owner][method] = new method_t(id >>> 16, id & 0xffff);
  }
  return found as never;
}

function pascal(text: string): string {
  return text.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}

const CLASSES = classes();
/** Methods of a connection: `spec.Connection.Blocked`. */
export const Connection: MethodsOf<'connection'> = CLASSES.Connection;
/** Methods of a channel as a whole: `spec.Channel.Close`. */
export const Channel: MethodsOf<'channel'> = CLASSES.Channel;
/** Methods of access tickets, which AMQP 0-9-1 has given up: `spec.Access.Request`. */
export const Access: MethodsOf<'access'> = CLASSES.Access;
/** Methods about exchanges: `spec.Exchange.Declare`. */
export const Exchange: MethodsOf<'exchange'> = CLASSES.Exchange;
/** Methods about queues: `spec.Queue.Declare`. */
export const Queue: MethodsOf<'queue'> = CLASSES.Queue;
/** Methods about messages and consumers: `spec.Basic.GetOk`. */
export const Basic: MethodsOf<'basic'> = CLASSES.Basic;
/** Methods of RabbitMQ's confirms: `spec.Confirm.Select`. */
export const Confirm: MethodsOf<'confirm'> = CLASSES.Confirm;
/** Methods of transactions: `spec.Tx.Commit`. */
export const Tx: MethodsOf<'tx'> = CLASSES.Tx;

/** What a method is called (`queue.declare`), or `''` for numbers that are none. */
export function method_name(type: method_t | null): string {
  return type === null ? '' : (methodName(type.class_id, type.method_id) ?? '');
}
