import { wrongType } from '../caller';
import { checkOptions, checkTimeout, type WaitOptions } from '../client/options/checks';
import { waitForAny } from '../client/wait-for-any';
import { Connection } from './connection';
import { SESSION } from './internals';

const TIMEOUT_ONLY = new Set(['timeout']);

/**
 * Wait until at least one of several connections has something for `drainEvents`: an event, a timer that is
 * due, or its end. Blocks for ever, or up to `timeout` ms. Dispatches nothing.
 * @returns those that have, none after `timeout`
 * @throws {TimeoutError} the deadline of a `withDeadline` passed
 * @throws {InterruptedError} Ctrl-C
 * @example
 * for (;;) for (const connection of waitAny([here, there])) connection.drainEvents();
 */
export function waitAny<C extends Connection>(connections: readonly C[], options: WaitOptions = {}): C[] {
  check(connections);
  checkOptions('waitAny', options, TIMEOUT_ONLY);
  const timeout = checkTimeout(options.timeout ?? Number.POSITIVE_INFINITY);
  const ready = waitForAny(
    connections.map((connection) => connection[SESSION]),
    timeout,
  );
  return connections.filter((connection) => ready.includes(connection[SESSION]));
}

function check(connections: unknown): void {
  if (!Array.isArray(connections) || connections.length === 0)
    throw wrongType('waitAny needs an array of at least one connection');
  if (!connections.every((each) => each instanceof Connection))
    throw wrongType('waitAny: every element must be a connection of this thread');
}
