/** Steps of scripts about a stream. */
import type { TableInput } from '../../../src';
import type { TableInputValue } from '../../../src/protocol/field-table';
import type { PropertiesInput } from '../../../src/protocol/properties';
import type { Named, Script, Step } from './scripts';

export const stream = (n: Named, args: TableInput = {}, more: object = {}): Step => [
  'queue.declare',
  { queue: n('s'), durable: true, arguments: { 'x-queue-type': 'stream', ...args }, ...more },
];
export const publish = (n: Named, body: string, properties?: PropertiesInput): Step =>
  properties === undefined
    ? ['basic.publish', { routingKey: n('s') }, body]
    : ['basic.publish', { routingKey: n('s') }, body, properties];
export const filtered = (n: Named, body: string, value: TableInputValue): Step =>
  publish(n, body, { headers: { 'x-stream-filter-value': value } });
export const qos = (prefetchCount = 10): Step => ['basic.qos', { prefetchCount }];
export const consume = (n: Named, args: TableInput = {}, consumerTag = 'c', more: object = {}): Step => [
  'basic.consume',
  { queue: n('s'), consumerTag, arguments: args, ...more },
];
export const first = (n: Named, consumerTag = 'c'): Step =>
  consume(n, { 'x-stream-offset': 'first' }, consumerTag);
export const ack = (deliveryTag: number, multiple = false): Step => ['basic.ack', { deliveryTag, multiple }];
export const cancel = (consumerTag = 'c'): Step => ['basic.cancel', { consumerTag }];
export const remove = (n: Named): Step => ['queue.delete', { queue: n('s') }];
export const count = (n: Named): Step => ['queue.declare', { queue: n('s'), passive: true }];
export const open: Step = ['channel.open'];
export const titled = <T>(
  values: readonly T[],
  title: string,
  script: (value: T) => Script,
): Record<string, Script> =>
  Object.fromEntries(values.map((value) => [`${title} ${JSON.stringify(value)}`, script(value)]));

/** A stream with three messages, and what is done to it. */
export const three = (n: Named, ...steps: Step[]): Step[] => [
  stream(n),
  ...['a', 'b', 'c'].map((body) => publish(n, body)),
  ...steps,
];

/** A step that waits for a moment. */
export const pause: Step = ['basic.publish', { routingKey: 'none' }, ''];
export const large = (n: Named, count: number): Step[] =>
  Array.from({ length: count }, (_, index) => publish(n, `${index % 10}`.repeat(10_000)));
