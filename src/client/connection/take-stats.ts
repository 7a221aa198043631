import type { ConnectionSession } from './connection-session';
import type { ConnectionStats } from './connection-stats';

export function takeStats(session: ConnectionSession): ConnectionStats {
  const { host, address, tls, ...described } = session.describe();
  const { bytesIn, bytesOut } = session.link.lastTraffic ?? described;
  const { state, recovery, block, link, dispatcher, counts } = session;
  const channels = [...session.channels.values()];
  return {
    state,
    epoch: recovery.generation,
    reconnects: recovery.generation - 1,
    downtime: recovery.downtime,
    isBlocked: session.isBlocked,
    blockedTime: block.duration,
    host,
    address,
    tls,
    bytesIn,
    bytesOut,
    messagesIn: counts.delivered,
    messagesOut: counts.published,
    returns: counts.returned,
    unconfirmed: channels.reduce((sum, { unconfirmed }) => sum + unconfirmed, 0),
    unsettled: channels.reduce((sum, { unacked }) => sum + unacked.size, 0),
    directWrites: link.directWrites,
    wakeUps: link.wakeUps,
    unsentBytes: link.unsent,
    unreadBytes: link.inbound.available(),
    queuedEvents: dispatcher.length,
  };
}
