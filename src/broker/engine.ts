import type { BrokerChannel } from './channel';
import { BrokerConnection, type ConnectionEngine } from './connection';
import type { BrokerUser } from './control';
import { DirectReplies } from './direct-replies';
import { Failure } from './failure';
import { type DeprecatedFeature, type RabbitmqVersion, Rules } from './rules';
import { Timers } from './timers';
import { Vhost, type VhostHost } from './vhost';

export interface EngineOptions {
  /** Milliseconds since 1970. */
  now(): number;
  users: Readonly<Record<string, BrokerUser>>;
  vhosts: readonly string[];
  version: RabbitmqVersion;
  /** Deprecated features that are permitted all the same. */
  permit: readonly DeprecatedFeature[];
  /** Bytes of messages above which publishers are blocked. */
  memoryLimit: number;
  /** The connection has something to send. */
  onOutput(connection: BrokerConnection): void;
  /** Publishers are to be read from no longer, or again. */
  onAlarm(): void;
}

/**
 * The engine of the embedded broker: virtual hosts, connections, and what they share. It has no sockets and no clock;
 * methods come in by `BrokerConnection.receive` and `publish`, frames go out by `BrokerConnection.output`.
 */
export class Engine implements VhostHost, ConnectionEngine {
  readonly timers: Timers;
  readonly rules: Rules;
  readonly vhosts = new Map<string, Vhost>();
  readonly connections = new Set<BrokerConnection>();
  /** Channels that wait for direct replies, by the name to reply to. */
  readonly directReplies: DirectReplies<BrokerChannel>;
  /** The bytes that all messages take. */
  memory = 0;
  /** The reason for which publishers are blocked, if they are. */
  alarm: string | undefined;
  readonly #users: Map<string, BrokerUser>;
  readonly #deferred: (() => void)[] = [];
  #blockReason: string | undefined;
  #count = 0;

  constructor(readonly options: EngineOptions) {
    this.timers = new Timers(options.now);
    this.rules = new Rules(options.version, options.permit);
    this.directReplies = new DirectReplies(this.rules.isSince4);
    this.#users = new Map(Object.entries(options.users));
    for (const name of options.vhosts) this.vhosts.set(name, new Vhost(name, this));
  }

  connect(): BrokerConnection {
    const connection = new BrokerConnection(this, ++this.#count, this.options.onOutput);
    this.connections.add(connection);
    return connection;
  }

  remove(connection: BrokerConnection): void {
    this.connections.delete(connection);
  }

  /** Whether these credentials are right. */
  authenticate(username: string, password: string): boolean {
    return this.#users.get(username)?.password === password;
  }

  /** The virtual host a user asks for. @throws {Failure} 530, there is none, or not for this user */
  openVhost(name: string, username: string): Vhost {
    const vhost = this.vhosts.get(name);
    if (vhost === undefined) throw new Failure(530, `vhost ${name} not found`);
    const allowed = this.#users.get(username)?.vhosts;
    if (allowed !== undefined && !allowed.includes(name)) {
      throw new Failure(530, `access to vhost '${name}' refused for user '${username}'`);
    }
    return vhost;
  }

  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  /** Do what was deferred; every way into the engine ends with this. */
  runDeferred(): void {
    for (let run = this.#deferred.shift(); run !== undefined; run = this.#deferred.shift()) run();
    this.#checkMemory();
  }

  /** Do what the clock says is due. */
  tick(): void {
    this.timers.tick();
    this.runDeferred();
  }

  countBytes(bytes: number): void {
    this.memory += bytes;
  }

  /** Block publishers for a reason, until `undefined` is given. */
  block(reason: string | undefined): void {
    this.#blockReason = reason;
    this.#checkMemory();
  }

  #checkMemory(): void {
    const alarm = this.#blockReason ?? (this.memory > this.options.memoryLimit ? 'low on memory' : undefined);
    if (alarm === this.alarm) return;
    this.alarm = alarm;
    for (const connection of this.connections) this.notifyBlocked(connection);
    this.options.onAlarm();
  }

  /** Tell a publisher that it is blocked, or no longer. */
  notifyBlocked(connection: BrokerConnection): void {
    const blocked = this.alarm !== undefined && connection.publishes;
    if (connection.state !== 'open' || connection.blocked === blocked) return;
    connection.blocked = blocked;
    if (!connection.capabilities.blocked) return;
    if (blocked) connection.output.method(0, 'connection.blocked', { reason: this.alarm });
    else connection.output.method(0, 'connection.unblocked');
  }
}
