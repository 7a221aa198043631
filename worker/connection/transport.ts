import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Endpoint } from '../../src/protocol/session-options';

/** What the session does with a socket's life. */
export interface TransportEvents {
  /** TCP (and TLS) stand. */
  connected(): void;
  /** Memory for the next bytes; plain TCP reads straight into it. */
  target(): Buffer;
  /** Bytes lie at the start of `target`. Returns false to stop reading. */
  received(target: Buffer, size: number): boolean;
  /** Bytes in memory of their own (TLS). Returns false to stop reading. */
  copied(bytes: Buffer): boolean;
  /** The end, once; with the error if there was one. */
  ended(error: Error | undefined): void;
}

/** A socket, reduced to what a connection needs. The kernel reads and writes the rings itself where it can. */
export class Transport {
  readonly #socket: Socket;
  /** `tcp` or `tls`: how far the connection got. */
  stage: 'tcp' | 'tls' | 'connected' = 'tcp';
  bytesIn = 0;
  bytesOut = 0;

  constructor({ host, port, noDelay, keepAlive, tls }: Endpoint, events: TransportEvents) {
    const address = { host, port, noDelay, keepAlive: keepAlive > 0, keepAliveInitialDelay: keepAlive };
    this.#socket =
      tls === undefined
        ? this.#plain(address, events)
        : this.#secure(address, tls as ConnectionOptions, events);
    let failure: Error | undefined;
    this.#socket.on('error', (error) => {
      failure = error;
    });
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => events.ended(failure));
  }

  #plain(address: { host: string; port: number }, events: TransportEvents): Socket {
    const onread = {
      buffer: () => events.target(),
      callback: (size: number, target: Uint8Array) => {
        this.bytesIn += size;
        return events.received(target as Buffer, size);
      },
    };
    return connectTcp({ ...address, onread }, () => this.#connected(events));
  }

  #secure(address: { host: string; port: number }, tls: ConnectionOptions, events: TransportEvents): Socket {
    const socket = connectTls({ ...address, ...tls }, () => this.#connected(events));
    socket.on('connect', () => {
      this.stage = 'tls';
    });
    socket.on('data', (bytes: Buffer) => {
      this.bytesIn += bytes.length;
      if (!events.copied(bytes)) socket.pause();
    });
    return socket;
  }

  #connected(events: TransportEvents): void {
    this.stage = 'connected';
    events.connected();
  }

  /** `bytes` must not change until `done`, which never comes if the socket ends first. */
  write(bytes: Uint8Array, done?: () => void): void {
    this.bytesOut += bytes.length;
    this.#socket.write(bytes, (error) => {
      if (!error && !this.#socket.destroyed) done?.(); // one callback of a lost socket has no error
    });
  }

  /** Read on after a `false`. */
  resume(): void {
    this.#socket.resume();
  }

  get address(): string {
    const { localAddress, localPort, remoteAddress, remotePort } = this.#socket;
    return `${localAddress}:${localPort} -> ${remoteAddress}:${remotePort}`;
  }

  /** Send what was written, then end. */
  end(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
