import { sleepUntil } from '../bridge/link';
import { clock } from '../clock';
import type { ConnectionSession } from './connection/connection-session';
import { OPERATION } from './diagnostics';
import { interruption } from './interruption';
import { LONG_WAIT_MS, warnOf } from './warnings';

/** Wait until at least one of several connections has events, has ended, or `timeout` ms have passed. @returns those */
export function waitForAny(sessions: readonly ConnectionSession[], timeout: number): ConnectionSession[] {
  // inside of withDeadline its limit counts, too
  const deadline = Math.min(...sessions.map(({ events }) => events.eventDeadline(timeout)));
  const links = sessions.map(({ link }) => link);
  const awaited = `an event on any of ${links.length} connections`;
  for (const { watch } of links) watch?.begin({ isDone: false, awaited }, deadline);
  const facts = { connections: sessions.map(({ owner }) => owner), awaited, timeout: deadline - clock.now() };
  return OPERATION.wait.trace(facts, () => waitUntil(sessions, deadline));
}

function waitUntil(sessions: readonly ConnectionSession[], deadline: number): ConnectionSession[] {
  const links = sessions.map(({ link }) => link);
  for (;;) {
    const states = links.map(({ state }) => state);
    sessions[0]?.events.checkInterrupt();
    const ready = sessions.filter(({ events }) => events.hasEvents);
    if (ready.length > 0) return ready;
    if (clock.now() >= deadline) {
      for (const { events } of sessions) events.checkLimit();
      return ready;
    }
    const news = () =>
      links.some((link, index) => link.inbound.available() > 0 || link.state !== states[index]) ||
      sessions.some(({ dispatcher }) => dispatcher.isDone);
    const long = sessions[0]?.events.isDeaf(deadline) ? clock.now() + LONG_WAIT_MS : Number.POSITIVE_INFINITY;
    const due = Math.min(deadline, ...sessions.map(({ dispatcher }) => dispatcher.nextDue));
    for (const link of links) link.release(); // all that has come was looked at
    const end = sleepUntil(links, news, Math.min(due, long));
    if (end === 'timeout' && long < due) warnOf('AMQP_SYNC_SIGNAL_UNHEARD');
    if (end === 'interrupted' || end === 'stopped') throw interruption(end);
  }
}
