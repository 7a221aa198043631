import type { MethodObserver } from '../../src/protocol/frame';
import type { Method } from '../../src/protocol/method-types';
import { isRecorded, Journal } from '../../src/topology/journal';
import { type Frame, methodFrames, methodId, methodOf, readMethod } from './frames';

/** Methods without an answer that are sent again if they were written for a connection that is lost. */
const RESENT = new Set([
  ...['exchange.declare', 'exchange.delete', 'exchange.bind', 'exchange.unbind'],
  ...['queue.declare', 'queue.delete', 'queue.bind', 'basic.consume', 'basic.cancel', 'confirm.select'],
]);

/** The topology recorder: it records in a journal the methods of a connection that pass by, in both directions. */
export class TopologyRecorder implements MethodObserver {
  constructor(readonly journal = new Journal()) {}

  isWanted(id: number): boolean {
    return isRecorded(id);
  }

  /** The broker has sent a method. @throws {ProtocolViolation} */
  method(channel: number, payload: Buffer): void {
    this.journal.received(channel, readMethod(payload));
  }

  /** Whole frames of main's, in one or two pieces, are on their way to the broker. */
  sent(first: Buffer, second?: Buffer): void {
    for (const frame of methodFrames(first, second))
      if (isRecorded(methodId(frame))) this.journal.sent(frame.channel, methodOf(frame));
  }

  /**
   * Frames that main had written for a connection that is lost. Calls that wait for an answer are main's to repeat, and
   * messages and acks are void; but what wanted no answer would be forgotten.
   * @returns the methods to send now
   */
  *resend(first: Buffer, second?: Buffer): Generator<Pick<Frame, 'channel'> & { method: Method }> {
    for (const frame of methodFrames(first, second)) {
      if (!isRecorded(methodId(frame))) continue;
      const method = this.#renamed(methodOf(frame));
      if (!this.#isToBeResent(frame.channel, method)) continue;
      this.journal.sent(frame.channel, method);
      yield { channel: frame.channel, method };
    }
  }

  #isToBeResent(channel: number, method: Method): boolean {
    const { noWait } = method.args as { noWait?: boolean };
    const { isOpen, consumers } = this.journal.channels.get(channel) ?? {};
    if (!noWait || !isOpen || !RESENT.has(method.name)) return false;
    // the consumer may have been on its way already: then it has been started with the others
    return method.name !== 'basic.consume' || consumers?.has(method.args.consumerTag) !== true;
  }

  /** The method under the present name of its queue: main has called it by the one it had. */
  #renamed(method: Method): Method {
    const { queue } = method.args as { queue?: string };
    if (queue === undefined || this.journal.names.isEmpty) return method;
    return { ...method, args: { ...method.args, queue: this.journal.names.of(queue) } } as Method;
  }
}
