import { clock } from '../clock';
import { InterruptedError } from '../errors';
import type { Channel } from './channel';
import type { DeclaredQueue } from './channel-topology';
import type { Connection } from './connection';
import { type IncomingMessage, inVain } from './message';

/** Milliseconds for which a queue that does not grow may still, while others consume: they may be taking what comes back. */
const PATIENCE_MS = 100;
/** The same while nobody does: what comes back may expire, but a quorum queue on a busy disk or machine may be slow, too. */
const PATIENCE_ALONE_MS = 1000;
const LONGEST_PAUSE_MS = 5;

/**
 * Give messages of one queue back, and wait until they are there.
 *
 * A broker does not answer basic.nack, and what is asked next may overtake it: RabbitMQ's classic queues count their
 * messages before they look at what comes back, its quorum queues first agree on it and then append it. So the queue
 * is watched until it has grown by as many. That is done on a channel of its own, as a queue that has gone meanwhile
 * (autoDelete) closes the channel that asks for it.
 *
 * Whatever goes wrong with the watching is no error of those who give back: they have. In a transaction there is
 * nothing to wait for, the broker takes messages back with the commit.
 * @throws {InterruptedError} Ctrl-C
 */
export function giveBack(channel: Channel, queue: string, messages: readonly IncomingMessage[]): void {
  const count = messages.filter((message) => !message.isSettled && !message.consumer?.isStream).length;
  let watch: QueueWatch | undefined;
  try {
    if (count > 0 && channel.mode !== 'tx' && channel.isOpen)
      watch = new QueueWatch(channel.connection, queue);
  } finally {
    unlessEnded(channel, () => {
      for (const message of messages) message[Symbol.dispose]();
    });
  }
  watch?.untilGrownBy(count);
}

/** Run what a channel that ends meanwhile makes pointless: its end is for the next call to tell. */
export function unlessEnded(channel: Channel, act: () => void): void {
  try {
    channel.quietly(act);
  } catch (error) {
    if (channel.isOpen || error instanceof InterruptedError) throw error;
  }
}

/** A queue whose messages are counted, on a channel of its own. */
class QueueWatch {
  #channel: Channel | undefined;
  /** Messages at the beginning; undefined: it cannot be watched. */
  #first: number | undefined;

  constructor(
    readonly connection: Connection,
    readonly queue: string,
  ) {
    this.#bounded(() => {
      this.#channel = connection.channel();
      this.#first = this.#look(this.#channel).messageCount;
    });
  }

  /** Wait, and end. */
  untilGrownBy(count: number): void {
    const channel = this.#channel;
    const first = this.#first;
    if (channel === undefined) return;
    this.#bounded(() => {
      if (first === undefined) return;
      this.#await(channel, first + count);
      this.#look(channel); // what the user gave back just before has been counted, too, and may have been the faster
    });
    const isAnswered = first !== undefined;
    this.#bounded(() => channel.close({ timeout: isAnswered ? this.connection.callTimeout : 0 }));
  }

  #await(channel: Channel, wanted: number): void {
    let most = -1;
    let grown = 0;
    for (let pause = 0; ; pause = Math.min(2 * pause + 1, LONGEST_PAUSE_MS)) {
      const { messageCount, consumerCount } = this.#look(channel);
      if (messageCount >= wanted) return;
      const now = clock.now();
      if (messageCount > most) grown = now;
      else if (now - grown > (consumerCount > 0 ? PATIENCE_MS : PATIENCE_ALONE_MS)) return;
      most = Math.max(most, messageCount);
      this.connection.pump.rest(now + pause);
    }
  }

  #look(channel: Channel): DeclaredQueue {
    return channel.queueDeclare(this.queue, { passive: true });
  }

  /** Within `callTimeout`. What fails is nobody's affair; an end of the connection is for the next call to tell. */
  #bounded(act: () => void): void {
    const { connection } = this;
    connection.withDeadline(connection.callTimeout, () => connection.quietly(() => inVain(act)));
  }
}
