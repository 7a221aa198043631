import type { Connection } from '../../api/connection';
import { clock } from '../../clock';
import { namedTuple } from '../python';

interface AddressArgumentTypes {
  /** The address. */
  host: [host: string];
  /** The TCP port. */
  port: [port: number];
}

/** Where an end of a socket is. */
export const address_t = namedTuple<AddressArgumentTypes>()('address_t', 'host, port');
/** Address and port of one end. */
export interface address_t extends InstanceType<typeof address_t> {}

/** Seconds, as Python's `time.monotonic` counts them. */
export const monotonic = () => clock.now() / 1000;

/** What can be seen, from the thread of the program, of a socket that another thread owns. */
export class Transport {
  /** When `send_heartbeat` last sent one, in seconds; 0: never. */
  last_heartbeat_sent = 0;
  readonly #core: Connection;
  readonly #close: () => void;
  #bytes = 0;
  #heard = monotonic();

  /** @internal */
  constructor(core: Connection, close: () => void) {
    this.#core = core;
    this.#close = close;
  }

  /** Whether the connection is open, as far as is known. */
  get connected(): boolean {
    return this.#core.isOpen;
  }

  /** When something last came from the broker, as far as it was looked, in seconds. */
  get last_heartbeat_received(): number {
    const { bytesIn } = this.#core.stats();
    if (bytesIn !== this.#bytes) this.#heard = monotonic();
    this.#bytes = bytesIn;
    return this.#heard;
  }

  /** The two ends, as a Python socket names them. */
  get sock(): {
    /** This end: address and port. */
    getsockname(): address_t;
    /** The broker's end: address and port. */
    getpeername(): address_t;
  } {
    const { address } = this.#core.stats();
    const [local, remote] = address.split(' -> ').map(addressOf) as [address_t, address_t];
    return { getsockname: () => local, getpeername: () => remote };
  }

  /** Closes the connection. Blocks like `conn.close()`. */
  close(): void {
    this.#close();
  }
}

/** `127.0.0.1:5672`, `[::1]:5672` */
function addressOf(text: string): address_t {
  const [, host = '', port = '0'] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? [];
  return new address_t(host, Number(port));
}
