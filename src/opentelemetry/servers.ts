import type { Attributes } from '@opentelemetry/api';
import type { Connection } from '../api/connection';

/** Connections that were seen, and which broker each has; it may be another one after a recovery. */
export class Servers {
  readonly #open = new Map<Connection, { epoch: number; attributes: Attributes }>();

  /** Those that are open. */
  get connections(): Connection[] {
    return [...this.#open.keys()].filter((connection) => connection.isOpen);
  }

  /** Ask, if that was not done since the connection was made. In calls of the program only: it waits for the connection's thread. */
  ask(connection: Connection): Attributes {
    const { epoch } = connection;
    const known = this.#open.get(connection);
    if (known?.epoch === epoch || !connection.isOpen) return known?.attributes ?? {};
    const { host, address } = connection.stats();
    const attributes = { ...endpoint('server', host), ...endpoint('network.peer', address.split(' -> ')[1]) };
    this.#open.set(connection, { epoch, attributes });
    return attributes;
  }

  /** What is known. */
  of(connection: Connection): Attributes {
    return this.#open.get(connection)?.attributes ?? {};
  }

  forget(connection: Connection): void {
    this.#open.delete(connection);
  }
}

/** `server.address` and `server.port` of `host:port`. */
function endpoint(prefix: string, at = ''): Attributes {
  const [, address, port] = /^\[?(.*?)\]?:(\d+)$/.exec(at) ?? [];
  return address === undefined ? {} : { [`${prefix}.address`]: address, [`${prefix}.port`]: Number(port) };
}

/** What figures have of it: not each address of a broker is of interest. */
export function ofServer(attributes: Attributes): Attributes {
  const { 'server.address': address, 'server.port': port } = attributes;
  return address === undefined ? {} : { 'server.address': address, 'server.port': port };
}
