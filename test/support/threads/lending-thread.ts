import { workerData } from 'node:worker_threads';
import { WorkerLink } from '../../../src/bridge/worker-link';
import type { Target } from '../../../src/contract/session-options';
import { FRAME, FRAME_END } from '../../../src/protocol/constants';
import { Race } from '../../../worker/connection/dial';
import { Outbound } from '../../../worker/connection/outbound';
import { Transport, type TransportEvents } from '../../../worker/connection/transport';
import { generator } from './records';
import type { ThreadData } from './threads';

export interface LendingThreadOptions {
  port: number;
  seed: number;
  /** The descriptor is lent. */
  isLent: boolean;
}

/** What main asks of a lending thread. */
export type LendingCommand = 'stop' | 'end';

const HEARTBEAT = Buffer.of(FRAME.HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END);
const TURNS = 40;

/**
 * The worker's end of a test of direct writes: it parks, polls and naps as a seeded generator says, and writes frames of
 * its own in between. Its last word is how many.
 */
const { memory, wakeSignal, doorbell, options } = workerData as ThreadData<LendingThreadOptions>;
const random = generator(options.seed);
let own = 0;
let isPolling = false;
let isStopped = false;

const link = new WorkerLink(
  memory,
  wakeSignal,
  doorbell,
  () => outbound.flush(),
  (message) => take(message as LendingCommand),
);
const route = {
  target: { host: '127.0.0.1', port: options.port } as Target,
  race: new Race(['127.0.0.1'], 250),
  secure: undefined,
  dial: { noDelay: true, keepAlive: 0, happyEyeballsDelay: 250, interleave: 1 },
};
const events: Partial<TransportEvents> = {
  connected: begin,
  ended: (error) => link.die(`the socket ended: ${error?.message}`),
  target: () => Buffer.alloc(64),
};
const transport = new Transport(route, events as TransportEvents);
const outbound = new Outbound(link, transport, () => isPolling);

function begin(): void {
  const descriptor = transport.descriptor(() => outbound.revoke());
  if (options.isLent && descriptor !== undefined) outbound.lend(descriptor);
  link.open();
  rest();
}

/** Parked, for a while, but for the doorbell and a frame of its own. */
function rest(): void {
  outbound.flush();
  setTimeout(() => {
    appendSome();
    if (isStopped) return;
    isPolling = true;
    link.unpark();
    poll(random() % TURNS);
  }, random() % 3);
}

function poll(left: number): void {
  if (random() % 4 === 0) link.nap(0.1);
  if (random() % 2 === 0) outbound.flush();
  if (random() % 8 === 0) appendSome();
  if (left > 0) return void setImmediate(() => poll(left - 1));
  isPolling = false;
  rest();
}

function appendSome(): void {
  for (let left = random() % 3; left > 0 && !isStopped; left--, own++) outbound.append(HEARTBEAT);
}

function take(command: LendingCommand): void {
  if (command === 'end') return transport.destroy();
  isStopped = true;
  outbound.drain(() => link.close(`${own}`, { bytesIn: 0, bytesOut: 0 }));
}
