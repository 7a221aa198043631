import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { BrokerConnection } from '../../src/broker/connection';
import type { ConnectionInfo, ServerOptions } from '../../src/broker/control';
import { Engine } from '../../src/broker/engine';
import { Failure } from '../../src/broker/failure';
import type { RabbitmqVersion } from '../../src/broker/rules';
import { runtime } from '../../src/runtime';
import { version as ownVersion } from '../../src/version';
import { BrokerSession } from './session';

/** The listening socket, the sessions of those who came, and the one real clock. */
export class Server {
  readonly engine: Engine;
  readonly #sessions = new Map<BrokerConnection, BrokerSession>();
  readonly #listener: NetServer;
  /** Connections with frames to send at the end of this turn. */
  readonly #dirty = new Set<BrokerConnection>();
  #timer: NodeJS.Timeout | undefined;
  #offset = 0;
  readonly #started = Date.now();

  constructor(readonly options: ServerOptions) {
    this.engine = new Engine({
      ...options,
      now: () => (options.virtualClock ? this.#started : Date.now()) + this.#offset,
      onOutput: (connection) => this.#markDirty(connection),
      onAlarm: () => {
        for (const session of this.#sessions.values()) session.pauseOrResume();
      },
    });
    this.engine.timers.onChange = () => this.#setTimer();
    const onSocket = (socket: Socket): void => this.#accept(socket);
    this.#listener = options.tls === undefined ? createServer(onSocket) : tlsServer(options.tls, onSocket);
    this.#listener.on('tlsClientError', () => {}); // the client hears of it, too
  }

  /** Listen, and report the port. */
  listen(): Promise<number> {
    const { port, host } = this.options;
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen({ port, host }, () => {
        resolve((this.#listener.address() as { port: number }).port);
      });
    });
  }

  close(): void {
    this.#listener.close();
    clearTimeout(this.#timer);
    for (const session of this.#sessions.values()) session.kill();
  }

  connections(): ConnectionInfo[] {
    return [...this.#sessions.values()]
      .filter(({ connection }) => connection.state === 'open')
      .map(({ connection, peer }) => ({
        id: connection.id,
        name: connection.clientName,
        username: connection.username,
        vhost: connection.vhost!.name,
        peer,
        channels: [...connection.channels].length,
        blocked: connection.blocked,
      }));
  }

  /** Sessions with this number or name; all, if none is given. */
  sessions(which: number | string | undefined): BrokerSession[] {
    return [...this.#sessions.values()].filter(
      ({ connection }) =>
        which === undefined || connection.id === which || (which !== '' && connection.clientName === which),
    );
  }

  /** Close connections as an operator does: 320, with a reason. */
  closeConnections(which: number | string | undefined, reason: string): number {
    const open = this.sessions(which).filter(({ connection }) => connection.state === 'open');
    for (const { connection } of open) connection.fail(new Failure(320, reason));
    return open.length;
  }

  /** Let time pass that has not passed. */
  advance(ms: number): void {
    this.#offset += ms;
    this.engine.tick();
  }

  #accept(socket: Socket): void {
    const session = new BrokerSession(
      socket,
      this.engine,
      this.options,
      SERVER_PROPERTIES(this.options.version),
    );
    this.#sessions.set(session.connection, session);
    socket.once('close', () => this.#sessions.delete(session.connection));
  }

  #markDirty(connection: BrokerConnection): void {
    if (this.#dirty.size === 0) setImmediate(() => this.#flush());
    this.#dirty.add(connection);
  }

  #flush(): void {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const connection of dirty) this.#sessions.get(connection)?.flush();
  }

  /** Set the one timer for what is due next. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    const { due } = this.engine.timers;
    if (due === undefined || this.options.virtualClock) return;
    const wait = Math.min(Math.max(0, due - this.engine.timers.now()), MAX_WAIT);
    this.#timer = setTimeout(() => this.engine.tick(), wait).unref();
  }
}

/** Milliseconds that a timer of Node's can wait at most. */
const MAX_WAIT = 0x7fff_ffff;

/** The release of RabbitMQ that each version was compared with. */
const RELEASES: Readonly<Record<RabbitmqVersion, string>> = { '3.10': '3.10.8', '4.3': '4.3.6' };

/** Clients go by product and version; who asks what it is really, finds that beside them. */
const SERVER_PROPERTIES = (version: RabbitmqVersion) => ({
  product: 'RabbitMQ',
  version: RELEASES[version],
  embedded_product: 'amqp-sync',
  embedded_version: ownVersion,
  platform: runtime.name,
  information: 'an embedded broker for demos and tests; it speaks as RabbitMQ does',
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    consumer_priorities: true,
    authentication_failure_close: true,
    per_consumer_qos: true,
    direct_reply_to: true,
  },
});

/** A listener of TLS, which is loaded for it: that takes longer than all else of the start. */
function tlsServer(options: object, onSocket: (socket: Socket) => void): NetServer {
  const { createServer } = require('node:tls') as typeof import('node:tls');
  return createServer(options, onSocket);
}
