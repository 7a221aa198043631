import { Channel, type CloseOptions, closeOptions } from '../../client/channel';
import type { QueueUnbindOptions } from '../../client/channel-topology';
import { Connection } from '../../client/connection';
import { ReturnedMessage } from '../../client/message';
import { when } from '../../client/pump';
import type { Answer } from '../../client/rpc';
import type { Command } from '../../protocol/session-options';
import type { Reader } from '../../protocol/wire';
import type { method_t } from './spec';

/** A close with the method that is to blame for it. */
export interface Farewell {
  reply_code: number;
  reply_text: string;
  method_type: method_t;
}

/** The connection below the facade: what amqpy shows of the wire and the public API does not. */
export class WireConnection extends Connection {
  /** Frames that came for channels. */
  frames_recv = 0;
  /** Methods that were sent for channels. */
  methods_sent = 0;
  #blamed: method_t | undefined;

  protected override newChannel(id: number): WireChannel {
    return new WireChannel(this, id);
  }

  override channel(id?: number): WireChannel {
    return super.channel(id) as WireChannel;
  }

  /** `close`, naming the method that caused it. */
  leave({ reply_code, reply_text, method_type }: Farewell): void {
    this.#blamed = method_type;
    this.close({ replyCode: reply_code, replyText: reply_text });
  }

  override announceClose(options: CloseOptions): void {
    if (this.#blamed === undefined) return super.announceClose(options);
    const { reason, timeout } = closeOptions(options);
    const { class_id: classId, method_id: methodId } = this.#blamed;
    this.link.post({ command: 'close', reason: { ...reason, classId, methodId, timeout } } satisfies Command);
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
  leave({ reply_code, reply_text, method_type }: Farewell): void {
    const { reason, timeout } = closeOptions({ replyCode: reply_code, replyText: reply_text });
    const { class_id: classId, method_id: methodId } = method_type;
    this.closeDown({ ...reason, classId, methodId }, timeout);
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
