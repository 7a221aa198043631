/** Values and patterns whose every pair is compared: what does a message reach that has the one, by a binding with the other? */
import { type Channel, type TableInputValue, TypedValue, typed } from '../../../src';

/** By what they are; numbers come in all their wire types. */
export const VALUES: readonly (readonly [what: string, value: TableInputValue])[] = [
  ['true', true],
  ['false', false],
  ['int8 1', typed.int8(1)],
  ['uint8 1', typed.uint8(1)],
  ['int16 1', typed.int16(1)],
  ['uint16 1', typed.uint16(1)],
  ['int32 1', typed.int32(1)],
  ['uint32 1', typed.uint32(1)],
  ['int64 1', typed.int64(1)],
  ['L 1', new TypedValue('L', 1)],
  ['int64 -1', typed.int64(-1)],
  ['L -1', new TypedValue('L', -1)],
  ['int32 0', typed.int32(0)],
  ['float 1', typed.float(1)],
  ['double 1', typed.double(1)],
  ['double 0', typed.double(0)],
  ['double -0', typed.double(-0)],
  ['float 0.5', typed.float(0.5)],
  ['double 0.5', typed.double(0.5)],
  ['float 0.1', typed.float(0.1)],
  ['double 0.1', typed.double(0.1)],
  ['double 2^53', typed.double(2 ** 53)],
  ['int64 2^53', typed.int64(2n ** 53n)],
  ['int64 2^53+1', typed.int64(2n ** 53n + 1n)],
  ['decimal 1', typed.decimal(1, 0)],
  ['decimal 1.0', typed.decimal(10, 1)],
  ['decimal -1', typed.decimal(-1, 0)],
  ['string 1', '1'],
  ['bytes 1', Buffer.from('1')],
  ['string ""', ''],
  ['bytes ""', Buffer.alloc(0)],
  ['string ff', typed.string(Buffer.of(0xff))],
  ['bytes ff', Buffer.of(0xff)],
  ['string é', 'é'],
  ['bytes é', Buffer.from('é')],
  ['string true', 'true'],
  ['string undefined', 'undefined'],
  ['timestamp 1', typed.timestamp(1)],
  ['timestamp 2^63', typed.timestamp(2n ** 63n)],
  ['timestamp 2^64-1', typed.timestamp(2n ** 64n - 1n)],
  ['void', null],
  ['[]', []],
  ['[int32 1]', [typed.int32(1)]],
  ['[int64 1]', [typed.int64(1)]],
  ['[double 1]', [typed.double(1)]],
  ['["1"]', ['1']],
  ['{}', {}],
  ['{ a: int32 1 }', { a: typed.int32(1) }],
  ['{ a: int64 1 }', { a: typed.int64(1) }],
  ['{ a: L 1 }', { a: new TypedValue('L', 1) }],
  ['{ a: 1, b: 2 }', { a: 1, b: 2 }],
  ['{ b: 2, a: 1 }', { b: 2, a: 1 }],
];

const WORDS = ['*', '#', 'a', ''];
/** All of up to three words, the empty one among them. */
export const PATTERNS = ['', ...WORDS, ...WORDS.flatMap((one) => WORDS.map((two) => `${one}.${two}`))].concat(
  ['#.#.#', '*.#.*', '#.*.#', 'a.#.a', '..', '#..#', '*..*', 'a.*.#', '#.a.#'],
);
export const KEYS = [
  '',
  'a',
  '.',
  'a.',
  '.a',
  'a.a',
  '..',
  'a.a.a',
  'a..a',
  'b',
  '*',
  '#',
  '*.#',
  'a.*',
  '.*.',
];

/** Which of `messages` each of `bindings` lets through, by their indices. */
export function letThrough(
  channel: Channel,
  type: 'headers' | 'topic',
  bindings: readonly Parameters<Channel['queueBind']>[2][],
  messages: readonly Parameters<Channel['basicPublish']>[1][],
): number[][] {
  const exchange = `routing.${type}`;
  channel.exchangeDeclare(exchange, type, { autoDelete: true });
  const queues = bindings.map((binding) => {
    const { queue } = channel.queueDeclare('', { exclusive: true });
    channel.queueBind(queue, exchange, binding);
    return queue;
  });
  channel.confirmSelect();
  channel.publishBatch(messages.map((options, index) => ({ body: `${index}`, exchange, ...options })));
  return queues.map((queue) => {
    const got: number[] = [];
    for (
      let next = channel.basicGet(queue, { noAck: true });
      next;
      next = channel.basicGet(queue, { noAck: true })
    )
      got.push(Number(next.text));
    channel.queueDelete(queue);
    return got;
  });
}
