import { type MessagePort, parentPort } from 'node:worker_threads';
import { runAsWorker } from 'synckit';
import type { ControlCall, ControlReply } from '../../src/bridge/control';
import { STATE } from '../../src/bridge/layout';
import { WorkerLink } from '../../src/bridge/worker-link';
import type { ErrorRecord } from '../../src/errors';
import type { CloseReason, SessionDescription, SessionOptions } from '../../src/protocol/session-options';
import { Session } from './session';

/**
 * The worker thread of one connection: wiring only. The first message brings the doorbell, the first call
 * the shared memory; from then on everything of a message's life goes through the rings.
 */
let link: WorkerLink | undefined;
let session: Session | undefined;

process.on('uncaughtException', (error) => die(`${error.name}: ${error.message}`, error.stack));
// synckit's guard would report it only after a while
process.prependListener('unhandledRejection', (reason) =>
  die(String(reason), (reason as Error)?.stack ?? ''),
);
process.on('exit', () => die('the thread ended'));

function die(what: string, reason?: string): void {
  const record: ErrorRecord = {
    name: 'WorkerCrashedError',
    message: `the worker thread of the connection crashed: ${what}`,
    reason,
    origin: 'worker',
    recoverable: true,
    outcome: link?.state === STATE.OPEN ? 'unknown' : 'not-sent',
  };
  link?.die(JSON.stringify(record));
  if (reason !== undefined) process.exit(1);
}

parentPort?.once('message', (doorbell: MessagePort) => {
  runAsWorker((call: ControlCall<SessionOptions>) => answer(call, doorbell));
});

function answer(call: ControlCall<SessionOptions>, doorbell: MessagePort): ControlReply<SessionDescription> {
  switch (call.call) {
    case 'open':
      link = new WorkerLink(call.memory, call.bell, doorbell, () => session?.wake(), command);
      session = new Session(link, call.options, () => setImmediate(() => process.exit(0)));
      return undefined;
    case 'describe':
      return describe();
  }
}

/** What must not wait for an answer comes over the doorbell. */
function command(message: unknown): void {
  if (message === 'abort') session?.abort();
  else session?.close(message as CloseReason);
}

function describe(): SessionDescription | undefined {
  if (session === undefined) return undefined;
  const { handshake, transport } = session;
  return {
    tuning: handshake.tuning,
    address: transport.address,
    bytesIn: transport.bytesIn,
    bytesOut: transport.bytesOut,
  };
}
