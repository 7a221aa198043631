import type { Link } from '../../bridge/link';
import { outOfRange } from '../../caller';
import type { Command } from '../../contract/session-options';
import { encodeMethod } from '../../protocol/codec';
import type { Input } from '../../protocol/method-types';
import { OutOfRoom, Writer } from '../../protocol/wire';

/** What a small message takes beside its body. */
const MESSAGE_OVERHEAD = 512;
const USUAL_FRAME = 1024;

/** Bytes that may wait. */
export interface NoAckBufferLimits {
  /** Bytes from which on a consumer that can be suspended is. */
  suspendAt: number;
  /** Bytes for one that cannot, at most. */
  most: number;
  /** Called when there is more than `most`. */
  overrun(bytes: number): void;
}

/**
 * The no-ack buffer of a consumer: what has come for it and was not handed over yet. Such a consumer knows
 * no prefetch. If it can be suspended, the worker has the frames to cancel it and to start it again, and does
 * so when too much waits there, or here; this side only says when.
 *
 *   [not suspendable] --allowed--> [flowing] --suspendAt--> [suspended] --half of it--> [flowing] ... --forbidden-->
 */
export class NoAckBuffer {
  #size = 0;
  #key: string | undefined;
  #suspended = false;
  #over = false;
  #channel = 0;
  #args: Input<'basic.consume'> = {};

  constructor(
    readonly link: Link,
    readonly limits: NoAckBufferLimits,
  ) {}

  /** The consumer has started, and may be suspended. */
  allowSuspension(channel: number, args: Input<'basic.consume'>, frameMax: number): void {
    const { consumerTag } = args;
    this.#channel = channel;
    this.#args = args;
    this.#key = `${channel}/${consumerTag}`;
    const cancel = frame(channel, 'basic.cancel', { consumerTag, noWait: true }, frameMax);
    const consume = frame(channel, 'basic.consume', { ...args, noWait: true }, frameMax);
    this.#post({ command: 'allowSuspension', key: this.#key, consumer: { cancel, consume } });
  }

  /** The consumer has been started again; perhaps its queue has another name now. */
  renew(current: (args: Input<'basic.consume'>) => Input<'basic.consume'>, frameMax: number): void {
    const args = current(this.#args);
    if (this.#key === undefined || args === this.#args) return;
    this.allowSuspension(this.#channel, args, frameMax);
    if (this.#suspended) this.#post({ command: 'suspend', key: this.#key, suspended: true });
  }

  /** The consumer or its channel ends: the worker must not start it again. */
  forbidSuspension(): void {
    this.#over = true;
    if (this.#key === undefined) return;
    this.link.lockWrites(); // what is written next may close the channel
    this.#post({ command: 'forbidSuspension', key: this.#key });
    this.#key = undefined;
  }

  get isSuspendable(): boolean {
    return this.#key !== undefined;
  }

  waits({ body }: { body: Uint8Array }): void {
    this.#add(body.length + MESSAGE_OVERHEAD);
  }

  taken({ body }: { body: Uint8Array }): void {
    this.#add(-body.length - MESSAGE_OVERHEAD);
  }

  /** What is left will not be handed over. */
  drop(): void {
    this.#add(-this.#size);
  }

  #add(bytes: number): void {
    this.#size += bytes;
    const { suspendAt, most } = this.limits;
    if (this.#over) return; // what still comes is the last
    if (this.#key === undefined) {
      if (bytes > 0 && this.#size - bytes > most) this.limits.overrun(this.#size);
      return;
    }
    const suspended = this.#size > (this.#suspended ? suspendAt / 2 : suspendAt);
    if (suspended !== this.#suspended) this.#post({ command: 'suspend', key: this.#key, suspended });
    this.#suspended = suspended;
  }

  #post(command: Command): void {
    this.link.post(command);
  }
}

function frame<M extends 'basic.cancel' | 'basic.consume'>(
  channel: number,
  method: M,
  args: Input<M>,
  most: number,
): Uint8Array {
  for (const size of [USUAL_FRAME, most]) {
    const writer = new Writer(Buffer.alloc(size));
    try {
      encodeMethod(writer, channel, method, args);
      return writer.buffer.subarray(0, writer.pos);
    } catch (error) {
      if (!(error instanceof OutOfRoom)) throw error;
    }
  }
  throw outOfRange(`${method} does not fit in one frame of ${most} bytes`);
}
