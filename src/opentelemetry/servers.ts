import type { Attributes } from '@opentelemetry/api';
import type { Connection } from '../api/connection';
import { SESSION } from '../api/internals';

/** What is known of a broker by the description of a session with it, of which there is a new one after a recovery. */
const known = new WeakMap<object, Attributes>();

/** Whose the broker is: `server.address` and `.port`, and those of the peer. Empty while the connection is being opened. */
export function serverOf(connection: Connection): Attributes {
  const { description } = connection[SESSION];
  if (description === undefined) return {};
  let attributes = known.get(description);
  if (attributes === undefined) {
    const { host, address } = description;
    attributes = { ...endpoint('server', host), ...endpoint('network.peer', address.split(' -> ')[1]) };
    known.set(description, attributes);
  }
  return attributes;
}

/** Address and port of `host:port`. */
export function endpoint(prefix: string, at = ''): Attributes {
  const [, address, port] = /^\[?(.*?)\]?:(\d+)$/.exec(at) ?? [];
  return address === undefined ? {} : { [`${prefix}.address`]: address, [`${prefix}.port`]: Number(port) };
}

/** What figures have of it: the name that the program uses. */
export function forFigures(server: Attributes): Attributes {
  const { 'server.address': address, 'server.port': port } = server;
  return address === undefined ? {} : { 'server.address': address, 'server.port': port };
}

/** What waits on the connections to one broker together. */
interface Sum {
  readonly server: Attributes;
  unconfirmed: number;
  unsettled: number;
}

/** Connections that were heard of and are open: what waits on them. */
export class OpenConnections {
  readonly #open = new Set<Connection>();
  /** Brokers that there was a connection to: where there is none now, nothing waits, and whoever adds figures up has to hear that. */
  readonly #known = new Map<string, Attributes>();

  add(connection: Connection): void {
    this.#open.add(connection);
  }

  delete(connection: Connection): void {
    this.#open.delete(connection);
  }

  /** Publishes and messages that wait for a word, by broker. The threads of the connections are not asked. */
  sums(): Iterable<Sum> {
    const sums = new Map<string, Sum>();
    for (const [key, server] of this.#known) sums.set(key, { server, unconfirmed: 0, unsettled: 0 });
    for (const connection of this.#open) {
      if (!connection.isOpen) {
        this.#open.delete(connection);
        continue;
      }
      const server = forFigures(serverOf(connection));
      const key = JSON.stringify(server);
      this.#known.set(key, server);
      const sum = sums.get(key) ?? { server, unconfirmed: 0, unsettled: 0 };
      for (const { unconfirmed, unacked } of connection[SESSION].channels.values()) {
        sum.unconfirmed += unconfirmed;
        sum.unsettled += unacked.size;
      }
      sums.set(key, sum);
    }
    return sums.values();
  }
}
