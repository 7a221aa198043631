import type { Channel as ClientChannel } from '../../api/channel';
import { PARTS, SESSION } from '../../api/internals';
import { wrongType } from '../../caller';
import { type AmqpError, ChannelClosedError } from '../../errors';
import type { TableInput } from '../../protocol/field-table';
import { showAs } from '../../shown';
import { type Args, KeyboardInterrupt, milliseconds, translating } from '../python';
import type { Channel } from './channel';
import { naming } from './complaints';
import type { Connection } from './connection';
import { FrameSyntaxError, RecoverableConnectionError } from './exceptions';
import { type Message, returned } from './message';
import { ReturnedMessages } from './returned-messages';
import type { basic_return_t } from './spec';
import { pythonic } from './translate';
import { closeReason, leaveChannel, takeReturns } from './wire';
import { CHANNEL } from './words';

/** A channel's mode. */
type Mode = 0 | 1 | 2;
const MODES = { none: 0, tx: 1, confirm: 2 } as const;

/**
 * A channel below its methods: what it is made of, how a call is carried out, and how it comes back to life.
 * The methods stand on it in layers, as those of the channel beneath do: base <- topology <- consuming <-
 * publishing <- channel.
 */
export abstract class ChannelBase {
  static readonly CH_MODE_NONE = 0;
  static readonly CH_MODE_TX = 1;
  static readonly CH_MODE_CONFIRM = 2;
  readonly CH_MODE_NONE = 0;
  readonly CH_MODE_TX = 1;
  readonly CH_MODE_CONFIRM = 2;

  /** Text for bodies whose encoding is known; may be changed at any time. */
  auto_decode: boolean;
  /** Mandatory messages that came back, oldest first. Without confirms, `conn.loop(0)` fetches them. */
  readonly returned_messages: ReturnedMessages;
  /** What is called with messages, by consumer tag; may be changed. */
  callbacks: Record<string, (msg: Message) => unknown> = Object.create(null);
  /** What is called when the broker ends a consumer, by consumer tag; may be changed. */
  cancel_callbacks: Record<string, (consumer_tag: string) => unknown> = Object.create(null);
  /** The tags of consumers without acknowledgements. */
  no_ack_consumers = new Set<string>();
  /** The connection that it was made on, open or not. @internal */
  protected readonly home: Connection;
  /** The channel of the blocking client. @internal */
  protected readonly core: ClientChannel;
  #isClosed = false;

  /** Opens it: blocks for a round trip. @throws {AMQPConnectionError} the number is in use */
  constructor(...args: Args<typeof CHANNEL.__init__>) {
    const { connection, channel_id, auto_decode } = CHANNEL.__init__(args);
    if (typeof connection?.open !== 'function') throw wrongType('connection must be a Connection');
    this.auto_decode = auto_decode;
    this.home = connection;
    this.core = connection.open(this.self, channel_id);
    this.returned_messages = new ReturnedMessages({
      take: () => takeReturns(this.core).map((message) => returned(message, this.auto_decode)),
      wait: (timeout) => this.#await(timeout),
    });
    this.core.onReturn = (message) => this.returned_messages.put(returned(message, this.auto_decode));
  }

  /** The layers are one object, and this is what the user holds. @internal */
  protected get self(): Channel {
    return this as unknown as Channel;
  }

  /** Its number. */
  get channel_id(): number {
    return this.core.id;
  }

  /** Its connection; null (typed as if it were not) once one of them is closed. */
  get connection(): Connection {
    return (this.is_open ? this.home : null) as Connection;
  }

  /** Neither it nor its connection is closed, as far as is known. */
  get is_open(): boolean {
    return !this.#isClosed && this.core.connection.isOpen;
  }

  /** False while the broker asks not to publish (channel.flow). */
  get active(): boolean {
    return this.core[PARTS].publisher.isActive;
  }

  /** CH_MODE_NONE, CH_MODE_TX or CH_MODE_CONFIRM. */
  get mode(): Mode {
    return MODES[this.core.mode];
  }

  /** Close it for good: the broker requeues what is unsettled. Blocks; does nothing when it is closed. */
  close(...args: Args<typeof CHANNEL.close>): void {
    const reason = naming(() => closeReason(CHANNEL.close(args)));
    if (!this.is_open) return;
    this.#isClosed = true;
    this.renew();
    try {
      this.#run(() => leaveChannel(this.core, reason));
    } finally {
      this.home.forget(this.self, this.core.id);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ── below the methods ───────────────────────────────────────────────────────────────────────────────

  /** Carry out a method on the channel beneath. @internal */
  protected call<T>(fn: (core: ClientChannel) => T): T {
    const { core } = this;
    if (this.#isClosed)
      throw new RecoverableConnectionError('channel already closed', null, null, null, core.id);
    this.home.countMethod();
    return this.#run(() => fn(core));
  }

  /** What a life had is gone. @internal */
  protected renew(): void {
    this.callbacks = Object.create(null); // the names are the broker's
    this.cancel_callbacks = Object.create(null);
    this.no_ack_consumers = new Set();
  }

  /** It was this that ended the channel. @internal */
  died(error: AmqpError): boolean {
    return !this.#isClosed && !this.core.isOpen && this.core.lastError === error;
  }

  /** Open it again, as new. What the broker has against that is the next call's to tell. @internal */
  reopen(): void {
    if (this.core.isOpen) return;
    this.renew();
    if (!this.is_open) return;
    try {
      translating(
        (error) => error,
        () => this.core.reopen(),
      );
    } catch (error) {
      if (error instanceof KeyboardInterrupt) throw error;
    }
  }

  #run<T>(fn: () => T): T {
    const heal = (error: AmqpError) => {
      if (error instanceof ChannelClosedError) this.reopen();
    };
    try {
      return pythonic(
        () => this.channel_id,
        heal,
        () => naming(fn),
      );
    } catch (error) {
      throw isUnsendable(error) ? new FrameSyntaxError(error.message).because(error) : error;
    }
  }

  /** Wait for messages that come back, while callbacks do not run. */
  #await(timeout: number | null): basic_return_t[] {
    const { core } = this;
    const { events } = core.connection[SESSION];
    const deadline = events.eventDeadline(milliseconds(timeout, 'timeout'));
    return this.#run(() => {
      for (;;) {
        const messages = takeReturns(core);
        if (messages.length > 0 || !events.waitForAnother(deadline))
          return messages.map((message) => returned(message, this.auto_decode));
      }
    });
  }
}

showAs(ChannelBase, ({ channel_id, is_open, mode }) => ({ channel: channel_id, is_open, mode }));

/** A table that holds what no table can, or a name that is too long for the wire. */
function isUnsendable(error: unknown): error is Error {
  if (!(error instanceof TypeError || error instanceof RangeError)) return false;
  return /^(the keys? .*of )?arguments\b|^\w+ is \d+ bytes long\b/.test(error.message);
}

/** The table of arguments, if one was given. @internal */
export function table(given: { arguments: TableInput | null }): { arguments?: TableInput } {
  return given.arguments === null ? {} : { arguments: given.arguments };
}
