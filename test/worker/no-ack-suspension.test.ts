import { NoAckSuspension } from '../../worker/connection/no-ack-suspension';

const A = { cancel: Uint8Array.of(1), consume: Uint8Array.of(2) };
const B = { cancel: Uint8Array.of(3), consume: Uint8Array.of(4) };

let sent: number[];
let free: boolean;
let suspension: NoAckSuspension;
beforeEach(() => {
  jest.useFakeTimers();
  sent = [];
  free = true;
  suspension = new NoAckSuspension((frames) => {
    if (free) sent.push(frames[0]!);
    return free;
  });
});
afterEach(() => jest.useRealTimers());

test('every no-ack consumer is cancelled once when too much waits, and started again when that is gone', () => {
  suspension.add('a', A);
  suspension.add('b', B);
  suspension.suspendAll(true);
  suspension.suspendAll(true);
  expect(sent).toEqual([1, 3]);
  suspension.suspendAll(false);
  suspension.suspendAll(false);
  expect(sent).toEqual([1, 3, 2, 4]);
});

test('consumers stay suspended as long as either thread has too much', () => {
  suspension.add('a', A);
  suspension.suspend('a', true);
  suspension.suspendAll(true);
  suspension.suspend('a', false);
  expect(sent).toEqual([1]);
  suspension.suspendAll(false);
  expect(sent).toEqual([1, 2]);
});

test('a consumer is suspended alone when it alone has too much waiting', () => {
  suspension.add('a', A);
  suspension.add('b', B);
  suspension.suspend('b', true);
  expect(sent).toEqual([3]);
  suspension.suspendAll(true);
  suspension.suspendAll(false);
  expect(sent).toEqual([3, 1, 2]);
  suspension.suspend('b', false);
  expect(sent).toEqual([3, 1, 2, 4]);
});

test('a consumer that starts while all are suspended is cancelled at once', () => {
  suspension.suspendAll(true);
  suspension.add('a', A);
  expect(sent).toEqual([1]);
});

test('a consumer that has ended is not started again', () => {
  suspension.add('a', A);
  suspension.add('b', B);
  suspension.suspendAll(true);
  suspension.remove('a');
  suspension.suspendAll(false);
  expect(sent).toEqual([1, 3, 4]);
  suspension.add('a', A); // the same name, started anew
  suspension.suspendAll(true);
  expect(sent).toEqual([1, 3, 4, 3, 1]);
});

test('a cancel that main is in the way of is sent as soon as main is not', () => {
  suspension.add('a', A);
  free = false;
  suspension.suspendAll(true);
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
  free = true;
  jest.advanceTimersByTime(50);
  expect(sent).toEqual([1]);
  expect(jest.getTimerCount()).toBe(0);
});

test('a cancel that main is in the way of is not sent if the suspension is over before that', () => {
  suspension.add('a', A);
  free = false;
  suspension.suspendAll(true);
  suspension.suspendAll(false);
  free = true;
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
});

test('frames that waited are not sent once the suspension is stopped', () => {
  suspension.add('a', A);
  free = false;
  suspension.suspendAll(true);
  suspension.stop();
  free = true;
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([]);
});

test('consumers all run after a recovery; those of which too much waits are cancelled again', () => {
  suspension.add('a', A);
  suspension.add('b', B);
  suspension.suspend('a', true);
  suspension.suspendAll(true);
  expect(sent).toEqual([1, 3]);
  suspension.connectionLost();
  suspension.suspend('b', true);
  jest.advanceTimersByTime(200);
  expect(sent).toEqual([1, 3]);
  suspension.recovered(['b']); // its frames are outdated
  expect(sent).toEqual([1, 3, 1]);
  suspension.add('b', B);
  expect(sent).toEqual([1, 3, 1, 3]);
});
