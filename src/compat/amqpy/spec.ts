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
  METHOD: FRAME.METHOD,
  HEADER: FRAME.HEADER,
  BODY: FRAME.BODY,
  HEARTBEAT: FRAME.HEARTBEAT,
  END: FRAME_END,
} as const;

interface MethodArgumentTypes {
  class_id: [class_id: number];
  method_id: [method_id: number];
}

/** The two numbers of an AMQP method: `new method_t(50, 10)` is queue.declare. */
export const method_t = namedTuple<MethodArgumentTypes>()('method_t', 'class_id, method_id');
export type method_t = InstanceType<typeof method_t>;

interface DeclareArgumentTypes {
  queue: [queue: string];
  message_count: [message_count: number];
  consumer_count: [consumer_count: number];
}

/** What `Channel.queue_declare` gives: `const [queue, message_count, consumer_count] = ch.queue_declare()`. */
export const queue_declare_ok_t = namedTuple<DeclareArgumentTypes>()(
  'queue_declare_ok_t',
  'queue, message_count, consumer_count',
);
export type queue_declare_ok_t = InstanceType<typeof queue_declare_ok_t>;

interface ReturnArgumentTypes {
  reply_code: [reply_code: number];
  reply_text: [reply_text: string];
  exchange: [exchange: string];
  routing_key: [routing_key: string];
  message: [message: Message];
}

/** A message that came back, as it is in `Channel.returned_messages`. */
export const basic_return_t = namedTuple<ReturnArgumentTypes>()(
  'basic_return_t',
  'reply_code, reply_text, exchange, routing_key, message',
);
export type basic_return_t = InstanceType<typeof basic_return_t>;

type ClassName<M extends string> = M extends `${infer C}.${string}` ? C : never;
type Pascal<S extends string> = S extends `${infer A}-${infer B}`
  ? `${Capitalize<A>}${Pascal<B>}`
  : Capitalize<S>;
type MethodsOf<C extends string> = {
  readonly [M in MethodName as M extends `${C}.${infer N}` ? Pascal<N> : never]: method_t;
} & { readonly CLASS_ID: number };
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

/** The methods, by class: `spec.Queue.Declare`, `spec.Basic.GetOk`. */
export const { Connection, Channel, Access, Exchange, Queue, Basic, Confirm, Tx } = classes();

/** What a method is called (`queue.declare`), or `''` for numbers that are none. */
export function method_name(type: method_t | null): string {
  return type === null ? '' : (methodName(type.class_id, type.method_id) ?? '');
}
