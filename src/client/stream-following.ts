import type { Command } from '../protocol/session-options';
import { StreamPosition } from '../topology/stream-position';
import type { Channel } from './channel';
import type { Consumer } from './consumer';
import type { IncomingMessage } from './message';

/** A consumer reads a stream: if the connection is recovered, it is read on where the consumer has come to. */
export function follow(channel: Channel, consumer: Consumer): void {
  const { recovery, link } = channel.connection;
  if (recovery === undefined || consumer.noAck) return;
  consumer.position = StreamPosition.begin();
  const { tag: consumerTag, position } = consumer;
  const command = { command: 'follow', channel: channel.id, consumerTag, position: position.cells } as const;
  link.post(command satisfies Command);
}

/** A message has come, perhaps of a stream that somebody else has declared. @returns whether it was handed out before */
export function isRepeated({ channel, streamOffset }: IncomingMessage, consumer: Consumer): boolean {
  if (streamOffset === undefined) return false;
  if (consumer.position === undefined) follow(channel, consumer);
  return consumer.position?.came(streamOffset) === false;
}

/** The user gets a message now: a stream is to be read on behind it. */
export function handOut({ streamOffset }: IncomingMessage, { position }: Consumer): void {
  if (streamOffset !== undefined) position?.handedOut(streamOffset);
}
