import { KnownQueues } from '../../../src/client/connection/known-queues';

let queues: KnownQueues;
beforeEach(() => {
  queues = new KnownQueues();
});

const stream = { arguments: { 'x-queue-type': 'stream' } };

test('a name is that of a stream until the stream is deleted, or declared anew as something else', () => {
  queues.declared('log', stream);
  expect(queues.isStream('log')).toBe(true);
  queues.deleting('log'); // the broker may refuse
  expect(queues.isStream('log')).toBe(true);
  queues.deleted('log');
  expect(queues.isStream('log')).toBe(false);
  queues.declared('log', stream);
  queues.declared('log', {});
  expect(queues.isStream('log')).toBe(false);
});

test('a consumer that reads from an offset reads a stream, whoever declared it', () => {
  expect(queues.isStream('log', { 'x-stream-offset': 'first' })).toBe(true);
  expect(queues.isStream('log', new Map([['x-stream-offset', 5]]))).toBe(true);
});

test('a queue lasts without its consumers, unless it is tied to them or about to be deleted', () => {
  queues.declared('a', {});
  queues.declared('b', { autoDelete: true });
  queues.declared('c', { arguments: { 'x-expires': 1000 } });
  expect(['a', 'b', 'c', 'unknown'].map((name) => queues.isLasting(name))).toEqual([
    true,
    false,
    false,
    false,
  ]);
  queues.deleting('a');
  expect(queues.isLasting('a')).toBe(false);
});

test('what is known of a queue goes with it to its new name', () => {
  queues.declared('old', stream);
  queues.renamed('old', 'fresh');
  expect([queues.isStream('old'), queues.isStream('fresh'), queues.isLasting('fresh')]).toEqual([
    false,
    true,
    true,
  ]);
});
