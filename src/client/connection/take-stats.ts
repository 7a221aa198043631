import type { ConnectionSession } from './connection-session';
import type { ConnectionStats } from './connection-stats';

export function takeStats(session: ConnectionSession): ConnectionStats {
  const { host, address, tls, bytesIn, bytesOut } = session.describe();
  const { state, recovery, link, dispatcher } = session;
  return {
    state,
    epoch: recovery.generation,
    downtime: recovery.downtime,
    host,
    address,
    tls,
    bytesIn,
    bytesOut,
    directWrites: link.directWrites,
    unsentBytes: link.unsent,
    unreadBytes: link.inbound.available(),
    queuedEvents: dispatcher.length,
  };
}
