import { RpcError } from '../errors';
import { isBytes } from '../protocol/wire';
import { type BodyInput, Message } from './message';

/** What a message of a remote call is: its property `type`, with the words of aio-pika. */
export const MESSAGE_TYPE = { CALL: 'call', RESULT: 'result', ERROR: 'error' } as const;

/** The body of an error, as aio-pika's JsonRPC sends it. */
export interface Failure {
  error: { type: string; message: string; args: readonly unknown[] };
}

/** What a caller may know of an error: its class and its text, not where it happened. */
export function failureOf(error: unknown): Failure {
  const { name: type, message } = error instanceof Error ? error : new Error(String(error));
  return { error: { type, message, args: [message] } };
}

/**
 * The error that a reply carries, if it does, with the stack of the caller; `read` gives what its body says.
 */
export function errorIn(
  reply: Message,
  procedure: string,
  read: (body: Buffer) => unknown,
): RpcError | undefined {
  if (reply.properties.type !== MESSAGE_TYPE.ERROR) return undefined;
  const { type = 'Error', message = reply.text, args } = failureIn(reply.body, read);
  const remoteArgs: readonly unknown[] = Array.isArray(args) ? args : [];
  // Python's message is a repr, `ValueError('bad')`; its only argument is the text
  const [first] = remoteArgs;
  const remoteMessage = remoteArgs.length === 1 && typeof first === 'string' ? first : String(message);
  const remoteName = String(type);
  return new RpcError(`the server of "${procedure}" threw ${remoteName}: ${remoteMessage}`, {
    remoteName,
    remoteMessage,
    remoteArgs,
  });
}

/** Whatever a server may have made of an error: what is not understood is shown as it is. */
function failureIn(body: Buffer, read: (body: Buffer) => unknown): Partial<Failure['error']> {
  try {
    return (read(body) as Partial<Failure> | null)?.error ?? {};
  } catch {
    return {};
  }
}

/** A value as a message: text and bytes as they are, everything else as JSON; nothing is `null`. */
export function messageOf(value: unknown): Message {
  if (value instanceof Message) return value;
  if (typeof value === 'string' || isBytes(value)) return new Message(value as BodyInput);
  return Message.json(value ?? null);
}
