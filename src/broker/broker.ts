import type { Channel } from './channel';
import { Connection } from './connection';
import { Failure } from './failure';
import { type RabbitmqVersion, Rules } from './rules';
import { Timers } from './timers';
import { Vhost, type VhostHost } from './vhost';

export interface User {
  password: string;
  /** The virtual hosts the user may open; absent: all. */
  vhosts?: readonly string[] | undefined;
}

export interface BrokerOptions {
  /** Milliseconds since 1970. */
  now(): number;
  users: Readonly<Record<string, User>>;
  vhosts: readonly string[];
  version: RabbitmqVersion;
  /** Bytes of messages above which publishers are blocked. */
  memoryLimit: number;
  /** A connection has something to send. */
  onOutput(connection: Connection): void;
  /** Publishers are to be heard no longer, or again. */
  onAlarm(): void;
}

/**
 * The engine of the embedded broker: virtual hosts, connections, and what they share. It has no sockets and no
 * clock; methods come in by `Connection.receive` and `publish`, frames go out by `Connection.output`.
 */
export class Broker implements VhostHost {
  readonly timers: Timers;
  readonly rules: Rules;
  readonly vhosts = new Map<string, Vhost>();
  readonly connections = new Set<Connection>();
  /** Channels that wait for direct replies, by the name to reply to. */
  readonly replies = new Map<string, Channel>();
  /** The bytes that all messages take. */
  memory = 0;
  /** Why publishers are blocked, if they are. */
  alarm: string | undefined;
  readonly #users: Map<string, User>;
  readonly #later: (() => void)[] = [];
  #wish: string | undefined;
  #count = 0;

  constructor(readonly options: BrokerOptions) {
    this.timers = new Timers(options.now);
    this.rules = new Rules(options.version);
    this.#users = new Map(Object.entries(options.users));
    for (const name of options.vhosts) this.vhosts.set(name, new Vhost(name, this));
  }

  connect(): Connection {
    const connection = new Connection(this, ++this.#count, this.options.onOutput);
    this.connections.add(connection);
    return connection;
  }

  forget(connection: Connection): void {
    this.connections.delete(connection);
  }

  /** Whether these credentials are right. */
  knows(username: string, password: string): boolean {
    return this.#users.get(username)?.password === password;
  }

  /** The virtual host a user asks for. @throws {Failure} 530, there is none, or not for this user */
  enter(name: string, username: string): Vhost {
    const vhost = this.vhosts.get(name);
    if (vhost === undefined) throw new Failure(530, `vhost ${name} not found`);
    const allowed = this.#users.get(username)?.vhosts;
    if (allowed !== undefined && !allowed.includes(name)) {
      throw new Failure(530, `access to vhost '${name}' refused for user '${username}'`);
    }
    return vhost;
  }

  later(run: () => void): void {
    this.#later.push(run);
  }

  /** Do what was put off; every way into the engine ends with this. */
  settle(): void {
    for (let run = this.#later.shift(); run !== undefined; run = this.#later.shift()) run();
    this.#judgeMemory();
  }

  /** Do what the clock says is due. */
  tick(): void {
    this.timers.tick();
    this.settle();
  }

  weigh(bytes: number): void {
    this.memory += bytes;
  }

  /** Block publishers for a reason, until `undefined` is given. */
  block(reason: string | undefined): void {
    this.#wish = reason;
    this.#judgeMemory();
  }

  #judgeMemory(): void {
    const alarm = this.#wish ?? (this.memory > this.options.memoryLimit ? 'low on memory' : undefined);
    if (alarm === this.alarm) return;
    this.alarm = alarm;
    for (const connection of this.connections) this.notice(connection);
    this.options.onAlarm();
  }

  /** Tell a publisher that it is blocked, or no longer. */
  notice(connection: Connection): void {
    const blocked = this.alarm !== undefined && connection.publishes;
    if (connection.state !== 'open' || connection.blocked === blocked) return;
    connection.blocked = blocked;
    if (!connection.capabilities.blocked) return;
    if (blocked) connection.output.method(0, 'connection.blocked', { reason: this.alarm });
    else connection.output.method(0, 'connection.unblocked');
  }
}
