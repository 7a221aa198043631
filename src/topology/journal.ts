import { PLANS } from '../protocol/codec';
import { culprit } from '../protocol/culprit';
import type { Args, Method, MethodName } from '../protocol/method-types';
import { type JournalChannel, JournalChannels } from './channels';
import { Entities } from './entities';
import { Names } from './names';
import { StreamPosition } from './stream-position';

/** Methods about the topology, as main sends them and as the broker answers. */
const RECORDED = [
  ...['channel.open', 'channel.open-ok', 'channel.close', 'channel.close-ok'],
  ...['exchange.declare', 'exchange.declare-ok', 'exchange.delete', 'exchange.delete-ok'],
  ...['exchange.bind', 'exchange.bind-ok', 'exchange.unbind', 'exchange.unbind-ok'],
  ...['queue.declare', 'queue.declare-ok', 'queue.delete', 'queue.delete-ok'],
  ...['queue.bind', 'queue.bind-ok', 'queue.unbind', 'queue.unbind-ok'],
  ...['basic.qos', 'basic.qos-ok', 'basic.consume', 'basic.consume-ok', 'basic.cancel', 'basic.cancel-ok'],
  ...['confirm.select', 'confirm.select-ok', 'tx.select', 'tx.select-ok'],
] as MethodName[];
const RECORDED_IDS = new Set(RECORDED.map((name) => PLANS[name].id));

/** Whether a method with this id is recorded. All others need not be decoded for it. */
export function isRecorded(id: number): boolean {
  return RECORDED_IDS.has(id);
}

/**
 * The journal, for topology recovery: what the channels of a connection have declared, as far as the broker has agreed,
 * and what has to be there again after the connection was lost. It takes the methods in both directions, and knows nothing of sockets.
 *
 *   sent, with a reply ----> [owed] --the reply----------------------> recorded, or forgotten (delete, unbind)
 *   sent with noWait --------------------------------------------------> the same at once
 *                              | channel.close, or the connection is lost
 *                              +--> nothing
 *
 * What is deleted takes along what hangs on it, as it does with the broker: a queue its bindings and consumers, the
 * last binding of an autoDelete exchange the exchange, the last consumer of an autoDelete queue the queue.
 */
export class Journal {
  readonly names = new Names();
  readonly entities = new Entities();
  readonly channels = new JournalChannels();

  /** Main has sent a method on a channel. */
  sent(number: number, method: Method): void {
    switch (method.name) {
      case 'channel.open':
        return this.channels.opening(number, method);
      case 'channel.close':
        return this.#closed(number);
      case 'basic.cancel': // whether it is answered or not: nobody wants the consumer any more
        return this.#cancelled(number, method.args.consumerTag);
    }
    const channel = this.channels.get(number);
    if (channel === undefined || PLANS[method.name].replies.length === 0) return;
    if (!isUnanswered(method)) channel.owed.push(method);
    else if (this.#apply(channel, method, undefined)) channel.assumeDone(method);
  }

  /** The broker has sent a method on a channel. */
  received(number: number, method: Method): void {
    if (method.name === 'channel.close') return this.#refused(number, method.args);
    if (method.name === 'basic.cancel') return this.#cancelled(number, method.args.consumerTag);
    const channel = this.channels.get(number);
    const request = channel?.settle(method);
    if (channel !== undefined && request !== undefined) this.#apply(channel, request, method);
  }

  /** The connection is lost: what it has not answered, it never will. */
  lost(): void {
    this.channels.lost();
  }

  /** The broker has given a queue of its naming another name. */
  renamed(old: string, fresh: string): void {
    this.names.rename(old, fresh);
    this.entities.rename(old, fresh);
    this.channels.rename(old, fresh);
  }

  /** A consumer reads a stream, since a moment of `clock`; it need not be known yet. */
  follow(number: number, consumerTag: string, cells: BigInt64Array, since: number): void {
    const position = new StreamPosition(cells);
    this.channels.get(number)?.streams.set(consumerTag, { position, since });
  }

  /** A consumer reads no stream after all. @returns whether that is news */
  unfollow(number: number, consumerTag: string): boolean {
    const { streams } = this.channels.get(number) ?? {};
    streams?.get(consumerTag)?.position.refused();
    return streams?.delete(consumerTag) === true;
  }

  /** A consumer that could not be started again. */
  forget(number: number, consumerTag: string): void {
    this.channels.get(number)?.end(consumerTag);
  }

  /** @returns whether the method was one to be remembered */
  #apply(channel: JournalChannel, request: Method, reply: Method | undefined): boolean {
    switch (request.name) {
      case 'channel.open':
        channel.isOpen = true;
        return true;
      case 'queue.declare': {
        const { queue } = reply?.name === 'queue.declare-ok' ? reply.args : request.args;
        this.entities.declareQueue(queue, request.args);
        return !request.args.passive;
      }
      case 'queue.delete':
        this.#queueDeleted(request.args.queue);
        return true;
      case 'basic.consume': {
        const { consumerTag } = reply?.name === 'basic.consume-ok' ? reply.args : request.args;
        channel.consume({ ...request.args, consumerTag });
        return true;
      }
      case 'basic.qos':
        channel.limit(request.args);
        return true;
      case 'confirm.select':
        channel.mode = 'confirm';
        return true;
      case 'tx.select':
        channel.mode = 'tx';
        return true;
      default:
        return this.entities.apply(request);
    }
  }

  /** The queue is gone, and with it the consumers, on whatever channel. */
  #queueDeleted(queue: string): void {
    this.entities.deleteQueue(queue);
    for (const channel of this.channels.all()) channel.deleted(queue);
  }

  #cancelled(number: number, consumerTag: string): void {
    const consumer = this.channels.get(number)?.consumers.get(consumerTag);
    if (consumer === undefined) return;
    this.forget(number, consumerTag);
    this.#lostConsumer(consumer.args.queue);
  }

  #lostConsumer(queue: string): void {
    const { autoDelete } = this.entities.queues.get(queue)?.args ?? {};
    if (autoDelete && !this.channels.consumesFrom(queue)) this.entities.deleteQueue(queue);
  }

  #closed(number: number): void {
    const consumers = this.channels.close(number);
    for (const { args } of consumers) this.#lostConsumer(args.queue);
  }

  /** The broker complains of something; perhaps of what was taken for granted, as it wanted no answer. */
  #refused(number: number, close: Args<'channel.close'>): void {
    const sent = this.channels.get(number)?.unanswered ?? [];
    const { quoted: guilty } = culprit(sent, close, (method) => method);
    if (guilty?.name === 'queue.declare') this.#queueDeleted(guilty.args.queue);
    else if (guilty !== undefined) this.entities.undo(guilty);
    this.#closed(number);
  }
}

function isUnanswered(method: Method): boolean {
  return (method.args as { noWait?: boolean }).noWait === true;
}
