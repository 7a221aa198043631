import type * as Layout from '../../src/bridge/layout';
import { STATE } from '../../src/bridge/layout';
import { Link } from '../../src/bridge/link';
import type { RecordThreadOptions } from '../support/record-thread';
import { RecordReader, RecordWriter, type StreamOptions } from '../support/records';
import { failOnLostWakeUp, startThread } from '../support/threads';

/** The count all rings of a test begin with. */
let mockStart = 0;
jest.mock('../../src/bridge/layout', () => {
  const layout = jest.requireActual<typeof Layout>('../../src/bridge/layout');
  return { ...layout, createMemory: (capacity: number) => layout.createMemory(capacity, mockStart) };
});

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

const NOTHING: StreamOptions = { count: 0, seed: 1, usual: 1, hugeEvery: 1 };

/** The blocking side: write, read, and sleep when neither goes on. */
function exchange(link: Link, { toMain, toWorker }: RecordThreadOptions): number {
  const deadline = performance.now() + 40_000;
  const writer = new RecordWriter(link.outbound, toWorker);
  const reader = new RecordReader(link.inbound, toMain, (size) => link.release(size));
  for (;;) {
    const { state } = link;
    const written = writer.write();
    if (written > 0) link.send();
    const read = reader.read();
    if (state >= STATE.CLOSED) {
      expect(link.report).toBe(`${toMain.count} written, ${toWorker.count} checked`);
      expect(state).toBe(STATE.CLOSED);
      expect(reader.number).toBe(toMain.count);
      return reader.bytes;
    }
    if (written + read > 0) continue;
    const result = writer.finished
      ? link.waitReadable(state, deadline)
      : link.waitWritable(writer.need, state, deadline);
    expect(result).toBe('rung');
  }
}

describe('records in both directions at once', () => {
  test.each([
    { count: 600_000, capacity: 64 * 1024, usual: 180, hugeEvery: 5000, start: 2 ** 32 - 30_000_000 },
    { count: 100_000, capacity: 4096, usual: 200, hugeEvery: 500, start: 2 ** 31 - 5_000_000 },
    { count: 50_000, capacity: 256, usual: 256, hugeEvery: 20, start: 2 ** 32 - 1 },
  ])('$count each way through rings of $capacity bytes', ({ count, capacity, usual, hugeEvery, start }) => {
    const options: RecordThreadOptions = {
      role: 'stream',
      toMain: { count, seed: 3, usual, hugeEvery },
      toWorker: { count, seed: 5, usual, hugeEvery },
    };
    const began = performance.now();
    const bytes = exchange(connect(capacity, start, options), options);
    console.log(`${count} records, ${bytes} bytes in ${performance.now() - began}`);
    expect(start + bytes).toBeGreaterThan(start < 2 ** 31 ? 2 ** 31 : 2 ** 32);
  });
});
