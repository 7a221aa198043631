import { threadWakeSignal, WakeSignal } from '../../src/bridge/wake-signal';

afterEach(() => jest.restoreAllMocks());

/**
 * Run `action`, and `intruder` between two of its atomic operations: before number `step`, or after the
 * last. The sleeper and the ringer share only these, so every way they can meet is tried.
 */
function during<T>(action: () => T, step: number, intruder: () => void): T {
  let count = 0;
  for (const name of ['load', 'store', 'exchange', 'add', 'notify'] as const) {
    const real = Atomics[name] as (...args: unknown[]) => number;
    const seam = (...args: unknown[]) => {
      if (count++ === step) intruder();
      return real(...args);
    };
    jest.spyOn(Atomics, name).mockImplementation(seam as never);
  }
  const result = action();
  jest.restoreAllMocks();
  if (count <= step) intruder();
  return result;
}

/** More than any of the wake signal's actions has. */
const STEPS = [0, 1, 2, 3, 4];

/** Two ends of one wake signal: the sleeper's and a ringer's. */
function pair(): { sleeper: WakeSignal; ringer: WakeSignal } {
  const sleeper = new WakeSignal();
  return { sleeper, ringer: new WakeSignal(sleeper.memory) };
}

test('a ring after arm ends the sleep before it begins', () => {
  const { sleeper, ringer } = pair();
  const ticket = sleeper.arm();
  ringer.notify();
  expect(sleeper.sleep(ticket, 0)).toBe('woken');
});

test('without a ring the sleep lasts as long as it was meant to', () => {
  const { sleeper } = pair();
  const ticket = sleeper.arm();
  const began = performance.now();
  expect(sleeper.sleep(ticket, 30)).toBe('timeout');
  expect(performance.now() - began).toBeGreaterThanOrEqual(29);
});

test('ringing costs nothing while nobody sleeps, nor a second time', () => {
  const { sleeper, ringer } = pair();
  const notify = jest.spyOn(Atomics, 'notify');
  ringer.notify();
  expect(notify).toHaveBeenCalledTimes(0);
  sleeper.arm();
  ringer.notify();
  ringer.notify();
  expect(notify).toHaveBeenCalledTimes(1);
  sleeper.arm();
  sleeper.disarm();
  ringer.notify();
  expect(notify).toHaveBeenCalledTimes(1);
});

test('a thread has one wakeSignal', () => {
  expect(threadWakeSignal()).toBe(threadWakeSignal());
});

describe('no wake-up is lost', () => {
  test.each(STEPS)('when news comes at step %d of arming', (step) => {
    const { sleeper, ringer } = pair();
    let news = false;
    const ticket = during(
      () => sleeper.arm(),
      step,
      () => {
        news = true;
        ringer.notify();
      },
    );
    expect(news || sleeper.sleep(ticket, 0) === 'woken').toBe(true);
  });

  // what this ring announced was seen before the sleeper armed, or is meant for another connection: the
  // sleeper looks, finds nothing of its own, and sleeps. The next ring must still reach it
  test.each(STEPS)('when an old ring arrives at step %d of arming, and the news after it', (step) => {
    const { sleeper, ringer } = pair();
    const ticket = during(
      () => sleeper.arm(),
      step,
      () => ringer.notify(),
    );
    ringer.notify();
    expect(sleeper.sleep(ticket, 0)).toBe('woken');
  });

  test.each(STEPS)('when the sleeper arms at step %d of an old ring, and the news comes after it', (step) => {
    const { sleeper, ringer } = pair();
    sleeper.arm(); // an earlier sleep, which the old ring is for
    let ticket = 0;
    during(
      () => ringer.notify(),
      step,
      () => {
        ticket = sleeper.arm();
      },
    );
    ringer.notify();
    expect(sleeper.sleep(ticket, 0)).toBe('woken');
  });

  test.each(STEPS)('when two connections ring at once: step %d of one, all of the other', (step) => {
    const { sleeper, ringer } = pair();
    const other = new WakeSignal(sleeper.memory);
    const ticket = sleeper.arm();
    during(
      () => ringer.notify(),
      step,
      () => other.notify(),
    );
    expect(sleeper.sleep(ticket, 0)).toBe('woken');
  });
});
