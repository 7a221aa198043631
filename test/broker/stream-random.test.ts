import * as fc from 'fast-check';
import { describeRabbitmq } from '../support/brokers/on-rabbitmq';
import { version } from './support/pair';
import type { Script, Step } from './support/scripts';
import { sideBySide } from './support/side-by-side';
import { consume, pause, publish, qos, stream } from './support/stream-steps';

/** What is done to a stream, in any order: it has to be possible whatever was done before. */
type Operation =
  | { op: 'publish'; large: boolean; value: string | undefined }
  | { op: 'consume'; offset: string | number; prefetch: number; filter: string | undefined }
  | { op: 'cancel'; which: number }
  | { op: 'ack' | 'nack' | 'recover' };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('publish' as const),
      large: fc.boolean(),
      value: fc.constantFrom(undefined, 'a', 'b'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('consume' as const),
      offset: fc.oneof(fc.constantFrom('first', 'last', 'next'), fc.nat(12)),
      prefetch: fc.integer({ min: 1, max: 4 }),
      filter: fc.constantFrom(undefined, undefined, 'a', 'c'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('cancel' as const), which: fc.nat(5) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom<'ack' | 'nack' | 'recover'>(
        'ack',
        'ack',
        ...(version === '3.10' ? [] : (['nack', 'recover'] as const)),
      ),
    }),
  },
);

function scriptOf(operations: readonly Operation[]): Script {
  return (n) => {
    const consumers: string[] = [];
    let count = 0;
    const steps: Step[] = [stream(n, { 'x-stream-max-segment-size-bytes': 25_000 })];
    for (const operation of operations) {
      switch (operation.op) {
        case 'publish': {
          const { large, value } = operation;
          const body = large ? `${count++ % 10}`.repeat(9000) : `${count++}`;
          steps.push(
            value === undefined
              ? publish(n, body)
              : publish(n, body, { headers: { 'x-stream-filter-value': value } }),
          );
          break;
        }
        case 'consume': {
          const { offset, prefetch, filter } = operation;
          const args = {
            'x-stream-offset': offset,
            ...(filter === undefined ? {} : { 'x-stream-filter': filter }),
          };
          consumers.push(`c${consumers.length}`);
          steps.push(qos(prefetch), consume(n, args, consumers.at(-1)!), pause);
          break;
        }
        case 'cancel':
          steps.push(['basic.cancel', { consumerTag: `c${operation.which}` }]);
          break;
        case 'recover':
          steps.push(['basic.recover', { requeue: true }]);
          break;
        case 'ack':
          steps.push(['basic.ack', { deliveryTag: 0, multiple: true }]);
          break;
        default:
          steps.push(['basic.nack', { deliveryTag: 0, multiple: true, requeue: true }]);
      }
    }
    return steps;
  };
}

const seed = 7;
const RUNS = fc.sample(fc.array(operation, { minLength: 8, maxLength: 16 }), { seed, numRuns: 25 });

describeRabbitmq('whatever is done to a stream, both brokers answer alike', () => {
  test.each(RUNS.map((operations, index) => [index, operations] as const))(
    '%j: %j',
    async (_index, operations) => {
      const [here, there] = await sideBySide(scriptOf(operations));
      expect(here).toEqual(there);
    },
  );
});
