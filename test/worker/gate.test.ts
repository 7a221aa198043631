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
  gate.watch('a', A);
  gate.watch('b', B);
  gate.suspendAll(true);
  gate.suspendAll(true);
  expect(sent).toEqual([1, 3]);
  gate.suspendAll(false);
  gate.suspendAll(false);
  expect(sent).toEqual([1, 3, 2, 4]);
});

test('stays shut as long as either thread has too much', () => {
  gate.watch('a', A);
  gate.suspend('a', true);
  gate.suspendAll(true);
  gate.suspend('a', false);
  expect(sent).toEqual([1]);
  gate.suspendAll(false);
  expect(sent).toEqual([1, 2]);
});

test('suspends one alone when it is the one that has too much waiting', () => {
  gate.watch('a', A);
  gate.watch('b', B);
  gate.suspend('b', true);
  expect(sent).toEqual([3]);
  gate.suspendAll(true);
  gate.suspendAll(false);
  expect(sent).toEqual([3, 1, 2]);
  gate.suspend('b', false);
  expect(sent).toEqual([3, 1, 2, 4]);
});

test('a consumer that starts while it is shut is cancelled at once', () => {
  gate.suspendAll(true);
  gate.watch('a', A);
  expect(sent).toEqual([1]);
});

test('one that has ended is not started again', () => {
  gate.watch('a', A);
  gate.watch('b', B);
  gate.suspendAll(true);
  gate.unwatch('a');
  gate.suspendAll(false);
  expect(sent).toEqual([1, 3, 4]);
  gate.watch('a', A); // the same name, in a new life
  gate.suspendAll(true);
  expect(sent).toEqual([1, 3, 4, 3, 1]);
});

test('what main is in the way of is done as soon as it is not', () => {
  gate.watch('a', A);
  free = false;
  gate.suspendAll(true);
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
  free = true;
  jest.advanceTimersByTime(50);
  expect(sent).toEqual([1]);
  expect(jest.getTimerCount()).toBe(0);
});

test('and not at all if it was over before that', () => {
  gate.watch('a', A);
  free = false;
  gate.suspendAll(true);
  gate.suspendAll(false);
  free = true;
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
});

test('once stopped it does nothing more', () => {
  gate.watch('a', A);
  free = false;
  gate.suspendAll(true);
  gate.stop();
  free = true;
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
});

test('after a recovery all consumers run; those of which too much waits are cancelled again', () => {
  gate.watch('a', A);
  gate.watch('b', B);
  gate.suspend('a', true);
  gate.suspendAll(true);
  expect(sent).toEqual([1, 3]);
  gate.rest();
  gate.suspend('b', true);
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([1, 3]);
  gate.goOn(['b']); // of which the frames are not right any more
  expect(sent).toEqual([1, 3, 1]);
  gate.watch('b', B);
  expect(sent).toEqual([1, 3, 1, 3]);
});
