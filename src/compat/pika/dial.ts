import { Connection } from '../../api/connection';
import type { ConnectOptions } from '../../client/options/connect-options';
import { resolveOptions, type Settings } from '../../client/options/settings';
import { LONGEST_TIMER } from '../../clock';
import { milliseconds } from '../python';
import { PlainCredentials } from './credentials';
import type { Parameters } from './parameters';

/**
 * Open a connection with the first parameters that lead to one. The last ones say how often all of them are
 * tried, and the pause between two rounds; each brings its own time limit.
 * @returns the connection, and which parameters they were
 */
export function dial(all: readonly Parameters[]): { core: Connection; used: Parameters } {
  const core = new Connection(settings(all, all.map(wishedHeartbeat)));
  const { host } = core.stats();
  const used = all.find(
    (each) => host === `${each.host}:${each.port}` || host === `[${each.host}]:${each.port}`,
  );
  return { core, used: used ?? all.at(-1)! };
}

/** Open one again, with the heartbeat that a function of the user's has decided on. */
export function redial(used: Parameters, heartbeat: number): Connection {
  return new Connection(settings([used], [heartbeat]));
}

/** A function decides when it knows what the broker offers, so that is asked for first. */
function wishedHeartbeat({ heartbeat }: Parameters): number | null {
  return typeof heartbeat === 'function' ? null : heartbeat;
}

function blockedLimit({ blocked_connection_timeout }: Parameters): number | undefined {
  const limit = milliseconds(blocked_connection_timeout, 'blocked_connection_timeout');
  return limit === Infinity ? undefined : Math.min(limit, LONGEST_TIMER);
}

/** Parameters in the terms of the core. */
function connectOptions(parameters: Parameters, heartbeat: number | null): ConnectOptions {
  const { credentials, ssl_options, client_properties, tcp_options } = parameters;
  const { context, server_hostname } = ssl_options ?? {};
  const login =
    credentials instanceof PlainCredentials
      ? {
          authMechanism: 'PLAIN' as const,
          username: credentials.username ?? '',
          password: credentials.password ?? '',
        }
      : { authMechanism: 'EXTERNAL' as const };
  const idle = tcp_options?.TCP_KEEPIDLE;
  return {
    hostname: parameters.host,
    port: parameters.port,
    vhost: parameters.virtual_host,
    ...login,
    channelMax: parameters.channel_max,
    frameMax: parameters.frame_max,
    ...(heartbeat !== null && { heartbeat }),
    ...(context && {
      tls: { ...context, ...(server_hostname !== null && { servername: server_hostname }) },
    }),
    connectTimeout: milliseconds(parameters.stack_timeout ?? parameters.socket_timeout, 'stack_timeout'),
    locale: parameters.locale,
    ...(client_properties !== null && { clientProperties: client_properties }),
    ...(idle !== undefined && { keepAlive: milliseconds(idle, 'TCP_KEEPIDLE') }),
    // pika's calls wait as long as the connection lives
    callTimeout: milliseconds(parameters.compat.call_timeout, 'call_timeout'),
    // the thread that connects keeps blocked_connection_timeout, for all calls
    blockedTimeout: Number.POSITIVE_INFINITY,
  };
}

function settings(all: readonly Parameters[], heartbeats: readonly (number | null)[]): Settings {
  const each = all.map((parameters, index) => resolveOptions(connectOptions(parameters, heartbeats[index]!)));
  const last = each.at(-1)!;
  const { connection_attempts, retry_delay } = all.at(-1)!;
  const retryDelay = retry_delay * 1000;
  const round = each.reduce((sum, { session }) => sum + session.connectTimeout, 0);
  const total = connection_attempts * round + (connection_attempts - 1) * retryDelay;
  const targets = each.flatMap(({ session }, index) =>
    session.targets.map((target) => ({
      ...target,
      handshake: { ...target.handshake, heartbeatWins: true },
      blockedLimit: blockedLimit(all[index]!),
    })),
  );
  return {
    ...last,
    ringCapacity: Math.max(...each.map(({ ringCapacity }) => ringCapacity)),
    session: {
      ...last.session,
      targets,
      connectionAttempts: connection_attempts,
      retryDelay: Math.min(retryDelay, LONGEST_TIMER),
      connectTimeout: Math.min(total, LONGEST_TIMER),
    },
  };
}
