import { fromCaller } from '../../caller';
import { checkFunction } from '../../client/options/checks';

/** What is not only spelt differently in Python. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['username', 'userid'],
  ['vhost', 'virtual_host'],
  ['authMechanism', 'login_method'],
  ['id', 'channel_id'],
  ['global', 'a_global'],
  ['headers', 'application_headers'],
  ['caFile', 'ca_certs'],
  ['certFile', 'certfile'],
  ['keyFile', 'keyfile'],
  ['servername', 'server_hostname'],
]);

/** Run `fn`, which calls nothing of the user's; its complaints of a wrong argument have the argument's name in Python. */
export function naming<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const message = error.message.replace(/^[a-z]+([A-Z][a-z]+)*(?=\W)/, inPython);
    throw message === error.message
      ? error
      : fromCaller(new (error.constructor as ErrorConstructor)(message, { cause: error }));
  }
}

function inPython(name: string): string {
  return NAMES.get(name) ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @throws {TypeError} what is to be called cannot be */
export function checkCallbacks(callbacks: Readonly<Record<string, unknown>>): void {
  for (const [name, callback] of Object.entries(callbacks))
    if (callback !== null) checkFunction(callback, name);
}
