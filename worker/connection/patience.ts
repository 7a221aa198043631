import type { ErrorRecord } from '../../src/errors';
import type { SessionOptions } from '../../src/protocol/session-options';
import type { Gate } from './gate';
import type { Inbound } from './inbound';

/** Longer than this the socket is not left unread just because the ring is full. */
const PAUSE_MS = 3000;
/**
 * RabbitMQ drops a connection when one write of its own, perhaps several large messages, takes longer than 30 s;
 * this often, a little is read after all.
 */
const SIP_MS = 5000;
const SIP_SIZE = 2 * 1024 * 1024;
/** So many, and the program has to be told. */
const MOST_SIPS = 64;

export interface PatienceEvents {
  /** Read the socket again. */
  resume(): void;
  /** The program has not read for so long that the connection cannot be kept. */
  overrun(record: ErrorRecord): void;
}

/**
 * What to do with a main thread that does not read, so that memory stays bounded and the broker patient. A
 * slow one is only made to wait for: the ring is full, the socket is not read, and TCP tells the broker.
 *
 *   [flowing] --ring full--> [paused] --3 s--> [absorbing] --maxBufferedBytes--> [sipping] --5 min--> overrun
 *       ^                       |                  |                                |
 *       +------ room -----------+-- all taken -----+---------- all taken -----------+
 *
 * While absorbing and sipping, consumers are suspended; what is on its way is taken into the overflow.
 */
export class Patience {
  paused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly inbound: Inbound,
    readonly gate: Gate,
    readonly options: Pick<SessionOptions, 'maxBufferedBytes'>,
    readonly events: PatienceEvents,
  ) {
    inbound.maxHeld = 0;
  }

  /** Something has come, or was taken. */
  watch(): void {
    const { inbound } = this;
    if (inbound.heldSize === 0 && inbound.maxHeld > 0) {
      inbound.maxHeld = 0;
      this.gate.suspendAll(false);
    }
    if (this.paused === inbound.full) return;
    this.paused = inbound.full;
    clearTimeout(this.#timer);
    if (this.paused)
      this.#timer = setTimeout(() => this.#relent(), inbound.maxHeld === 0 ? PAUSE_MS : SIP_MS);
    else this.events.resume();
  }

  /** It has been paused for as long as may be: read a little more. */
  #relent(): void {
    const { inbound } = this;
    const { maxBufferedBytes } = this.options;
    if (inbound.maxHeld >= maxBufferedBytes + MOST_SIPS * SIP_SIZE) return this.#giveUp();
    this.gate.suspendAll(true);
    inbound.maxHeld = Math.max(maxBufferedBytes, inbound.heldSize + SIP_SIZE);
    this.paused = false;
    this.events.resume();
  }

  #giveUp(): void {
    const { heldSize } = this.inbound;
    this.events.overrun({
      name: 'ConnectionClosedError',
      message: `the connection was given up: this program has not read for minutes, and ${heldSize} bytes are waiting (maxBufferedBytes is ${this.options.maxBufferedBytes}); consume with acknowledgements and a small prefetch, call drainEvents or sleep more often, or raise maxBufferedBytes`,
      code: 'OVERRUN',
      origin: 'client',
      recoverable: true,
      outcome: 'unknown',
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
