/**
 * Calls of all kinds, at random, on a connection that is cut at random: it lives, its figures stay true, and whoever listens
 * hears the whole of it.
 */
import {
  AmqpError,
  type Channel,
  type ConfirmedEvent,
  type IncomingMessage,
  type PublishOperation,
} from '../../src';
import { chance } from '../support/chance';
import { open, pause, unique } from '../support/connect';
import { factsOf, type Told, toldDuring } from '../support/told';
import { cutAfter, lossy } from './lost';

const CALLS = 200;
/** What a call may end with here, and a function of the program. */
class Mine extends Error {}

function play(seed: number): { told: Told[]; wrong: unknown[] } {
  const random = chance(seed);
  const { connection, proxy } = lossy({ republish: seed % 2 === 0 }, { callTimeout: 3000 });
  const keeper = open().channel();
  const queue = unique('random');
  keeper.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 120_000 } });
  const held: IncomingMessage[] = [];
  const wrong: unknown[] = [];
  let channel: Channel;
  let tx: Channel;
  const reopen = () => {
    if (!channel?.isOpen) channel = connection.channel();
    if (!tx?.isOpen) tx = connection.channel();
    channel.confirmSelect();
    tx.txSelect();
    held.length = 0;
  };
  const calls: (() => void)[] = [
    () => channel.basicPublish('x'.repeat(random(3000)), { routingKey: queue }),
    () => channel.basicPublish('x', { routingKey: queue, wait: false }),
    () => channel.basicPublish('x', { routingKey: 'nowhere', mandatory: true }),
    () => {
      const body = (index: number) => ({ body: `${index}`, routingKey: index % 7 === 3 ? 'nowhere' : queue });
      channel.publishBatch(
        Array.from({ length: random(20) }, (_, index) => body(index)),
        {
          mandatory: true,
          window: 1 + random(5),
        },
      );
    },
    () => void channel.waitForConfirms(),
    () => {
      const message = channel.basicGet(queue);
      if (message !== null) held.push(message);
    },
    () => held.pop()?.ack(),
    () => held.pop()?.nack(),
    () => {
      channel.basicGet(queue)?.process(() => {
        if (random(3) === 0) throw new Mine();
      });
    },
    () => {
      for (const message of channel.consume(queue, { limit: 5, timeout: 30, prefetch: 10 })) {
        if (random(2) === 0) message.ack();
        if (random(8) === 0) break;
      }
    },
    () => {
      const tag = channel.basicConsume(queue, (message) => void (random(2) === 0 && message.ack()));
      try {
        connection.drainEvents({ timeout: 30 });
      } finally {
        channel.basicCancel(tag);
      }
    },
    () => {
      tx.basicPublish('t', { routingKey: queue });
      if (random(2) === 0) tx.txCommit();
      else tx.txRollback();
    },
    () => proxy.cut(),
    () => pause(random(60)),
    () => cutAfter(proxy, 1 + random(400)),
    () => channel.basicRecover({ requeue: true }),
    () => channel.close(),
    () => {
      proxy.cut();
      pause(random(10));
      if (connection.isAlive) channel.close(); // perhaps it has seen that the connection is lost, and no more
    },
    () => connection.channel().close(),
    () => void channel.queuePurge('no such queue'),
  ];
  const told = toldDuring(() => {
    for (let count = 0; count < CALLS; count++) {
      try {
        reopen();
        calls[random(calls.length)]!();
      } catch (error) {
        if (!(error instanceof AmqpError || error instanceof Mine)) wrong.push(error);
      }
      if (!connection.isOpen) throw connection.lastError;
      if (count % 20 > 0) continue; // they look at what has come, and much should happen unnoticed
      const figures = Object.values(connection.stats()).filter((figure) => typeof figure === 'number');
      if (figures.some((figure) => !(figure >= 0))) wrong.push(connection.stats());
    }
    proxy.up();
    channel.close();
    tx.close();
    expect(connection.stats()).toMatchObject({ state: 'open', unconfirmed: 0, unsettled: 0 });
    connection.close();
  });
  keeper.queueDelete(queue);
  return { told, wrong };
}

/** Operations lie within one another, and each ends once, behind its error if it has one. */
function complaints(told: readonly Told[]): string[] {
  const within: Told['facts'][] = [];
  return told.flatMap(({ name, facts }, index) => {
    if (name.endsWith(':start')) within.push(facts);
    if (name.endsWith(':error') && told[index + 1]?.facts !== facts)
      return [`${index}: ${name} is not the last but one`];
    if (!name.endsWith(':end') || within.pop() === facts) return [];
    return [`${index}: ${name} ends what has not begun last`];
  });
}

test.each([1, 2, 3])('seed %d', (seed) => {
  const { told, wrong } = play(seed);
  expect(wrong).toEqual([]);
  expect(complaints(told)).toEqual([]);
  const words = new Map<unknown, ConfirmedEvent[]>();
  for (const word of factsOf<ConfirmedEvent>(told, 'confirm'))
    words.set(word.publish, [...(words.get(word.publish) ?? []), word]);
  const published = factsOf<PublishOperation>(told, 'publish:end').filter(({ seqNo }) => seqNo !== undefined);
  // those that are repeated have further words, and all of them a last one
  for (const publish of published) {
    const all = words.get(publish) ?? [];
    expect(all.map(({ isRepeated }) => isRepeated)).toEqual(all.map((_, index) => index < all.length - 1));
    expect(all.length).toBeGreaterThan(0);
  }
});
