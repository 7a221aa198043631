import type { ErrorRecord } from '../../src/contract/error-record';
import type { SessionOptions } from '../../src/contract/session-options';
import type { Inbound } from './inbound';
import type { NoAckSuspension } from './no-ack-suspension';

/** Milliseconds for which the socket may be left unread just because the ring is full. */
const PAUSE_MS = 3000;
/**
 * RabbitMQ drops a connection when one write of its own, perhaps several large messages, takes longer than 30 s;
 * this often, a little is read after all.
 */
const TRICKLE_INTERVAL_MS = 5000;
const TRICKLE_SIZE = 2 * 1024 * 1024;
/** Trickles until the connection is given up. */
const MOST_TRICKLES = 64;

export interface BackpressureEvents {
  /** The socket is to be read again. */
  resume(): void;
  /** The program has not read for so long that the connection cannot be kept. */
  overrun(record: ErrorRecord): void;
}

/**
 * Back-pressure on the broker for a main thread that does not read, so that memory stays bounded, and the broker does
 * not drop the connection. A slow thread only makes it wait: the ring is full, the socket is not read, and TCP tells it.
 *
 *   [flowing] --ring full--> [paused] --3 s--> [absorbing] --maxBufferedBytes--> [trickling] --5 min--> overrun
 *       ^                       |                  |                                 |
 *       +------ room -----------+-- all taken -----+---------- all taken ------------+
 *
 * While absorbing and trickling, consumers without acknowledgements are suspended (see NoAckSuspension); what is on its
 * way is taken into the overflow.
 */
export class Backpressure {
  paused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly inbound: Inbound,
    readonly suspension: NoAckSuspension,
    readonly options: Pick<SessionOptions, 'maxBufferedBytes'>,
    readonly events: BackpressureEvents,
  ) {
    inbound.maxHeld = 0;
  }

  /** Bytes have come, or were taken. */
  update(): void {
    const { inbound } = this;
    if (inbound.heldSize === 0 && inbound.maxHeld > 0) {
      inbound.maxHeld = 0;
      this.suspension.suspendAll(false);
    }
    if (this.paused === inbound.full) return;
    this.paused = inbound.full;
    clearTimeout(this.#timer);
    if (this.paused)
      this.#timer = setTimeout(
        () => this.#readMore(),
        inbound.maxHeld === 0 ? PAUSE_MS : TRICKLE_INTERVAL_MS,
      );
    else this.events.resume();
  }

  /** Reading has been paused for as long as it may be: read a little more. */
  #readMore(): void {
    const { inbound } = this;
    const { maxBufferedBytes } = this.options;
    if (inbound.maxHeld >= maxBufferedBytes + MOST_TRICKLES * TRICKLE_SIZE) return this.#giveUp();
    this.suspension.suspendAll(true);
    inbound.maxHeld = Math.max(maxBufferedBytes, inbound.heldSize + TRICKLE_SIZE);
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
