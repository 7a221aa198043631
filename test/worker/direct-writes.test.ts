/** Main and the worker write to one socket: what comes out at the other end is frame after frame, each once. */
import type * as Layout from '../../src/bridge/layout';

/** The count all rings of a test begin with. */
let mockStart = 0;
jest.mock('../../src/bridge/layout', () => {
  const layout = jest.requireActual<typeof Layout>('../../src/bridge/layout');
  return { ...layout, createMemory: (capacity: number) => layout.createMemory(capacity, mockStart) };
});

import type { AddressInfo } from 'node:net';
import type { Worker } from 'node:worker_threads';
import { STATE } from '../../src/bridge/layout';
import { Link } from '../../src/bridge/link';
import { helperThread } from '../support/threads/helper-thread';
import type { LendingCommand, LendingThreadOptions } from '../support/threads/lending-thread';
import { numberedFrame, SINK } from '../support/threads/numbered-frames';
import { generator } from '../support/threads/records';
import { startThread } from '../support/threads/threads';

/** Reached in failure only, in milliseconds. */
const CEILING = 60_000;

const workers: Worker[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

/** A peer on a thread of its own. */
async function startSink(seed: number): Promise<{ port: number; words: Int32Array; complaints: string[] }> {
  const report = new SharedArrayBuffer(16);
  const worker = helperThread('test/support/threads/sink-thread', { workerData: { report, seed } });
  workers.push(worker);
  const { port } = await new Promise<AddressInfo>((ready, failed) =>
    worker.once('message', ready).once('error', failed),
  );
  const complaints: string[] = [];
  worker.on('message', (message: string) => complaints.push(message));
  return { port, words: new Int32Array(report), complaints };
}

function startLender(capacity: number, options: LendingThreadOptions): Link {
  const link = new Link(capacity, false, CEILING);
  workers.push(startThread(link, 'lending-thread', options));
  while (link.state === STATE.STARTING) link.waitReadable(STATE.STARTING, performance.now() + CEILING);
  expect(link.state).toBe(STATE.OPEN);
  return link;
}

/** Write `count` numbered frames, a few at a time, with and without waiting. @returns writes that were left unfinished */
function sendNumbered(link: Link, count: number, seed: number): number {
  const random = generator(seed);
  const deadline = performance.now() + CEILING;
  let unfinished = 0;
  for (let number = 0; number < count; ) {
    for (let left = 1 + (random() % 4); left > 0 && number < count; left--, number++) {
      const isLarge = random() % 50 === 0;
      const bytes = numberedFrame(number, random() % (isLarge ? link.outbound.capacity / 2 : 300));
      while (!link.outbound.hasRoom(bytes.length)) {
        expect(link.waitWritable(bytes.length, STATE.OPEN, deadline)).toBe('woken');
        if (link.state !== STATE.OPEN) throw new Error(link.report);
      }
      link.outbound.write(bytes, 0, bytes.length);
    }
    link.send(random() % 2 === 0);
    if (link.unsent > 0) unfinished++;
    if (random() % 4 === 0) link.waitReadable(STATE.OPEN, performance.now() + (random() % 3) / 10);
  }
  return unfinished;
}

function tell(link: Link, command: LendingCommand): void {
  expect(link.post(command)).toBe(true);
}

describe('numbered frames of main, and the worker’s own between them', () => {
  test.each([
    { isLent: true, count: 20_000, capacity: 1 << 16, seed: 11, start: 2 ** 32 - 2_000_000 },
    { isLent: true, count: 15_000, capacity: 1 << 12, seed: 12, start: 2 ** 31 - 1_000_000 },
    { isLent: true, count: 3_000, capacity: 1 << 20, seed: 13, start: 0 },
    { isLent: false, count: 10_000, capacity: 1 << 16, seed: 14, start: 2 ** 31 - 1_000_000 },
  ])(
    '$count through a ring of $capacity bytes, lent: $isLent',
    async ({ isLent, count, capacity, seed, start }) => {
      mockStart = start;
      const { port, words, complaints } = await startSink(seed);
      const link = startLender(capacity, { port, seed, isLent });
      const unfinished = sendNumbered(link, count, seed);
      const direct = link.directWrites ?? 0;
      tell(link, 'stop');
      while (link.state === STATE.OPEN)
        expect(link.waitReadable(STATE.OPEN, performance.now() + CEILING)).toBe('woken');
      expect(link.state).toBe(STATE.CLOSED);

      const end = performance.now() + CEILING;
      const arrived = () => Atomics.load(words, SINK.FRAMES) + Atomics.load(words, SINK.HEARTBEATS);
      const due = count + Number(link.report);
      while (arrived() < due && Atomics.load(words, SINK.WRONG) === 0 && performance.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 5));
      expect(complaints).toEqual([]);
      expect([words[SINK.FRAMES], words[SINK.HEARTBEATS]]).toEqual([count, Number(link.report)]);
      expect(Number(link.report)).toBeGreaterThan(10);
      // both ways have been gone, and writes that got only so far
      if (!isLent) return expect(direct).toBe(0);
      expect(direct).toBeGreaterThan(count / 100);
      expect(direct).toBeLessThan(count);
      expect(unfinished).toBeGreaterThan(0);
    },
  );
});
