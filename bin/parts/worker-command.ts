import { spawnSync } from 'node:child_process';
import type { IncomingMessage } from '../../src/index';
import { Failure } from './failure';

/** Bytes that a command may print for an answer. */
const MOST_OUTPUT = 128 * 1024 * 1024;

export interface Outcome {
  ok: boolean;
  output: Buffer;
  /** In words, if it was not ok. */
  why: string;
}

/**
 * Run a command for a message, with the body as its stdin and what is known of the message in its environment
 * (AMQP_ROUTING_KEY and the like). Blocks until it ends. `capture`: its output is the answer; else it goes where
 * ours goes.
 * @throws {Failure} it cannot be started
 */
export function runCommand(
  [file = '', ...args]: readonly string[],
  message: IncomingMessage,
  capture: boolean,
): Outcome {
  const { status, signal, error, stdout } = spawnSync(file, args, {
    input: message.body,
    stdio: ['pipe', capture ? 'pipe' : 'inherit', 'inherit'],
    maxBuffer: MOST_OUTPUT,
    env: { ...process.env, ...environment(message) },
  });
  // one that does not read its input is no failure
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'EPIPE')
    throw new Failure(`cannot run ${file}: ${error.message}`);
  if (signal === 'SIGINT') process.kill(process.pid, 'SIGINT');
  const why = signal === null ? `exit status ${status}` : `killed by ${signal}`;
  return { ok: status === 0, output: stdout ?? Buffer.alloc(0), why: `${file}: ${why}` };
}

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
