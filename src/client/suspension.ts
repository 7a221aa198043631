import type { Link } from '../bridge/link';
import { encodeMethod } from '../protocol/codec';
import type { Input } from '../protocol/method-types';
import type { Command } from '../protocol/session-options';
import { Writer } from '../protocol/wire';

/** What a small message takes beside its body. */
const MESSAGE_OVERHEAD = 512;
/** Consuming from this is how replies are received; it is no queue. @see RabbitMQ, direct reply-to */
const REPLY_TO = 'amq.rabbitmq.reply-to';

/**
 * Keeps consumers without acknowledgements from flooding this program: the worker cancels them for a while
 * when too much waits there, or here. What it needs for that is given to it when such a consumer starts.
 *
 * Not suspended are exclusive consumers, whose place another could take, and those of queues that were
 * declared here to go away with their last consumer.
 */
export class Suspension {
  readonly #fleeting = new Set<string>();
  #waiting = 0;
  #much = false;

  constructor(
    /** Bytes that may wait here. */
    readonly limit: number,
    readonly link: Link,
  ) {}

  /** A queue has been declared. */
  declared(queue: string, { autoDelete, arguments: table }: Input<'queue.declare'>): void {
    const expires = table instanceof Map ? table.has('x-expires') : Object.hasOwn(table ?? {}, 'x-expires');
    if (autoDelete || expires) this.#fleeting.add(queue);
  }

  /** A consumer without acknowledgements has started. @returns how to say that it is about to end */
  started(channel: number, args: Input<'basic.consume'>, frameMax: number): () => void {
    const { consumerTag, queue = '' } = args;
    if (args.exclusive || queue === REPLY_TO || this.#fleeting.has(queue)) return () => {};
    const key = `${channel}/${consumerTag}`;
    const cancel = frame(channel, 'basic.cancel', { consumerTag, noWait: true }, frameMax);
    const consume = frame(channel, 'basic.consume', { ...args, noWait: true }, frameMax);
    this.#post({ command: 'suspendable', key, consumer: { cancel, consume } });
    return () => {
      this.link.handsOff(); // what is written next may close the channel: it must not be used after that
      this.#post({ command: 'suspendable', key, consumer: undefined });
    };
  }

  /** Bytes have come to wait here, or do not any more. */
  add(bytes: number): void {
    this.#waiting += bytes;
    const much = this.#waiting > (this.#much ? this.limit / 2 : this.limit);
    if (much !== this.#much) this.#post({ command: 'waiting', much });
    this.#much = much;
  }

  #post(command: Command): void {
    this.link.post(command);
  }
}

/** What has come for one consumer without acknowledgements and was not handed over yet. */
export class Backlog {
  #size = 0;

  constructor(readonly suspension: Suspension) {}

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
    this.suspension.add(bytes);
  }
}

function frame<M extends 'basic.cancel' | 'basic.consume'>(
  channel: number,
  method: M,
  args: Input<M>,
  size: number,
): Uint8Array {
  const writer = new Writer(Buffer.alloc(size));
  encodeMethod(writer, channel, method, args);
  return Buffer.from(writer.buffer.subarray(0, writer.pos));
}
