import { constants } from 'node:os';
import { isMainThread, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Option } from 'commander';
import { type Connection, type IncomingMessage, InterruptedError } from '../../src/index';
import { ExitError } from './exit-status';
import { printError } from './output';
import type { CommandAnswer, CommandRequest, ThreadMessage } from './supervisor';
import { duration } from './values';

/** The option for how long a command may take to end: less than the 10 s after which `docker stop` kills everything. */
export function killAfter(): Option {
  const option = new Option('--kill-after <time>', 'what a command may take to end after a signal');
  return option.argParser(duration).default(8000, '8s');
}

export interface Outcome {
  ok: boolean;
  output: Buffer;
  /** The reason in words, if it was not ok. */
  why: string;
}

/** Let the thread that hears the signals end what blocks here on this connection. */
export function interruptible(connection: Connection): void {
  if (isMainThread) return;
  const handle = connection.remote();
  parentPort!.postMessage({ handle } satisfies ThreadMessage, [handle.port]);
}

/**
 * Run a command for a message, with the body as its stdin and what is known of the message in its environment
 * (AMQP_ROUTING_KEY and the like). Blocks until it ends. `capture`: its output is the answer; else it goes where
 * ours goes.
 * @throws {ExitError} it cannot be started
 * @throws {InterruptedError} a signal has ended it, or came before: its message is not settled
 */
export function runCommand(
  [file = '', ...args]: readonly string[],
  message: IncomingMessage,
  { capture, killAfter }: Pick<CommandRequest, 'capture' | 'killAfter'>,
): Outcome {
  const env = { ...process.env, ...environment(message) };
  const { status, signal, output, error, ending } = ask({
    file,
    args,
    env,
    input: message.body,
    capture,
    killAfter,
  });
  if (error !== undefined) throw new ExitError(`cannot run ${file}: ${error}`);
  const why = `${file}: ${signal === null ? `exit status ${status}` : `killed by ${signal}`}`;
  if (ending !== undefined && (signal !== null || status === 128 + constants.signals[ending])) {
    printError(`${why}; its message goes back`);
    throw stopped();
  }
  return { ok: status === 0, output: Buffer.from(output), why };
}

/** The main thread starts it, and answers when it has ended; without that thread there is no process. */
function ask(request: CommandRequest): CommandAnswer {
  const answered = workerData as Int32Array;
  parentPort!.postMessage({ request } satisfies ThreadMessage);
  Atomics.wait(answered, 0, 0);
  Atomics.store(answered, 0, 0);
  const answer = receiveMessageOnPort(parentPort!)!.message as CommandAnswer;
  if (answer.status === null && answer.signal === null && answer.error === undefined) throw stopped();
  return answer;
}

const stopped = () => new InterruptedError('interrupted by a signal', { code: 'STOPPED' });

function environment(message: IncomingMessage): NodeJS.ProcessEnv {
  const { exchange, routingKey, redelivered, properties } = message;
  const known = {
    AMQP_EXCHANGE: exchange,
    AMQP_ROUTING_KEY: routingKey,
    AMQP_REDELIVERED: redelivered ? '1' : '0',
    AMQP_CONTENT_TYPE: properties.contentType,
    AMQP_CORRELATION_ID: properties.correlationId,
    AMQP_MESSAGE_ID: properties.messageId,
    AMQP_REPLY_TO: properties.replyTo,
    AMQP_TYPE: properties.type,
  };
  // a zero byte cannot be in the environment
  return Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== undefined && !value.includes('\0')),
  );
}
