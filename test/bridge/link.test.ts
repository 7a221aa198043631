import { MessageChannel, type Worker } from 'node:worker_threads';
import { mapMemory, STATE, WORD } from '../../src/bridge/layout';
import { Link } from '../../src/bridge/link';
import type { WaitResult } from '../../src/bridge/wake-signal';
import { WorkerLink } from '../../src/bridge/worker-link';
import type { Command, ObedientThreadOptions } from '../support/threads/obedient-thread';
import { failOnLostWakeUp, portsSettled, realSleep, startThread } from '../support/threads/threads';

/** Nobody waits longer than this, whatever goes wrong: reached in failure only. */
const CEILING = 20_000;
/** What ends at once, or at its time, is over long before the ceiling; a busy machine lets a thread wait for its turn. */
const LATE = 4000;
/** So is the wait for a dead worker, which is noticed within a slice of 200 ms. */
const SOON = 4000;

const workers: Worker[] = [];
afterEach(() => {
  realSleep();
  return Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

/** A link with a thread that does what it is told, and is open. */
function obedient({ lastWord = false, stallTimeout = 60_000 } = {}): { link: Link; worker: Worker } {
  const link = new Link(1024, false, stallTimeout);
  const options: ObedientThreadOptions = { lastWord };
  const more = { resourceLimits: { maxOldGenerationSizeMb: 64 } };
  const worker = startThread(link, 'obedient-thread', options, more);
  workers.push(worker);
  const deadline = performance.now() + CEILING;
  // not by a wait of the link's: starting takes longer than some of these tests let a worker be silent
  while ((link.state === STATE.STARTING || beats(link) === 0) && performance.now() < deadline) {
    link.post(0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  expect(link.state).toBe(STATE.OPEN);
  expect(beats(link)).toBeGreaterThan(0);
  return { link, worker };
}

/** Both ends in this thread. */
function pair(): { link: Link; worker: WorkerLink } {
  const link = new Link(1024, false, 60_000);
  const { port1, port2 } = new MessageChannel();
  const nothing = () => {};
  const worker = new WorkerLink(link.memory, link.wakeSignal.memory, port2, nothing, nothing);
  link.attach(port1);
  port2.unref();
  port1.unref();
  return { link, worker };
}

/** Probes that the worker has answered. */
function beats(link: Link): number {
  return Atomics.load(mapMemory(link.memory).words, WORD.BEAT);
}

function tell(link: Link, command: Command): void {
  expect(link.post(command)).toBe(true);
}

/** A link whose worker is there but never says anything: it is this thread, and this thread sleeps. */
function silent(stallTimeout = 60_000): { link: Link; worker: WorkerLink } {
  const link = new Link(1024, false, stallTimeout);
  const { port1, port2 } = new MessageChannel();
  const worker = new WorkerLink(
    link.memory,
    link.wakeSignal.memory,
    port2,
    () => {},
    () => {},
  );
  port1.unref();
  port2.unref();
  link.attach(port1);
  return { link, worker };
}

/** Block for at most `ms`; how did it end, and after how many milliseconds? */
function wait(link: Link, ms = CEILING, state = link.state): { result: WaitResult; took: number } {
  const began = performance.now();
  const result = link.waitReadable(state, began + ms);
  return { result, took: performance.now() - began };
}

function expectDead(link: Link, result: WaitResult): void {
  expect(link.state).toBe(STATE.DEAD);
  expect(result).toBe('woken');
}

describe('a wait ends', () => {
  // plain sleeps until 5 ms, slices of 200 ms after that: on both sides of both borders
  test.each([0, 1, 4, 6, 30, 190, 210, 450])('with its deadline of %d ms, never before it', (ms) => {
    const { link } = silent();
    const waits = [1, 2, 3].map(() => wait(link, ms));
    expect(waits.map(({ result }) => result)).toEqual(['timeout', 'timeout', 'timeout']);
    const took = waits.map((each) => each.took);
    expect(Math.min(...took)).toBeGreaterThanOrEqual(ms);
    expect(Math.min(...took)).toBeLessThan(ms + LATE / 4); // the others may have met a busy machine
  });

  test('at once when its deadline has passed already', () => {
    const { result, took } = wait(silent().link, -1000);
    expect(result).toBe('timeout');
    expect(took).toBeLessThan(LATE);
  });

  test('at once when there is something to read, even past the deadline', () => {
    const { link, worker } = silent();
    worker.inbound.write(Buffer.of(1), 0, 1);
    worker.publish(worker.inbound.head);
    expect(wait(link, 0).result).toBe('woken');
    expect(wait(link).took).toBeLessThan(LATE);
  });

  test.each([2, 40, 300])('when bytes come after %d ms', (after) => {
    const { link } = obedient();
    failOnLostWakeUp(link);
    tell(link, { order: 'publish', after });
    expect(wait(link).result).toBe('woken');
    expect(link.inbound.available()).toBe(1);
  });

  test('when the state changes, whose report is there then', () => {
    const { link } = obedient();
    failOnLostWakeUp(link);
    tell(link, { order: 'close', after: 40 });
    const { result } = wait(link);
    expect([result, link.state, link.report]).toEqual(['woken', STATE.CLOSED, 'closed as told']);
  });

  test('at once when the state is no longer the one the caller has acted on', () => {
    const { link, worker } = silent();
    const { state } = link;
    worker.open();
    expect(wait(link, 0, state).result).toBe('woken');
    expect(wait(link, 0, STATE.OPEN).result).toBe('timeout');
  });

  test('not with a ring that brings nothing', () => {
    const { link } = obedient();
    tell(link, { order: 'ring', every: 10 });
    const { result, took } = wait(link, 300);
    expect(result).toBe('timeout');
    expect(took).toBeGreaterThanOrEqual(300);
  });
});

describe('a wait for room ends', () => {
  const full = () => {
    const { link, worker } = silent();
    link.outbound.write(Buffer.alloc(1024), 0, 1024);
    link.send();
    return { link, worker };
  };
  const waitWritable = (link: Link, size: number, ms: number) =>
    link.waitWritable(size, link.state, performance.now() + ms);

  test('when there is enough of it', () => {
    const { link, worker } = full();
    worker.release(100);
    expect(waitWritable(link, 100, CEILING)).toBe('woken');
    expect(waitWritable(link, 101, 20)).toBe('timeout');
  });

  test('when there is something to read, which may be what stands in the way', () => {
    const { link, worker } = full();
    worker.inbound.write(Buffer.of(1), 0, 1);
    worker.publish(worker.inbound.head);
    expect(waitWritable(link, 1, CEILING)).toBe('woken');
  });

  test('when the state changes', () => {
    const { link, worker } = full();
    const { state } = link;
    worker.close('', { bytesIn: 2 ** 40, bytesOut: 7 });
    expect(link.waitWritable(1, state, performance.now() + CEILING)).toBe('woken');
  });

  test('a wait for room lets the worker know that room is wanted', () => {
    const { link, worker } = full();
    const notify = jest.spyOn(Object.getPrototypeOf(link.wakeSignal), 'notify');
    worker.release(1);
    expect(notify).toHaveBeenCalledTimes(0);
    waitWritable(link, 1024, 5);
    worker.release(1);
    worker.release(1);
    expect(notify).toHaveBeenCalledTimes(1);
    notify.mockRestore();
  });
});

describe('several links of a thread', () => {
  test('share its wakeSignal', () => {
    expect(silent().link.wakeSignal).toBe(silent().link.wakeSignal);
  });

  test('news of another link neither ends a wait nor is lost by it', () => {
    const { link } = obedient();
    const { link: other } = obedient();
    tell(other, { order: 'publish', after: 20 });
    const began = performance.now();
    tell(link, { order: 'publish', after: 120 });
    expect(wait(link).result).toBe('woken');
    expect(link.inbound.available()).toBe(1);
    expect(performance.now() - began).toBeGreaterThanOrEqual(115);
    expect(other.inbound.available()).toBe(1);
    expect(wait(other, 0).result).toBe('woken');
  });
});

describe('a worker that dies', () => {
  test.each([
    ['throw', 'uncaught: as told'],
    ['reject', 'uncaught: as told'],
    ['exit', 'exit code 3'],
  ] as const)('by %s and leaves a word, wakes who waits', (order, report) => {
    const { link } = obedient({ lastWord: true });
    tell(link, { order });
    const { result, took } = wait(link);
    expectDead(link, result);
    expect(link.report).toBe(report);
    expect(took).toBeLessThan(LATE);
  });

  test.each(['throw', 'reject', 'exit', 'run out of memory'] as const)(
    'by %s and says nothing, is noticed',
    (order) => {
      const { link } = obedient();
      tell(link, { order });
      const { result, took } = wait(link);
      expectDead(link, result);
      expect(link.report).toBe('');
      // how long a heap takes to fill is not ours
      expect(took).toBeLessThan(order === 'run out of memory' ? CEILING - 1 : SOON);
      expect(link.post(0)).toBe(false);
    },
  );

  test('is noticed by a wait for room too', () => {
    const { link } = obedient();
    link.outbound.write(Buffer.alloc(1024), 0, 1024);
    link.send();
    tell(link, { order: 'exit' });
    const began = performance.now();
    expectDead(link, link.waitWritable(1, STATE.OPEN, began + CEILING));
    expect(performance.now() - began).toBeLessThan(SOON);
  });

  test('because it was terminated, is noticed', () => {
    const { link, worker } = obedient();
    void worker.terminate();
    const { result, took } = wait(link);
    expectDead(link, result);
    expect(took).toBeLessThan(SOON);
  });

  test('keeps its report of how the connection ended before', () => {
    const { link } = obedient({ lastWord: true });
    tell(link, { order: 'close' });
    tell(link, { order: 'exit' });
    expect(wait(link, CEILING, STATE.OPEN).result).toBe('woken');
    expect(wait(link, CEILING, link.state).result).toBe('woken');
    expect(link.post(0)).toBe(false);
    expect(link.report).toBe('closed as told');
  });

  test('after the connection was closed, leaves it closed', () => {
    const { link } = obedient({ lastWord: true });
    tell(link, { order: 'close' });
    tell(link, { order: 'exit' });
    expect(wait(link, CEILING, STATE.OPEN).result).toBe('woken');
    expect(wait(link, CEILING, STATE.CLOSED).result).toBe('woken');
    expect(link.post(0)).toBe(false);
    expect(link.state).toBe(STATE.CLOSED);
  });

  test('is noticed while another connection rings more often than a slice is long', () => {
    const { link } = obedient();
    const { link: other } = obedient();
    tell(other, { order: 'ring', every: 20 });
    tell(link, { order: 'exit', after: 50 });
    const { result, took } = wait(link);
    expectDead(link, result);
    expect(took).toBeLessThan(50 + SOON);
  });

  test('is noticed by a thread that only polls', () => {
    const { link } = obedient();
    tell(link, { order: 'exit' });
    const deadline = performance.now() + CEILING;
    let result: WaitResult = 'timeout';
    while (result === 'timeout' && performance.now() < deadline) result = wait(link, 0).result;
    expectDead(link, result);
  });
});

describe('a worker that does not answer', () => {
  const STALL = 1000; // a worker that is there gets its turn within that on a busy machine, too
  /** Silence is counted in slices of this. */
  const SLICE = 200;

  test('is stalled after stallTimeout, give or take a slice', () => {
    const { link } = obedient({ stallTimeout: STALL });
    tell(link, { order: 'loop for ever' });
    const { result, took } = wait(link);
    expect([result, link.state]).toEqual(['woken', STATE.STALLED]);
    expect(took).toBeGreaterThanOrEqual(STALL - SLICE);
    expect(took).toBeLessThan(STALL + 2 * SLICE + LATE);
  });

  test('is stalled even while another connection rings more often than a slice is long', () => {
    const { link } = obedient({ stallTimeout: STALL });
    const { link: other } = obedient();
    tell(other, { order: 'ring', every: 20 });
    tell(link, { order: 'loop for ever', after: 50 });
    expect(wait(link).result).toBe('woken');
    expect(link.state).toBe(STATE.STALLED);
  });

  test('is not stalled before that: the deadline comes first', () => {
    expect(wait(silent(STALL).link, STALL - SLICE).result).toBe('timeout');
  });

  test('is not stalled as long as it answers, although it has nothing to say', () => {
    const { link } = obedient({ stallTimeout: STALL });
    expect(wait(link, 3 * STALL).result).toBe('timeout');
    expect(beats(link)).toBeGreaterThan(5);
  });

  test('is stalled for waits that are all shorter than stallTimeout, too', () => {
    const { link } = silent(STALL);
    const deadline = performance.now() + CEILING;
    let result: WaitResult = 'timeout';
    while (result === 'timeout' && performance.now() < deadline) result = wait(link, 100).result;
    expect([result, link.state]).toEqual(['woken', STATE.STALLED]);
  });
});

describe('a nap of the worker', () => {
  test('is ended by what is urgent, not by what can wait', () => {
    const { link } = obedient();
    tell(link, { order: 'nap' });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    link.sendSoon();
    expect(wait(link, 300).result).toBe('timeout');
    link.send();
    expect(wait(link, 5000).result).toBe('woken');
    expect(link.inbound.available()).toBe(1);
  });

  test('does not begin when something urgent is there, and does when that is attended to', () => {
    const { link, worker } = pair();
    const slept = jest.spyOn(Atomics, 'wait');
    link.send();
    worker.nap(1);
    expect(slept).toHaveBeenCalledTimes(0);
    worker.attend();
    worker.nap(1);
    expect(slept).toHaveBeenCalledTimes(1);
    slept.mockRestore();
  });
});

describe('what main waits for', () => {
  test('is known to the worker as long as it is an answer', () => {
    const { link, worker } = pair();
    const seen: boolean[] = [];
    const goal = {
      get isDone() {
        seen.push(worker.isAwaited);
        return seen.length > 2;
      },
    };
    link.waitReadable(link.state, performance.now() + 1000, goal);
    expect(seen).toContain(true);
    expect(worker.isAwaited).toBe(false);
    seen.splice(0);
    link.waitReadable(link.state, performance.now() + 1000, goal, false);
    expect(seen).not.toContain(true);
  });
});

describe('the doorbell', () => {
  test('is rung by send only when the worker has parked, and once', async () => {
    const link = new Link(1024, false, 60_000);
    const { port1, port2 } = new MessageChannel();
    const heard: unknown[] = [];
    const worker = new WorkerLink(
      link.memory,
      link.wakeSignal.memory,
      port2,
      () => heard.push('wakeSignal'),
      (message) => heard.push(message),
    );
    link.attach(port1);
    link.send();
    await portsSettled();
    expect(heard).toEqual([]);
    worker.park();
    link.send();
    link.send();
    await portsSettled();
    expect(heard).toEqual(['wakeSignal']);
    worker.park();
    worker.unpark();
    link.send();
    link.post({ replyCode: 200 });
    await portsSettled();
    expect(heard).toEqual(['wakeSignal', { replyCode: 200 }]);
    port1.close();
  });

  test('reaches nobody before it is attached', () => {
    const link = new Link(1024, false, 60_000);
    expect(link.post(0)).toBe(false);
    expect(link.state).toBe(STATE.DEAD);
  });
});
