import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type Channel, type Connection, type ConnectOptions, connect } from '../../src/index';
import { ExitError } from './exit-status';
import { duration, integer } from './values';
import { interruptible } from './worker-command';

export interface BrokerFlags {
  url?: string;
  server?: string;
  port?: number;
  vhost?: string;
  username?: string;
  password?: string;
  authfile?: string;
  heartbeat?: number;
  ssl?: boolean;
  cacert?: string;
  cert?: string;
  key?: string;
  verify: boolean;
  connectTimeout?: number;
  name: string;
}

/** Milliseconds for the broker to answer when something else has failed. */
const CLOSE_TIMEOUT = 1000;

export const BROKER_NOTE = 'The broker is that of --url, else of AMQP_URL, else localhost.';

/** The flags that say how to reach the broker: those of rabbitmq-c's tools, and some more. */
export function brokerFlags(command: Command): Command {
  return command
    .optionsGroup('The broker:')
    .option('-u, --url <url>', 'amqp[s]://user:password@host:port/vhost; default: AMQP_URL')
    .option('-s, --server <host>', 'its host')
    .option('--port <port>', 'its port', integer(1, 65535))
    .option('--vhost <vhost>', 'the vhost')
    .option('--username <name>', 'the user')
    .option('--password <password>', 'shows in the list of processes: prefer --authfile, or AMQP_URL')
    .option('--authfile <file>', 'a file with the lines username:… and password:…')
    .option('--heartbeat <seconds>', '0 turns heartbeats off', integer(0, 65535))
    .option('--ssl', 'use TLS')
    .option('--cacert <file>', 'authorities to trust')
    .option('--cert <file>', 'the client’s certificate')
    .option('--key <file>', 'and its key')
    .option('--no-verify', 'take any certificate: whoever answers gets the password')
    .option('--connect-timeout <time>', 'for everything until the connection is open; default 30s', duration)
    .option('--name <name>', 'of the connection, in RabbitMQ’s lists', 'amqp-sync');
}

/** Open a connection, do something with it, close it. */
export function withConnection<T>(flags: BrokerFlags, use: (connection: Connection) => T): T {
  const connection = connect(flags.url, connectOptions(flags));
  interruptible(connection);
  try {
    const result = use(connection);
    connection.close();
    return result;
  } catch (error) {
    closeAnyway(connection); // the first error is the one to tell
    throw error;
  }
}

/** Close the connection after an error: acks are sent, and other messages go back. Never throws. */
function closeAnyway(connection: Connection): void {
  try {
    connection.close({ timeout: CLOSE_TIMEOUT });
  } catch {
    connection.abort();
  }
}

export function withChannel<T>(flags: BrokerFlags, use: (channel: Channel) => T): T {
  return withConnection(flags, (connection) => use(connection.channel()));
}

function connectOptions(flags: BrokerFlags): ConnectOptions {
  const { server, port, vhost, heartbeat, connectTimeout, name } = flags;
  const [username = flags.username, password = flags.password] =
    flags.authfile === undefined ? [] : credentials(flags.authfile);
  const hostname = server;
  return { hostname, port, vhost, username, password, heartbeat, connectTimeout, name, tls: tls(flags) };
}

/** The vhost that these flags lead to. */
export function vhostOf({ vhost, url = process.env.AMQP_URL ?? '' }: BrokerFlags): string {
  if (vhost !== undefined) return vhost;
  const path = URL.canParse(url) ? new URL(url).pathname.slice(1) : '';
  return path === '' ? '/' : decodeURIComponent(path);
}

function tls({ ssl, cacert, cert, key, verify }: BrokerFlags): ConnectOptions['tls'] {
  const isPlain = !ssl && cacert === undefined && cert === undefined && key === undefined && verify;
  if (isPlain) return undefined;
  return { caFile: cacert, certFile: cert, keyFile: key, rejectUnauthorized: verify };
}

/** The user and the password of a file, as rabbitmq-c's tools read it: what is behind the colon is taken as it is. */
function credentials(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split(/\r?\n/);
  return ['username:', 'password:'].map((what) => {
    const line = lines.find((candidate) => candidate.startsWith(what));
    if (line === undefined) throw new ExitError(`${file} must have the lines username:… and password:…`);
    return line.slice(what.length);
  });
}

/**
 * A name that is given as an argument, or by a flag as with rabbitmq-c's tools. `args`: those that are left; it takes
 * the first if there is no flag.
 */
export function nameOf(what: string, flag: string | undefined, args: string[]): string {
  const name = flag ?? args.shift();
  if (name === undefined) throw new TypeError(`which ${what}? Give its name`);
  return name;
}

/** @throws {TypeError} there is an argument that nothing has taken: it is said by a flag already */
export function noMore([stranger]: readonly string[]): void {
  if (stranger !== undefined)
    throw new TypeError(`"${stranger}" is one argument too many; a command to run goes behind --`);
}
