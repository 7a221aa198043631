import type { ErrorRecord } from '../../src/errors';
import type { Method } from '../../src/protocol/method-types';
import { Blockade } from '../../worker/connection/blockade';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const blocked: Method = { name: 'connection.blocked', args: { reason: 'low on memory' } };
const unblocked: Method = { name: 'connection.unblocked', args: {} };

function blockade(limit: number | undefined): { blockade: Blockade; over: ErrorRecord[] } {
  const over: ErrorRecord[] = [];
  return { blockade: new Blockade(limit, (record) => over.push(record)), over };
}

test('a broker that blocks for longer than the limit: the connection is given up, once', () => {
  const { blockade: it, over } = blockade(1000);
  it.heard(blocked);
  jest.advanceTimersByTime(600);
  it.heard(blocked); // said again, it has not begun anew
  jest.advanceTimersByTime(399);
  expect(over).toEqual([]);
  jest.advanceTimersByTime(10_000);
  expect(over).toMatchObject([{ name: 'BlockedTimeoutError', recoverable: true, outcome: 'unknown' }]);
  expect(over[0]?.message).toContain('(low on memory) for 1000 ms');
});

test('one that takes publishes again in time, or a connection that ends: nothing happens', () => {
  const { blockade: it, over } = blockade(1000);
  for (const calm of [() => it.heard(unblocked), () => it.stop()]) {
    it.heard(blocked);
    jest.advanceTimersByTime(999);
    calm();
    jest.advanceTimersByTime(10_000);
  }
  expect(over).toEqual([]);
});

test('without a limit it may last for ever', () => {
  const { blockade: it, over } = blockade(undefined);
  it.heard(blocked);
  expect(jest.getTimerCount()).toBe(0);
  expect(over).toEqual([]);
});
