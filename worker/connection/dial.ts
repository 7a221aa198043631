import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import { LONGEST_TIMER } from '../../src/clock';

/** Every address of a host, in the order in which they are to be tried; an address is its own. */
export function resolve(
  host: string,
  interleave: number,
  done: (error: Error | undefined, addresses: string[]) => void,
): void {
  if (isIP(host) !== 0) return done(undefined, [host]);
  lookup(host, { all: true, verbatim: true }, (error, addresses) => {
    if (error !== null) return done(error, []);
    if (addresses.length === 0) return done(new Error('the name has no address'), []);
    done(undefined, interleaved(addresses, interleave));
  });
}

/** `first` addresses of the family that came first, then the families in turn, each once. @see RFC 8305 §4 */
export function interleaved(resolved: readonly LookupAddress[], first: number): string[] {
  // a hosts file may have a line twice
  const addresses = [...new Map(resolved.map((each) => [each.address, each])).values()];
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

export interface RaceEvents {
  /** An address does not answer; others may. */
  lost(address: string, error: Error): void;
  /** An address answers; the others have been put down. */
  won(address: string, socket: Socket): void;
  /** Every address has failed. */
  failed(): void;
}

/**
 * The race of a host's addresses: the first that answers is connected. After `delay` milliseconds without an answer the
 * next is tried beside it; nobody is cut short. @see RFC 8305 §5 (Happy Eyeballs)
 *
 *   [racing] --first connect--> [over] --start again, with those that did not lose--> [racing]
 *       | all lost, or cancelled   ^
 *       +--------------------------+
 */
export class Race {
  #waiting: string[];
  readonly #running = new Map<string, Socket>();
  #timer: NodeJS.Timeout | undefined;
  #open: (address: string) => Socket = notStarted;
  #events: RaceEvents | undefined;

  constructor(
    addresses: readonly string[],
    readonly delay: number,
  ) {
    this.#waiting = [...addresses];
  }

  /** Addresses that have not been tried to the end. */
  get left(): number {
    return this.#waiting.length;
  }

  /** `open` starts a socket for an address. */
  start(open: (address: string) => Socket, events: RaceEvents): void {
    this.#open = open;
    this.#events = events;
    this.#next();
  }

  #next(): void {
    clearTimeout(this.#timer);
    const address = this.#waiting.shift();
    if (address === undefined) return;
    const socket = this.#open(address);
    this.#running.set(address, socket);
    socket.on('error', (error) => this.#lost(address, error));
    socket.once('connect', () => this.#won(address, socket));
    if (this.#waiting.length > 0 && this.delay <= LONGEST_TIMER) {
      this.#timer = setTimeout(() => this.#next(), this.delay);
    }
  }

  #lost(address: string, error: Error): void {
    if (!this.#running.delete(address)) return; // the socket has won, or was put down
    this.#events?.lost(address, error);
    if (this.#waiting.length > 0) return this.#next();
    if (this.#running.size === 0) this.#events?.failed();
  }

  #won(address: string, socket: Socket): void {
    if (!this.#running.delete(address)) return;
    this.cancel();
    this.#events?.won(address, socket);
  }

  /** Put down what is under way; it counts as not tried. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#waiting.unshift(...this.#running.keys());
    const sockets = [...this.#running.values()];
    this.#running.clear();
    for (const socket of sockets) socket.destroy();
  }
}

function notStarted(): never {
  throw new Error('the race has not been started');
}
