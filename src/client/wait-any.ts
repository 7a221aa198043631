import { sleepUntil } from '../bridge/link';
import { wrongType } from '../caller';
import { clock } from '../clock';
import { type CallOptions, checkOptions, checkTimeout } from './checks';
import { Connection } from './connection';
import { interruption } from './interruption';
import { LONG_WAIT_MS, warnOf } from './warning';

const TIMEOUT_ONLY = new Set(['timeout']);

/**
 * Wait until at least one of several connections has something for `drainEvents`: an event, a timer that is
 * due, or its end. Blocks for ever, or up to `timeout` ms. Dispatches nothing.
 * @returns those that have, none after `timeout`
 * @throws {TimeoutError} the deadline of a `withDeadline` passed
 * @throws {InterruptedError} Ctrl-C
 *
 *     for (;;) for (const connection of waitAny([here, there])) connection.drainEvents();
 */
export function waitAny<C extends Connection>(connections: readonly C[], options: CallOptions = {}): C[] {
  check(connections);
  checkOptions('waitAny', options, TIMEOUT_ONLY);
  const timeout = checkTimeout(options.timeout ?? Number.POSITIVE_INFINITY);
  // inside of withDeadline its limit counts, too
  const deadline = Math.min(...connections.map((connection) => connection.eventDeadline(timeout)));
  for (;;) {
    const links = connections.map(({ link }) => link);
    const states = links.map(({ state }) => state);
    connections[0]?.checkInterrupt();
    const ready = connections.filter((connection) => connection.hasEvents);
    if (ready.length > 0) return ready;
    if (clock.now() >= deadline) {
      for (const connection of connections) connection.checkLimit();
      return ready;
    }
    const news = () =>
      links.some((link, index) => link.inbound.available() > 0 || link.state !== states[index]) ||
      connections.some(({ dispatcher }) => dispatcher.settled);
    const long = connections[0]?.isDeaf(deadline) ? clock.now() + LONG_WAIT_MS : Number.POSITIVE_INFINITY;
    const due = Math.min(deadline, ...connections.map(({ dispatcher }) => dispatcher.nextDue));
    const end = sleepUntil(links, news, Math.min(due, long));
    if (end === 'timeout' && long < due) warnOf('AMQP_SYNC_SIGNAL_UNHEARD');
    if (end === 'interrupted' || end === 'stopped') throw interruption(end);
  }
}

function check(connections: unknown): void {
  if (!Array.isArray(connections) || connections.length === 0)
    throw wrongType('waitAny needs an array of at least one connection');
  if (!connections.every((each) => each instanceof Connection))
    throw wrongType('waitAny: every element must be a connection of this thread');
}
