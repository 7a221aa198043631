import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type Socket } from 'node:net';

export interface DialOptions {
  host: string;
  /** Milliseconds before the next address is tried beside the ones under way; undefined: one after the other. */
  delay: number | undefined;
  /** How many addresses of the first family come before the families alternate; 0: as resolved. */
  interleave: number;
}

export interface DialEvents {
  /** A socket of `open` stands; the others have been put down. */
  connected(socket: Socket): void;
  /** No address answered; one error for each, or the one of the resolver. */
  failed(stage: 'resolve' | 'tcp', errors: Error[]): void;
}

/**
 * Connect to the first address of a host that answers (Happy Eyeballs, RFC 8305, where `delay` is set).
 * `open` starts a socket for an address. Returns how to give up.
 */
export function dial(
  options: DialOptions,
  open: (address: string) => Socket,
  events: DialEvents,
): () => void {
  const race = new Race(options, open, events);
  race.start();
  return () => race.cancel();
}

/**
 *   [resolving] --addresses--> [racing] --first connect--> [over]
 *        |                        | all failed, or cancelled ^
 *        +------------------------+--------------------------+
 */
class Race {
  #waiting: string[] = [];
  readonly #running = new Set<Socket>();
  readonly #errors: Error[] = [];
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(
    readonly options: DialOptions,
    readonly open: (address: string) => Socket,
    readonly events: DialEvents,
  ) {}

  start(): void {
    const { host, interleave } = this.options;
    if (isIP(host) !== 0) return this.#run([host]);
    lookup(host, { all: true, verbatim: true }, (error, addresses) => {
      if (this.#over) return;
      if (error === null) return this.#run(interleaved(addresses, interleave));
      this.#over = true;
      this.events.failed('resolve', [error]);
    });
  }

  #run(addresses: string[]): void {
    this.#waiting = addresses;
    this.#next();
  }

  #next(): void {
    clearTimeout(this.#timer);
    const address = this.#waiting.shift();
    if (address === undefined) return;
    const socket = this.open(address);
    this.#running.add(socket);
    const failed = (error: Error) => this.#lost(socket, error);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      this.#won(socket);
    });
    if (this.options.delay !== undefined && this.#waiting.length > 0) {
      this.#timer = setTimeout(() => this.#next(), this.options.delay);
    }
  }

  #lost(socket: Socket, error: Error): void {
    this.#running.delete(socket);
    this.#errors.push(error);
    if (this.#over) return;
    if (this.#waiting.length > 0) return this.#next();
    if (this.#running.size > 0) return;
    this.#over = true;
    this.events.failed('tcp', this.#errors);
  }

  #won(socket: Socket): void {
    this.#running.delete(socket);
    this.cancel();
    this.events.connected(socket);
  }

  cancel(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const socket of this.#running) socket.destroy();
    this.#running.clear();
  }
}

/** RFC 8305, section 4: `first` addresses of the family that came first, then the families in turn. */
export function interleaved(addresses: LookupAddress[], first: number): string[] {
  if (first === 0) return addresses.map(({ address }) => address);
  const family = addresses[0]?.family;
  const preferred = addresses.filter((each) => each.family === family);
  const others = addresses.filter((each) => each.family !== family);
  const ordered = preferred.splice(0, first - 1);
  while (preferred.length > 0 || others.length > 0) {
    ordered.push(...preferred.splice(0, 1), ...others.splice(0, 1));
  }
  return ordered.map(({ address }) => address);
}
