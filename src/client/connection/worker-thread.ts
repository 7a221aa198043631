import { spawnWorker, type WorkerThread } from '../../bridge/spawn';
import type { ControlCall, ControlReply } from '../../contract/control';
import type { SessionDescription, SessionOptions } from '../../contract/session-options';
import { ConnectError, WorkerCrashedError } from '../../errors';
import { hostAndPort } from '../../protocol/uri';

/** The worker of a connection. */
export type Thread = WorkerThread<ControlCall<SessionOptions>, ControlReply<SessionDescription>>;

/** @throws {WorkerCrashedError} */
export function startThread(timeout: number): Thread {
  try {
    return spawnWorker('connection/thread', timeout);
  } catch (error) {
    const { message, permission } = error as Error & { permission?: string };
    const hint = permission === 'WorkerThreads' ? '; node was started without --allow-worker' : '';
    throw crashed(message + hint, error);
  }
}

/** Ask the worker, and wait for its answer. @throws {ConnectError | WorkerCrashedError} */
export function control(thread: Thread, call: ControlCall<SessionOptions>): ControlReply<SessionDescription> {
  try {
    return thread.call(call);
  } catch (error) {
    if (call.call === 'open' && /timed-out/.test((error as Error).message)) throw late(call.options);
    throw crashed((error as Error).message, error);
  }
}

/** The thread was not there in time, on a machine that is very busy. */
function late({ connectTimeout, targets }: SessionOptions): ConnectError {
  const { host, port } = targets[0]!;
  const reason = `the worker thread did not start within connectTimeout (${connectTimeout} ms)`;
  return new ConnectError(`cannot connect to ${hostAndPort(targets[0]!)}: ${reason}`, {
    code: 'CONNECT',
    attempts: [{ host, port, stage: 'worker', reason }],
    origin: 'worker',
    recoverable: true,
    outcome: 'not-sent',
  });
}

export function crashed(what: string, cause?: unknown): WorkerCrashedError {
  return new WorkerCrashedError(`the worker thread of the connection failed: ${what}`, {
    origin: 'worker',
    outcome: 'not-sent',
    cause,
  });
}
