/** Clients that do not read: what waits for them stays bounded, and nobody is forgotten, nor waited for in vain. */
import type { EmbeddedBroker } from '../../src';
import { eventually } from '../support/connect';
import { embedded } from './support/pair';
import { RawClient, type Received } from './support/raw-client';

const SIZE = 10_000;
const body = Buffer.alloc(SIZE, 'x');

async function channels(client: RawClient, ...numbers: number[]): Promise<void> {
  for (const number of numbers) await client.call(number, 'channel.open');
}

/** Queues with as many messages of 10 kB each, and a client that has them. */
async function filled(broker: EmbeddedBroker, names: string[], messages: number): Promise<RawClient> {
  const client = await RawClient.open(broker.url);
  await channels(client, 1);
  await client.call(1, 'confirm.select');
  for (const queue of names) {
    await client.call(1, 'queue.declare', { queue, durable: true });
    for (let n = 0; n < messages; n++) client.publish(1, { routingKey: queue }, body);
  }
  await client.until(() => broker.queues().every(({ messageCount }) => messageCount === messages));
  return client;
}

const ready = (broker: EmbeddedBroker) => broker.queues().map(({ messageCount }) => messageCount);
const deliveries = (received: readonly Received[]) =>
  received.filter(({ name }) => name === 'basic.deliver').length;

describe('a client that does not read', () => {
  test.each([{ noAck: true }, { noAck: false }])('is sent no more than it has room for, %j', async (how) => {
    const broker = embedded();
    const owner = await filled(broker, ['q'], 2000);
    const reader = await RawClient.open(broker.url);
    await channels(reader, 1);
    reader.socket.pause();
    reader.send(1, 'basic.consume', { queue: 'q', consumerTag: 'tag', ...how });
    await owner.until(() => ready(broker)[0]! < 2000);
    await owner.after(300);
    expect(ready(broker)[0]).toBeGreaterThan(1000); // of 20 MB; the kernel takes some, too
    reader.send(1, 'basic.get', { queue: 'q', noAck: true }); // an answer, for which there is room in any case
    reader.socket.resume();
    await reader.until(() => deliveries(reader.received) === (reader.received.some(isGot) ? 1999 : 2000));
    eventually(() => ready(broker)[0] === 0);
    reader.end();
    owner.end();
  });

  test('gets messages of all its queues alike when it reads again', async () => {
    const broker = embedded();
    const names = ['a', 'b', 'c'];
    const owner = await filled(broker, names, 1500);
    const reader = await RawClient.open(broker.url);
    await channels(reader, 1, 2, 3);
    reader.socket.pause();
    for (const channel of [1, 2, 3]) {
      for (const queue of names)
        reader.send(channel, 'basic.consume', { queue, consumerTag: queue, noAck: true });
    }
    // a little at a time, as a slow reader does
    for (let round = 0; round < 400 && Math.min(...ready(broker)) > 500; round++) {
      reader.socket.resume();
      await owner.after(1);
      reader.socket.pause();
      await owner.after(2);
    }
    // the one that is read most is not read out before another has begun
    expect(Math.max(...ready(broker))).toBeLessThan(1400);
    reader.socket.resume();
    await reader.until(() => deliveries(reader.received) === 4500);
    reader.end();
    owner.end();
  });

  test('whose queue has a single active consumer gets the rest when it reads again', async () => {
    const broker = embedded();
    const client = await RawClient.open(broker.url);
    await channels(client, 1);
    await client.call(1, 'queue.declare', {
      queue: 'q',
      durable: true,
      arguments: { 'x-single-active-consumer': true },
    });
    await client.call(1, 'basic.consume', { queue: 'q', consumerTag: 'tag', noAck: true });
    client.socket.pause();
    for (let n = 0; n < 2000; n++) client.publish(1, { routingKey: 'q' }, body);
    await client.after(300);
    client.socket.resume();
    await client.until(() => deliveries(client.received) === 2000);
    client.end();
  });

  test('is given up if it sends no heartbeats, though much waits for it', async () => {
    const broker = embedded({ heartbeat: 1 });
    const owner = await filled(broker, ['q'], 2000);
    const dead = await RawClient.open(broker.url, { heartbeat: 1 });
    await channels(dead, 1);
    dead.socket.pause();
    dead.send(1, 'basic.consume', { queue: 'q', consumerTag: 'tag' });
    await owner.until(() => broker.queues()[0]!.unacknowledged > 0);
    const beat = setInterval(() => owner.write(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce])), 300);
    await owner.until(() => broker.queues()[0]!.unacknowledged === 0);
    clearInterval(beat);
    expect(ready(broker)).toEqual([2000]);
    dead.end();
    owner.end();
  });

  test('gets all that was sent, and the answer to its close, however late it reads', async () => {
    const broker = embedded({ heartbeat: 1 });
    const owner = await filled(broker, ['q'], 1000);
    const reader = await RawClient.open(broker.url, { heartbeat: 1 });
    await channels(reader, 1);
    reader.socket.pause();
    // answers, which are not held back: more than the kernel takes. The close comes with the requests
    reader.socket.cork();
    for (let n = 0; n < 1000; n++) reader.send(1, 'basic.get', { queue: 'q', noAck: true });
    reader.send(0, 'connection.close');
    reader.socket.uncork();
    await reader.after(2000);
    reader.socket.resume();
    await reader.until(() => reader.closed);
    expect(reader.received.filter(isGot)).toHaveLength(1000);
    expect(reader.received.at(-1)?.name).toBe('connection.close-ok');
    owner.end();
  });
});

function isGot({ name }: Received): boolean {
  return name === 'basic.get-ok';
}
