import { Heartbeat, type HeartbeatEvents } from '../../worker/connection/heartbeat';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** A connection with a heartbeat of `interval` seconds, on a clock that the test moves. */
class Rig implements HeartbeatEvents {
  bytesIn = 0;
  bytesOut = 0;
  paused = false;
  /** Milliseconds after the start at which heartbeats were sent. */
  readonly beats: number[] = [];
  /** Milliseconds after the start at which the peer was found dead. */
  died: number | undefined;
  readonly heartbeat: Heartbeat;
  #now = 0;

  constructor(interval: number) {
    this.heartbeat = new Heartbeat(interval, this);
  }

  received = () => this.bytesIn;
  sent = () => this.bytesOut;
  isPaused = () => this.paused;
  send = () => {
    this.bytesOut += 8;
    this.beats.push(this.#now);
  };
  timedOut = () => {
    this.died ??= this.#now;
  };

  /** Let `ms` pass; `each` runs before every millisecond. */
  pass(ms: number, each: (now: number) => void = () => {}): void {
    for (const end = this.#now + ms; this.#now < end; ) {
      each(this.#now);
      this.#now++;
      jest.advanceTimersByTime(1);
    }
  }
}

/** Seconds, and the milliseconds between two looks that they are given. */
const INTERVALS = [
  [1, 250],
  [2, 500],
  [5, 1000],
  [60, 1000],
] as const;

describe.each(INTERVALS)('with an interval of %d s', (interval, tick) => {
  const ms = interval * 1000;

  test('a heartbeat is sent when nothing else was for half of it', () => {
    const rig = new Rig(interval);
    rig.pass(4 * ms, () => rig.bytesIn++);
    const gaps = rig.beats.map((at, i) => at - (rig.beats[i - 1] ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(7);
    for (const gap of gaps) {
      expect(gap).toBeGreaterThan(ms / 2 - tick);
      expect(gap).toBeLessThanOrEqual(ms / 2 + tick);
    }
  });

  test('none is sent while other things are', () => {
    const rig = new Rig(interval);
    rig.pass(3 * ms, (now) => {
      rig.bytesIn++;
      if (now % (tick / 2) === 0) rig.bytesOut++;
    });
    expect(rig.beats).toEqual([]);
  });

  // the last byte may come at any time between two looks
  test.each([0, 1, tick / 2, tick - 1])(
    'a peer silent since %d ms after a look is dead after two of them, and at most one look later',
    (offset) => {
      const rig = new Rig(interval);
      rig.pass(3 * tick + offset, () => rig.bytesIn++);
      const last = 3 * tick + offset;
      rig.pass(2 * ms + 3 * tick);
      expect(rig.died! - last).toBeGreaterThanOrEqual(2 * ms);
      expect(rig.died! - last).toBeLessThanOrEqual(2 * ms + tick);
    },
  );

  test('a peer that never said anything is dead as well', () => {
    const rig = new Rig(interval);
    rig.pass(2 * ms + 3 * tick);
    expect(rig.died).toBeGreaterThanOrEqual(2 * ms);
  });

  test('any byte is a sign of life', () => {
    const rig = new Rig(interval);
    rig.pass(10 * ms, (now) => {
      if (now % (2 * ms - tick) === 0) rig.bytesIn++;
    });
    expect(rig.died).toBeUndefined();
  });

  test('what we send is no sign of life', () => {
    const rig = new Rig(interval);
    rig.pass(3 * ms, () => rig.bytesOut++);
    expect(rig.died).toBeDefined();
  });
});

describe('while reading is paused', () => {
  test('silence means nothing, but heartbeats are sent', () => {
    const rig = new Rig(2);
    rig.paused = true;
    rig.pass(20_000);
    expect(rig.died).toBeUndefined();
    expect(rig.beats.length).toBeGreaterThanOrEqual(13);
  });

  test('nothing is held against the peer afterwards: two intervals begin anew', () => {
    const rig = new Rig(2);
    rig.pass(3000);
    rig.paused = true;
    rig.pass(5000);
    rig.paused = false;
    rig.pass(3900);
    expect(rig.died).toBeUndefined();
    rig.pass(1200);
    expect(rig.died).toBeDefined();
  });
});

describe('a process that was suspended', () => {
  // timers did not run meanwhile; when it goes on, the one that is overdue runs once
  const suspend = (ms: number) => jest.setSystemTime(Date.now() + ms);

  test('has missed no heartbeat of its peer', () => {
    const rig = new Rig(10);
    rig.pass(5000, () => rig.bytesIn++);
    suspend(3_600_000);
    rig.pass(5000);
    expect(rig.died).toBeUndefined();
  });

  test('finds out in the usual time that its peer is gone', () => {
    const rig = new Rig(10);
    rig.pass(5000, () => rig.bytesIn++);
    suspend(3_600_000);
    rig.pass(25_000);
    expect(rig.died).toBeDefined();
  });
});

test('after stop nothing happens any more', () => {
  const rig = new Rig(1);
  rig.heartbeat.stop();
  rig.pass(10_000);
  expect([rig.beats, rig.died]).toEqual([[], undefined]);
  expect(jest.getTimerCount()).toBe(0);
});
