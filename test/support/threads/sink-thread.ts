import { createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { FRAME, FRAME_HEADER_SIZE, FRAME_OVERHEAD } from '../../../src/protocol/constants';
import { checkNumbered, SINK } from './numbered-frames';
import { generator } from './records';

/** A peer that reads what comes, now fast and now not at all for a while, and checks that frame follows frame. */
const { report, seed } = workerData as { report: SharedArrayBuffer; seed: number };
const words = new Int32Array(report);
const random = generator(seed);

const server = createServer((socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    try {
      rest = take(rest);
    } catch (error) {
      Atomics.store(words, SINK.WRONG, 1);
      parentPort!.postMessage((error as Error).message);
    }
    Atomics.notify(words, SINK.FRAMES);
    if (random() % 64 !== 0) return;
    socket.pause();
    setTimeout(() => socket.resume(), random() % 30);
  });
  socket.on('error', () => {});
});

function take(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes.length - at >= FRAME_OVERHEAD) {
    const size = bytes.readUInt32BE(at + 3) + FRAME_OVERHEAD;
    if (bytes.length - at < size) break;
    const frame = bytes.subarray(at, at + size);
    if (frame[0] === FRAME.HEARTBEAT) Atomics.add(words, SINK.HEARTBEATS, 1);
    else checkNumbered(frame.subarray(FRAME_HEADER_SIZE, -1), Atomics.add(words, SINK.FRAMES, 1));
    at += size;
  }
  return bytes.subarray(at);
}

server.listen(0, '127.0.0.1', () => parentPort!.postMessage(server.address()));
