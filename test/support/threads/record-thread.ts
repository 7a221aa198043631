import { workerData } from 'node:worker_threads';
import { WorkerLink } from '../../../src/bridge/worker-link';
import { RecordReader, RecordWriter, type StreamOptions } from './records';
import type { ThreadData } from './threads';

/**
 * The worker's end of a two-thread test.
 *
 *   stream   write `toMain` and check `toWorker`, both at once
 *   stubborn write all of `toMain` before reading a byte: a broker that does not read while it cannot write
 *   echo     give every byte back
 *   ringing  write `toMain` a record at a time, and nothing else
 *   clamour  ring the wake signal for ever, with no news at all
 */
export interface RecordThreadOptions {
  role: 'stream' | 'stubborn' | 'echo' | 'ringing' | 'clamour';
  toMain: StreamOptions;
  toWorker: StreamOptions;
}

const { memory, wakeSignal, doorbell, options } = workerData as ThreadData<RecordThreadOptions>;
const link = new WorkerLink(memory, wakeSignal, doorbell, run, () => {});
const writer = new RecordWriter(link.inbound, options.toMain);
const reader = new RecordReader(link.outbound, options.toWorker, (size) => link.release(size));

process.on('uncaughtException', (error) => {
  link.die(error.message);
  process.exit(1);
});

const step = { stream, stubborn, echo, ringing, clamour }[options.role];

function stream(): boolean {
  const written = writer.write();
  if (written > 0) link.publish(link.inbound.head);
  const read = reader.read();
  if (writer.finished && reader.finished)
    link.close(`${writer.number} written, ${reader.number} checked`, { bytesIn: 0, bytesOut: 0 });
  return written + read > 0;
}

function stubborn(): boolean {
  const written = writer.write();
  if (written > 0) link.publish(link.inbound.head);
  if (!writer.finished) return written > 0;
  return stream() || written > 0;
}

function echo(): boolean {
  const size = Math.min(link.outbound.available(), link.inbound.room());
  if (size === 0) return false;
  link.outbound.view(size);
  const { buffer, offset } = link.outbound;
  link.inbound.write(buffer, offset, offset + size);
  link.publish(link.inbound.head);
  link.release(size);
  return true;
}

function ringing(): boolean {
  if (writer.finished || !link.inbound.hasRoom(writer.need)) return false;
  writer.write();
  link.publish(link.inbound.head);
  return true;
}

function clamour(): boolean {
  link.publish(link.inbound.head);
  return true;
}

/** Work until there is nothing to do, then ask for the doorbell and look once more. */
function run(): void {
  for (;;) {
    link.unpark();
    while (step());
    link.park();
    link.wantRoom();
    if (!step()) return;
  }
}

run();
