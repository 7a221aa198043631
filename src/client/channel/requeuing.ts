import { clock } from '../../clock';
import { InterruptedError } from '../../errors';
import type { Args } from '../../protocol/method-types';
import { inVain } from '../callbacks';
import type { ChannelHost } from './channel-host';
import { type ChannelPart, PartList } from './channel-part';
import { ChannelSession } from './channel-session';
import { CONSUMER, type Delivery, GIVE_BACK } from './delivery';
import type { Answer } from './replies';

/** Milliseconds for which a queue that does not grow may still, while others consume: they may be taking what comes back. */
const STILL_MS = 100;
/** The same while nobody does: what comes back may expire, but a quorum queue on a busy disk or machine may be slow, too. */
const STILL_ALONE_MS = 1000;
const LONGEST_PAUSE_MS = 5;
const NORMALLY = { replyCode: 200, replyText: 'Normal shutdown' };

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
export function giveBack(
  channel: ChannelSession,
  queue: string,
  messages: readonly Delivery[],
  isTransactional: boolean,
): void {
  const count = messages.filter((message) => !message.isSettled && !message[CONSUMER]?.isStream).length;
  let watch: QueueWatch | undefined;
  try {
    if (count > 0 && !isTransactional && channel.isOpen) watch = new QueueWatch(channel.host, queue);
  } finally {
    unlessEnded(channel, () => {
      for (const message of messages) message[GIVE_BACK]();
    });
  }
  watch?.untilGrownBy(count);
}

/** Run what a channel that ends meanwhile makes pointless: its end is for the next call to tell. */
export function unlessEnded(channel: ChannelSession, act: () => void): void {
  try {
    channel.quietly(act);
  } catch (error) {
    if (channel.isOpen || error instanceof InterruptedError) throw error;
  }
}

/**
 * What a broker may say unasked on a channel that only asks: deliveries and the like of an earlier channel with the
 * number may come behind the open-ok, and mean nothing here.
 */
class Unasked implements ChannelPart {
  constructor(readonly channel: ChannelSession) {}

  readonly handlers = {
    'basic.deliver': ({ args }: Answer) => {
      const { late, unacked } = this.channel;
      const { deliveryTag } = args as Args<'basic.deliver'>;
      if (!late.includes(deliveryTag, unacked.nextOnWire)) unacked.add(deliveryTag, true);
    },
    'basic.cancel': () => {},
    'basic.return': () => {},
    'channel.flow': ({ args }: Answer) =>
      this.channel.respond('channel.flow-ok', { active: (args as Args<'channel.flow'>).active }),
  };
}

/** A queue whose messages are counted, on a channel of its own. */
class QueueWatch {
  #channel: ChannelSession | undefined;
  /** What was in it at the beginning; undefined: it cannot be watched. */
  #first: Args<'queue.declare-ok'> | undefined;

  constructor(
    readonly host: ChannelHost,
    readonly queue: string,
  ) {
    this.#bounded(() => {
      const channel = new ChannelSession(host, host.freeNumber());
      channel.parts = new PartList([new Unasked(channel)]);
      this.#channel = channel;
      channel.open();
      this.#first = this.#look(this.#channel);
    });
  }

  /** Wait, and end. */
  untilGrownBy(count: number): void {
    const channel = this.#channel;
    const first = this.#first;
    if (channel === undefined) return;
    this.#bounded(() => {
      if (first === undefined) return;
      this.#await(channel, first, count);
      this.#look(channel); // what the user gave back just before has been counted, too, and may have been the faster
    });
    const isAnswered = first !== undefined;
    this.#bounded(() => channel.close(NORMALLY, isAnswered ? this.host.callTimeout : 0));
  }

  #await(channel: ChannelSession, first: Args<'queue.declare-ok'>, count: number): void {
    const isQuorum = this.host.queues.isQuorum(this.queue);
    let most = -1;
    let grown = 0;
    for (let pause = 0; ; pause = Math.min(2 * pause + 1, LONGEST_PAUSE_MS)) {
      const { messageCount, consumerCount } = this.#look(channel);
      if (messageCount >= first.messageCount + count) return;
      // a quorum queue counts a consumer that was cancelled for as long as it has unsettled messages
      const others = isQuorum && consumerCount >= first.consumerCount ? consumerCount - 1 : consumerCount;
      const now = clock.now();
      if (messageCount > most) grown = now;
      else if (now - grown > (others > 0 ? STILL_MS : STILL_ALONE_MS)) return;
      most = Math.max(most, messageCount);
      this.host.pump.rest(now + pause);
    }
  }

  #look(channel: ChannelSession): Args<'queue.declare-ok'> {
    const { args } = channel.request('queue.declare', { queue: this.queue, passive: true }, {});
    return args as Args<'queue.declare-ok'>;
  }

  /** Within `callTimeout`. What fails is nobody's affair; an end of the connection is for the next call to tell. */
  #bounded(act: () => void): void {
    const { host } = this;
    host.events.within(host.callTimeout, () => host.quietly(() => inVain(act)));
  }
}
