import type * as Layout from '../../src/bridge/layout';

/** The count all rings of a test begin with. */
let mockStart = 0;
jest.mock('../../src/bridge/layout', () => {
  const layout = jest.requireActual<typeof Layout>('../../src/bridge/layout');
  return { ...layout, createMemory: (capacity: number) => layout.createMemory(capacity, mockStart) };
});

import { strictEqual } from 'node:assert';
import { STATE } from '../../src/bridge/layout';
import { Link } from '../../src/bridge/link';
import type { RecordThreadOptions } from '../support/threads/record-thread';
import { RecordReader, RecordWriter, type StreamOptions } from '../support/threads/records';
import { failOnLostWakeUp, startThread } from '../support/threads/threads';

const workers: { terminate(): unknown }[] = [];
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
});

function connect(capacity: number, start: number, options: RecordThreadOptions): Link {
  mockStart = start;
  const link = new Link(capacity, false, 60_000);
  failOnLostWakeUp(link);
  workers.push(startThread(link, 'record-thread', options));
  return link;
}

/** What goes wrong once in many times is looked for in CI; in any case the counters pass the borders of 31 and 32 bits. */
const TIMES = process.env.CI ? 3 : 1;

/** Nothing here takes longer, in milliseconds: reached in failure only. */
const CEILING = 150_000;

const NOTHING: StreamOptions = { count: 0, seed: 1, usual: 1, hugeEvery: 1 };

/** The blocking side: write, read, and sleep when neither goes on. */
function exchange(link: Link, { toMain, toWorker }: RecordThreadOptions): number {
  const deadline = performance.now() + CEILING;
  const writer = new RecordWriter(link.outbound, toWorker);
  const reader = new RecordReader(link.inbound, toMain, (size) => link.release(size));
  for (;;) {
    const { state } = link;
    const written = writer.write();
    if (written > 0) link.send();
    const read = reader.read();
    if (state >= STATE.CLOSED) {
      strictEqual(link.report, `${toMain.count} written, ${toWorker.count} checked`);
      strictEqual(state, STATE.CLOSED);
      strictEqual(reader.number, toMain.count);
      return reader.bytes;
    }
    if (written + read > 0) continue;
    const result = writer.finished
      ? link.waitReadable(state, deadline)
      : link.waitWritable(writer.need, state, deadline);
    strictEqual(result, 'woken');
  }
}

describe('records in both directions at once', () => {
  test.each([
    { count: 200_000 * TIMES, capacity: 64 * 1024, usual: 180, hugeEvery: 5000, start: 2 ** 32 - 10_000_000 },
    { count: 40_000 * TIMES, capacity: 4096, usual: 200, hugeEvery: 500, start: 2 ** 31 - 2_000_000 },
    { count: 20_000 * TIMES, capacity: 256, usual: 256, hugeEvery: 20, start: 2 ** 32 - 1 },
  ])('$count each way through rings of $capacity bytes', ({ count, capacity, usual, hugeEvery, start }) => {
    const options: RecordThreadOptions = {
      role: 'stream',
      toMain: { count, seed: 3, usual, hugeEvery },
      toWorker: { count, seed: 5, usual, hugeEvery },
    };
    const bytes = exchange(connect(capacity, start, options), options);
    expect(start + bytes).toBeGreaterThan(start < 2 ** 31 ? 2 ** 31 : 2 ** 32);
  });
});

test('both rings full at once: whoever waits for room is woken by what it has to read first', () => {
  const many: StreamOptions = { count: 20_000, seed: 7, usual: 200, hugeEvery: 1000 };
  const options: RecordThreadOptions = { role: 'stubborn', toMain: many, toWorker: many };
  const link = connect(4096, 0, options);
  // fill the outbound ring before the first look at the inbound one, which the worker fills meanwhile
  const writer = new RecordWriter(link.outbound, many);
  writer.write();
  link.send();
  const deadline = performance.now() + CEILING;
  while (link.inbound.available() < link.inbound.capacity - 200)
    strictEqual(link.waitReadable(STATE.STARTING, deadline), 'woken');
  const reader = new RecordReader(link.inbound, many, (size) => link.release(size));
  while (!writer.finished) {
    strictEqual(link.waitWritable(writer.need, STATE.STARTING, deadline), 'woken');
    reader.read();
    if (writer.write() > 0) link.send();
  }
  expect(reader.finished).toBe(true); // the worker has read nothing before it had written everything
});

/** Send `number` and block until it has come back. */
function roundTrip(link: Link, number: number, deadline: number): void {
  const { outbound, inbound } = link;
  outbound.claim(4);
  outbound.buffer.writeUInt32BE(number, outbound.offset);
  outbound.commit(4);
  link.send();
  while (inbound.available() === 0) {
    const result = link.waitReadable(STATE.STARTING, deadline);
    if (result !== 'woken') throw new Error(`waiting for answer ${number}: ${result}`);
  }
  inbound.view(4);
  const answer = inbound.buffer.readUInt32BE(inbound.offset);
  if (answer !== number) throw new Error(`answer ${answer} to ${number}`);
  link.release(4);
}

describe('ping-pong: both threads sleep before every answer', () => {
  test('over one connection', () => {
    const link = connect(1024, 2 ** 32 - 60_000, { role: 'echo', toMain: NOTHING, toWorker: NOTHING });
    const deadline = performance.now() + CEILING;
    for (let number = 0; number < 33_000 * TIMES; number++) roundTrip(link, number, deadline);
  });

  test('while another connection rings the same wakeSignal all the time', () => {
    const noise: StreamOptions = { count: 50_000_000, seed: 9, usual: 8, hugeEvery: 1_000_000_000 };
    const link = connect(1024, 0, { role: 'echo', toMain: NOTHING, toWorker: NOTHING });
    const other = connect(64 * 1024, 0, { role: 'ringing', toMain: noise, toWorker: NOTHING });
    const deadline = performance.now() + CEILING;
    let heard = 0;
    for (let number = 0; number < 20_000; number++) {
      roundTrip(link, number, deadline);
      const size = other.inbound.available();
      heard += size;
      other.release(size);
    }
    expect(heard).toBeGreaterThan(20_000);
  });
});

test('a thread that rings for ever never leaves the other one asleep', () => {
  const link = connect(1024, 0, { role: 'clamour', toMain: NOTHING, toWorker: NOTHING });
  const deadline = performance.now() + 4000;
  while (performance.now() < deadline) link.wakeSignal.sleep(link.wakeSignal.arm(), 0);
});
