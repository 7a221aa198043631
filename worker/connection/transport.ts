import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type * as Tls from 'node:tls';
import type { SecureContext, TLSSocket } from 'node:tls';
import { clock } from '../../src/clock';
import type { DialOptions, Target } from '../../src/contract/session-options';
import type { Race } from './dial';

/** TLS, loaded by connections that want it: that takes some 10 ms. */
export function tls(): typeof Tls {
  return require('node:tls');
}

/** Events of a socket, for the session. */
export interface TransportEvents {
  /** An address of the host does not answer. */
  lostAddress(address: string, error: Error): void;
  /** The connection of TCP (and TLS) stands. */
  connected(): void;
  /** Memory for the next bytes; plain TCP reads straight into it. */
  target(): Buffer;
  /** Bytes have been put at the start of `target`. Returns false to stop reading. */
  received(target: Buffer, size: number): boolean;
  /** Bytes in memory of their own (TLS). Returns false to stop reading. */
  copied(bytes: Buffer): boolean;
  /** The socket has ended, once; with the error if there was one. */
  ended(error: Error | undefined): void;
}

/** How to reach one host. */
export interface Route {
  target: Target;
  /** Addresses of the host. */
  race: Race;
  /** TLS material of the target, ready for use. */
  secure: SecureContext | undefined;
  dial: DialOptions;
}

/** A socket's handle in Node. */
interface SocketHandle {
  fd?: number;
  close?(done?: () => void): void;
}

/** The socket, reduced to what a connection needs. The kernel reads and writes the rings itself where it can. */
export class Transport {
  #socket: Socket | undefined;
  #ended = false;
  /** Stage that the connection has reached. */
  stage: 'tcp' | 'tls' | 'connected' = 'tcp';
  /** The address that answered. */
  remote: string | undefined;
  bytesIn = 0;
  bytesOut = 0;
  #lastByte = clock.now();

  constructor(
    readonly route: Route,
    readonly events: TransportEvents,
  ) {
    route.race.start((address) => this.#dial(address), {
      lost: (address, error) => events.lostAddress(address, error),
      won: (address, socket) => this.#won(address, socket),
      failed: () => this.#end(undefined),
    });
  }

  #dial(host: string): Socket {
    const { target, dial } = this.route;
    const { noDelay, keepAlive } = dial;
    const address = {
      host,
      port: target.port,
      noDelay,
      keepAlive: keepAlive > 0,
      keepAliveInitialDelay: keepAlive,
    };
    if (target.tls !== undefined) return connectTcp(address);
    const { events } = this;
    const onread = {
      buffer: () => events.target(),
      callback: (size: number, place: Uint8Array) => {
        this.#came(size);
        return events.received(place as Buffer, size);
      },
    };
    return connectTcp({ ...address, onread });
  }

  #won(address: string, socket: Socket): void {
    this.remote = address;
    this.#socket = this.route.target.tls === undefined ? socket : this.#secure(socket);
    let failure: Error | undefined;
    this.#socket.on('error', (error) => {
      failure = error;
    });
    this.#socket.on('end', () => this.#socket?.destroy());
    this.#socket.on('close', () => this.#end(failure));
    if (this.#socket === socket) this.#connected();
  }

  #secure(socket: Socket): TLSSocket {
    this.stage = 'tls';
    const { target, secure } = this.route;
    const { servername, rejectUnauthorized } = target.tls ?? {};
    const name = servername ?? (isIP(target.host) === 0 ? target.host : '');
    // the zone of an address is this machine's business, and in no certificate
    const host = target.host.replace(/%.*/s, '');
    const secured = tls().connect(
      // `host` is what the certificate must name where there is no server name
      { socket, host, servername: name, secureContext: secure, rejectUnauthorized },
      () => this.#connected(),
    );
    return secured.on('data', (bytes: Buffer) => {
      this.#came(bytes.length);
      if (!this.events.copied(bytes)) secured.pause();
    });
  }

  #came(size: number): void {
    this.bytesIn += size;
    this.#lastByte = clock.now();
  }

  /** Milliseconds since the last byte, in whatever direction. */
  get idle(): number {
    return clock.now() - this.#lastByte;
  }

  #connected(): void {
    this.stage = 'connected';
    this.events.connected();
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.events.ended(error);
  }

  /** `bytes` must not change until `done`, which never comes if the socket ends first. */
  write(bytes: Uint8Array, done?: () => void): void {
    const socket = this.#socket;
    this.bytesOut += bytes.length;
    this.#lastByte = clock.now();
    socket?.write(bytes, (error) => {
      if (!error && !socket.destroyed) done?.(); // one callback of a lost socket has no error
    });
  }

  /**
   * The descriptor, with which another thread can write to the socket; undefined where it cannot: TLS, and a platform or a
   * runtime without descriptors. `closing` is called before it is closed, by whomever.
   */
  descriptor(closing: () => void): number | undefined {
    const { target } = this.route;
    // undocumented, but this is the only way to it
    const handle = (this.#socket as unknown as { _handle?: SocketHandle } | undefined)?._handle;
    if (target.tls !== undefined || process.platform === 'win32') return undefined;
    if (handle?.fd === undefined || handle.fd < 0 || typeof handle.close !== 'function') return undefined;
    const { fd } = handle;
    const close = handle.close.bind(handle);
    handle.close = (done) => {
      closing();
      close(done);
    };
    return fd;
  }

  /** Read on after a `false`. */
  resume(): void {
    this.#socket?.resume();
  }

  get address(): string {
    const { localAddress, localPort, remoteAddress, remotePort } = this.#socket ?? {};
    return `${localAddress}:${localPort} -> ${remoteAddress}:${remotePort}`;
  }

  /** Version and cipher, or empty. */
  get tls(): string {
    const socket = this.#socket as TLSSocket | undefined;
    return socket?.encrypted ? `${socket.getProtocol()} ${socket.getCipher().name}` : '';
  }

  /** Send what was written, then end. */
  end(): void {
    this.#socket?.destroySoon();
  }

  destroy(): void {
    if (this.#socket !== undefined) return void this.#socket.destroy();
    this.route.race.cancel();
    this.#end(undefined);
  }
}
