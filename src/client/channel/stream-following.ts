import type { Command } from '../../contract/session-options';
import { StreamPosition } from '../../topology/stream-position';
import type { ChannelSession } from './channel-session';
import { type Consumer, type Delivery, STREAM_OFFSET } from './delivery';

/** A consumer reads a stream: if the connection is recovered, it is read on where the consumer has come to. */
export function follow({ id, host }: ChannelSession, consumer: Consumer): void {
  if (host.recoveryPolicy === undefined || consumer.noAck) {
    consumer.position = null;
    return;
  }
  consumer.position = StreamPosition.begin();
  const { tag: consumerTag, position } = consumer;
  const command = { command: 'follow', channel: id, consumerTag, position: position.cells } as const;
  host.pump.link.post(command satisfies Command);
}

/**
 * A message has come, perhaps of a stream that somebody else has declared: its first message says so, and the headers of
 * no other queue are looked at again. @returns whether it was handed out before
 */
export function isRepeated(session: ChannelSession, message: Delivery, consumer: Consumer): boolean {
  if (consumer.position === undefined) {
    if (message[STREAM_OFFSET] === undefined) consumer.position = null;
    else follow(session, consumer);
  }
  const { position } = consumer;
  const offset = position ? message[STREAM_OFFSET] : undefined;
  return offset !== undefined && position?.came(offset) === false;
}

/** The user gets a message now: a stream is to be read on behind it. */
export function handOut(message: Delivery, { position }: Consumer): void {
  const offset = position ? message[STREAM_OFFSET] : undefined;
  if (offset !== undefined) position?.handedOut(offset);
}
