import { Channel, type CloseOptions, closeOptions } from '../../client/channel';
import type { QueueUnbindOptions } from '../../client/channel-topology';
import { checkInteger } from '../../client/checks';
import { Connection } from '../../client/connection';
import { ReturnedMessage } from '../../client/message';
import { when } from '../../client/pump';
import type { Answer } from '../../client/rpc';
import type { CloseReason, Command } from '../../protocol/session-options';
import type { Reader } from '../../protocol/wire';
import type { method_t } from './spec';

/** Milliseconds for the broker to answer a close. */
const CLOSE_TIMEOUT = 5000;

/** Why something is closed, and the method that is to blame for it. */
type Farewell = Omit<CloseReason, 'timeout'>;

/** What `close` was given. @throws {TypeError | RangeError} */
export function farewell(given: {
  reply_code: number;
  reply_text: string;
  method_type?: method_t | undefined;
}): Farewell {
  const { reason } = closeOptions({ replyCode: given.reply_code, replyText: given.reply_text });
  const { class_id = 0, method_id = 0 } = given.method_type ?? {};
  const classId = checkInteger(class_id, 'class_id', 0, 0xffff);
  return { ...reason, classId, methodId: checkInteger(method_id, 'method_id', 0, 0xffff) };
}

/** The connection below the facade: what amqpy shows of the wire and the public API does not. */
export class WireConnection extends Connection {
  /** Frames that came for channels. */
  frames_recv = 0;
  /** Methods that were sent for channels. */
  methods_sent = 0;
  #farewell: Farewell | undefined;

  protected override newChannel(id: number): WireChannel {
    return new WireChannel(this, id);
  }

  override channel(id?: number): WireChannel {
    return super.channel(id) as WireChannel;
  }

  /** `close`, naming the method that caused it. */
  leave(reason: Farewell): void {
    this.#farewell = reason;
    const { replyCode, replyText } = reason;
    this.close({ replyCode, replyText, timeout: CLOSE_TIMEOUT });
  }

  override announceClose(options: CloseOptions): void {
    if (this.#farewell === undefined) return super.announceClose(options);
    const reason = { ...this.#farewell, timeout: CLOSE_TIMEOUT };
    this.link.post({ command: 'close', reason } satisfies Command);
  }
}

/** The channel below the facade. */
export class WireChannel extends Channel {
  declare readonly connection: WireConnection;
  /** The broker's wish (channel.flow): publish, or do not. */
  active = true;

  override route(type: number, reader: Reader): void {
    this.connection.frames_recv++;
    super.route(type, reader);
  }

  protected override handle(answer: Answer): void {
    if (answer.plan.name === 'channel.flow') this.active = answer.args.active === true;
    super.handle(answer);
  }

  protected override renew(): void {
    super.renew();
    this.active = true;
  }

  /** Ask for a mode, or use it, whatever mode there is: it is the broker that refuses. */
  insist(method: 'confirm.select' | 'tx.select' | 'tx.commit' | 'tx.rollback'): void {
    this.request(method, {}, {});
  }

  /** queue.unbind knows no nowait: the answer comes, and nobody waits for it. */
  unbindLater(queue: string, exchange: string, options: QueueUnbindOptions): void {
    this.ask('queue.unbind', { ...options, queue: this.queueNamed(queue), exchange }, () => {});
  }

  /** `close`, naming the method that caused it. */
  leave(reason: Farewell): void {
    this.closeDown(reason, CLOSE_TIMEOUT);
  }

  /** The messages that came back and were not asked for yet. Does not block. */
  takeReturns(): ReturnedMessage[] {
    const { connection } = this;
    connection.glance();
    const isOurs = (event: unknown) => event instanceof ReturnedMessage && event.channel === this;
    return connection.dispatcher.retain((event) => !isOurs(event)) as ReturnedMessage[];
  }

  /** Wait until something has come that may be such a message. @returns false: the time is up */
  awaitEvent(deadline: number): boolean {
    const { dispatcher, pump } = this.connection;
    const before = dispatcher.length;
    return pump.until(
      when(() => dispatcher.length > before),
      deadline,
      false,
    );
  }
}
