import type { ErrorRecord } from '../../src/contract/error-record';
import type { Method } from '../../src/protocol/method-types';
import { BlockedTimer } from '../../worker/connection/blocked-timer';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const blocked: Method = { name: 'connection.blocked', args: { reason: 'low on memory' } };
const unblocked: Method = { name: 'connection.unblocked', args: {} };

function start(limit: number | undefined): { timer: BlockedTimer; expired: ErrorRecord[] } {
  const expired: ErrorRecord[] = [];
  return { timer: new BlockedTimer(limit, (record) => expired.push(record)), expired };
}

test('a connection whose broker blocks publishing for longer than the limit is given up, once', () => {
  const { timer, expired } = start(1000);
  timer.received(blocked);
  jest.advanceTimersByTime(600);
  timer.received(blocked); // said again, it has not begun anew
  jest.advanceTimersByTime(399);
  expect(expired).toEqual([]);
  jest.advanceTimersByTime(10_000);
  expect(expired).toMatchObject([{ name: 'BlockedTimeoutError', recoverable: true, outcome: 'unknown' }]);
  expect(expired[0]?.message).toContain('(low on memory) for 1000 ms');
});

test('a broker that takes publishes again in time, or a connection that ends, stops the timer', () => {
  const { timer, expired } = start(1000);
  for (const calm of [() => timer.received(unblocked), () => timer.stop()]) {
    timer.received(blocked);
    jest.advanceTimersByTime(999);
    calm();
    jest.advanceTimersByTime(10_000);
  }
  expect(expired).toEqual([]);
});

test('a broker may block publishing for ever where there is no limit', () => {
  const { timer, expired } = start(undefined);
  timer.received(blocked);
  expect(jest.getTimerCount()).toBe(0);
  expect(expired).toEqual([]);
});
