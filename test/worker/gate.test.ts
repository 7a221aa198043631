import { Gate } from '../../worker/connection/gate';

const A = { cancel: Uint8Array.of(1), consume: Uint8Array.of(2) };
const B = { cancel: Uint8Array.of(3), consume: Uint8Array.of(4) };

let sent: number[];
let free: boolean;
let gate: Gate;
beforeEach(() => {
  jest.useFakeTimers();
  sent = [];
  free = true;
  gate = new Gate((frames) => {
    if (free) sent.push(frames[0]!);
    return free;
  });
});
afterEach(() => jest.useRealTimers());

test('cancels every consumer once when too much waits, and starts it again when that is gone', () => {
  gate.add('a', A);
  gate.add('b', B);
  gate.here(true);
  gate.here(true);
  expect(sent).toEqual([1, 3]);
  gate.here(false);
  gate.here(false);
  expect(sent).toEqual([1, 3, 2, 4]);
});

test('stays shut as long as either thread has too much', () => {
  gate.add('a', A);
  gate.there(true);
  gate.here(true);
  gate.there(false);
  expect(sent).toEqual([1]);
  gate.here(false);
  expect(sent).toEqual([1, 2]);
});

test('a consumer that starts while it is shut is cancelled at once', () => {
  gate.here(true);
  gate.add('a', A);
  expect(sent).toEqual([1]);
});

test('one that has ended is not started again', () => {
  gate.add('a', A);
  gate.add('b', B);
  gate.here(true);
  gate.remove('a');
  gate.here(false);
  expect(sent).toEqual([1, 3, 4]);
  gate.add('a', A); // the same name, in a new life
  gate.here(true);
  expect(sent).toEqual([1, 3, 4, 3, 1]);
});

test('what main is in the way of is done as soon as it is not', () => {
  gate.add('a', A);
  free = false;
  gate.here(true);
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
  free = true;
  jest.advanceTimersByTime(50);
  expect(sent).toEqual([1]);
  expect(jest.getTimerCount()).toBe(0);
});

test('and not at all if it was over before that', () => {
  gate.add('a', A);
  free = false;
  gate.here(true);
  gate.here(false);
  free = true;
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
});

test('once stopped it does nothing more', () => {
  gate.add('a', A);
  free = false;
  gate.here(true);
  gate.stop();
  free = true;
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
});
