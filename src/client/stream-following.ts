import type { Command } from '../protocol/session-options';
import { StreamPosition } from '../topology/stream-position';
import type { Channel } from './channel';
import type { Consumer } from './consumer';
import type { IncomingMessage } from './message';

/** A consumer reads a stream: if the connection is recovered, it is read on where the consumer has come to. */
export function follow(channel: Channel, consumer: Consumer): void {
  const { recovery, link } = channel.connection;
  if (recovery === undefined || consumer.noAck) {
    consumer.position = null;
    return;
  }
  consumer.position = StreamPosition.begin();
  const { tag: consumerTag, position } = consumer;
  const command = { command: 'follow', channel: channel.id, consumerTag, position: position.cells } as const;
  link.post(command satisfies Command);
}

/**
 * A message has come, perhaps of a stream that somebody else has declared: its first message says so, and the headers of
 * no other queue are looked at again. @returns whether it was handed out before
 */
export function isRepeated(message: IncomingMessage, consumer: Consumer): boolean {
  if (consumer.position === undefined) {
    if (message.streamOffset === undefined) consumer.position = null;
    else follow(message.channel, consumer);
  }
  const { position } = consumer;
  const offset = position ? message.streamOffset : undefined;
  return offset !== undefined && position?.came(offset) === false;
}

/** The user gets a message now: a stream is to be read on behind it. */
export function handOut(message: IncomingMessage, { position }: Consumer): void {
  const offset = position ? message.streamOffset : undefined;
  if (offset !== undefined) position?.handedOut(offset);
}
