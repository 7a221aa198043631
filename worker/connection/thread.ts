import type { MessagePort } from 'node:worker_threads';
import { STATE } from '../../src/bridge/layout';
import { WorkerLink } from '../../src/bridge/worker-link';
import type { ControlCall, ControlReply } from '../../src/contract/control';
import type { ErrorRecord } from '../../src/contract/error-record';
import type { Command, SessionDescription, SessionOptions } from '../../src/contract/session-options';
import { Tasks } from '../tasks';
import { Connector } from './connector';

/**
 * The worker thread of a connection, or of several one after the other: wiring only. The first call brings the shared
 * memory; from then on every message goes through the rings.
 */
const tasks = new Tasks(answer);
let link: WorkerLink | undefined;
let connector: Connector | undefined;

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

function answer(call: ControlCall<SessionOptions>, doorbell: MessagePort): ControlReply<SessionDescription> {
  switch (call.call) {
    case 'open':
      link = new WorkerLink(call.memory, call.wakeSignal, doorbell, () => connector?.wake(), command);
      connector = new Connector(link, call.options, () => setImmediate(over));
      return undefined;
    case 'describe':
      return connector?.describe();
  }
}

/** The thread is free, later than all that the end of the connection still has to do. */
function over(): void {
  link = undefined;
  connector = undefined;
  tasks.finish();
}

/** A command of main's that must not wait for an answer comes over the doorbell. */
function command(message: unknown): void {
  const order = message as Command;
  switch (order.command) {
    case 'close':
      return connector?.close(order.reason);
    case 'abort':
      return connector?.abort();
    case 'respond':
      return connector?.respond(order.response, order.question);
    case 'secret':
      return connector?.renewSecret(order.secret);
    case 'follow':
      return connector?.follow(order.channel, order.consumerTag, order.position);
    case 'allowSuspension':
      return connector?.noAckSuspension.add(order.key, order.consumer);
    case 'forbidSuspension':
      connector?.noAckSuspension.remove(order.key);
      return link?.acknowledge();
    case 'waits':
      return connector?.debugReport?.waits(order.report);
    case 'suspend':
      return connector?.noAckSuspension.suspend(order.key, order.suspended);
  }
}
