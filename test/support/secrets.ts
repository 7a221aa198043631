import { inspect } from 'node:util';
import { AmqpError } from '../../src';

/** Every way in which a person or a log could meet an error. */
export function shown(error: unknown): string {
  const { message, stack, cause } = error as Error;
  const all = [message, stack, String(error), String(cause), JSON.stringify(error)];
  return [
    ...all,
    JSON.stringify(Object.entries(error as object)),
    inspect(error, { depth: 20, showHidden: true }),
  ].join('\n');
}

/** The secrets are in no form in what the error shows. */
export function expectNoSecret(error: unknown, ...secrets: string[]): void {
  const text = shown(error);
  for (const secret of secrets) {
    const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
    for (const form of [
      ...forms,
      Buffer.from(secret).toString('base64'),
      Buffer.from(secret).toString('hex'),
    ])
      expect(text).not.toContain(form);
  }
}

/** What `fn` throws; it must be an error of this library that was found before anything was carried out. */
export function refusalOf<E = AmqpError>(fn: () => unknown): E {
  let result: unknown;
  try {
    result = fn();
  } catch (error) {
    if (error instanceof AmqpError) expect(error.outcome).toBe('not-sent');
    return error as E;
  }
  throw new Error(`nothing was thrown by ${fn}; it returned ${result}`);
}
