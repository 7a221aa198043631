import type { MethodTap } from '../../src/protocol/frame';
import type { Method } from '../../src/protocol/method-types';
import { isNoted, Journal } from '../../src/topology/journal';
import { type Frame, methodFrames, methodId, methodOf, readMethod } from './frames';

/** What of main's last words to a lost connection is said to the next one. */
const SALVAGED = new Set([
  ...['exchange.declare', 'exchange.delete', 'exchange.bind', 'exchange.unbind'],
  ...['queue.declare', 'queue.delete', 'queue.bind', 'basic.consume', 'basic.cancel', 'confirm.select'],
]);

/** Lets the journal of a connection see the methods that pass by, in both directions. */
export class Tap implements MethodTap {
  constructor(readonly journal = new Journal()) {}

  isWanted(id: number): boolean {
    return isNoted(id);
  }

  /** The broker has sent a method. @throws {ProtocolViolation} */
  method(channel: number, payload: Buffer): void {
    this.journal.received(channel, readMethod(payload));
  }

  /** These whole frames of main's, in one or two pieces, are on their way to the broker. */
  sent(first: Buffer, second?: Buffer): void {
    for (const frame of methodFrames(first, second))
      if (isNoted(methodId(frame))) this.journal.sent(frame.channel, methodOf(frame));
  }

  /**
   * These frames of main's were for a connection that is lost. Calls that wait for an answer are main's to repeat, and
   * messages and acks are void; but what wanted no answer would be forgotten.
   * @returns what is to be said now
   */
  *salvage(first: Buffer, second?: Buffer): Generator<Pick<Frame, 'channel'> & { method: Method }> {
    for (const frame of methodFrames(first, second)) {
      if (!isNoted(methodId(frame))) continue;
      const method = this.#renamed(methodOf(frame));
      if (!this.#isToBeSaid(frame.channel, method)) continue;
      this.journal.sent(frame.channel, method);
      yield { channel: frame.channel, method };
    }
  }

  #isToBeSaid(channel: number, method: Method): boolean {
    const { noWait } = method.args as { noWait?: boolean };
    const { isOpen, consumers } = this.journal.channels.get(channel) ?? {};
    if (!noWait || !isOpen || !SALVAGED.has(method.name)) return false;
    // it may have been on its way already: then it has been started with the others
    return method.name !== 'basic.consume' || consumers?.has(method.args.consumerTag) !== true;
  }

  /** Main has called a queue by the name it had. */
  #renamed(method: Method): Method {
    const { queue } = method.args as { queue?: string };
    if (queue === undefined || this.journal.names.isEmpty) return method;
    return { ...method, args: { ...method.args, queue: this.journal.names.of(queue) } } as Method;
  }
}
