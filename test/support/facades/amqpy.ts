/**
 * Connections of the facade amqpy for the tests. jest cannot time out a test whose thread sleeps, and amqpy's
 * calls wait for ever: here each has a ceiling, and what a test leaves open is closed after it.
 */
import { Channel, Connection } from '../../../src/compat/amqpy';
import { CEILING } from '../connect';
import { broker } from '../peers/peer';
import type { Script } from '../peers/script';
import type { ScriptedBroker } from '../peers/scripted-broker';

/** The arguments of a connection by keyword. */
export type Keywords = NonNullable<
  Extract<ConstructorParameters<typeof Connection>, [keywords: { compat?: unknown }]>[0]
>;

const connections = new Set<Connection>();

/** How to reach a broker; default: that of this run. */
export function parameters(url = process.env.AMQP_URL!): Keywords {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: Number(port || 5672),
    userid: decodeURIComponent(username) || 'guest',
    password: decodeURIComponent(password) || 'guest',
    virtual_host: decodeURIComponent(pathname.slice(1)) || '/',
    connect_timeout: CEILING / 1000,
    compat: { call_timeout: CEILING / 1000 },
  };
}

/** Open a connection for the current test. */
export function open(more: Keywords = {}, url?: string): Connection {
  const usual = parameters(url);
  const compat = { ...usual.compat, ...more.compat };
  const connection = new Connection({ ...usual, ...more, compat });
  connections.add(connection);
  return connection;
}

let common: Connection | undefined;

/** The connection that the tests of a file share: its channels are closed after each, and their numbers are any. */
export function shared(): Connection {
  if (!common?.is_alive()) common = new Connection(parameters());
  return common;
}

/** A broker with this script, a connection to it, and its first channel. */
export function talk(
  script: Script,
  more: Keywords = {},
): { peer: ScriptedBroker; conn: Connection; ch: Channel } {
  const peer = broker(script);
  const conn = open(more, peer.url);
  return { peer, conn, ch: conn.channel() };
}

afterEach(() => {
  for (const connection of connections) connection.close();
  connections.clear();
  if (!common?.is_alive()) return;
  for (const open of Object.values(common.channels)) if (open instanceof Channel) open.close();
  common.loop(0);
});
afterAll(() => common?.close());
