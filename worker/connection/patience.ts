import type { ErrorRecord } from '../../src/errors';
import type { SessionOptions } from '../../src/protocol/session-options';
import type { Gate } from './gate';
import type { Inbound } from './inbound';

/** RabbitMQ drops a connection whose socket takes nothing for 30 s; this often, a little is read after all. */
const SIP_MS = 10_000;
const SIP_SIZE = 1024 * 1024;
/** So many, and the program has to be told. */
const MOST_SIPS = 32;

export interface PatienceEvents {
  /** Read the socket again. */
  resume(): void;
  /** The program has not read for so long that the connection cannot be kept. */
  overrun(record: ErrorRecord): void;
}

/**
 * What to do with a main thread that does not read, so that memory stays bounded and the broker patient.
 *
 *   [reading] --suspendAt--> [suspended] --maxBufferedBytes--> [paused] --a sip every 10 s--> overrun
 *       ^                        |                                |
 *       +---- all was taken -----+------- some was taken ---------+
 */
export class Patience {
  paused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly inbound: Inbound,
    readonly gate: Gate,
    readonly options: Pick<SessionOptions, 'maxBufferedBytes' | 'suspendAt'>,
    readonly events: PatienceEvents,
  ) {}

  /** Something has come, or was taken. */
  watch(): void {
    const { heldSize, full } = this.inbound;
    const { maxBufferedBytes, suspendAt } = this.options;
    if (heldSize === 0 || heldSize > suspendAt) this.gate.suspendAll(heldSize > 0);
    if (heldSize < maxBufferedBytes) this.inbound.maxHeld = maxBufferedBytes;
    if (this.paused === full) return;
    this.paused = full;
    clearTimeout(this.#timer);
    if (full) this.#timer = setTimeout(() => this.#sip(), SIP_MS);
    else this.events.resume();
  }

  #sip(): void {
    const { inbound } = this;
    if (inbound.maxHeld >= this.options.maxBufferedBytes + MOST_SIPS * SIP_SIZE) return this.#giveUp();
    inbound.maxHeld = inbound.heldSize + SIP_SIZE;
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
    this.gate.stop();
  }
}
