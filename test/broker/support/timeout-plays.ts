import type { TableInput } from '../../../src/protocol/field-table';
import type { RawClient } from './raw-client';
import type { Play, Scene } from './scene';
import type { Step } from './scripts';

/** Milliseconds of a queue's patience, and of a pause in which it ends. */
const PATIENCE = 600;
const TOO_LONG = 1200;

const publish = (queue: string, body: string): Step => ['basic.publish', { routingKey: queue }, body];
const consume = (queue: string, consumerTag = 't', args: TableInput = {}): Step => [
  'basic.consume',
  { queue, consumerTag, arguments: args },
];
const ack = (deliveryTag: number, multiple = false): Step => ['basic.ack', { deliveryTag, multiple }];
const nack = (deliveryTag: number, requeue = true): Step => ['basic.nack', { deliveryTag, requeue }];
const reject = (deliveryTag: number): Step => ['basic.reject', { deliveryTag, requeue: true }];
const cancel = (consumerTag = 't'): Step => ['basic.cancel', { consumerTag }];
const prefetch = (prefetchCount: number): Step => ['basic.qos', { prefetchCount }];
const count = (queue: string): Step => ['queue.declare', { queue, passive: true }];

/** A consumer that has held the first of two messages for too long. */
async function late(scene: Scene, args: TableInput = {}): Promise<{ client: RawClient; queue: string }> {
  const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE, ...args });
  const client = await scene.client();
  await scene.do(client, prefetch(1), publish(queue, 'a'), publish(queue, 'b'), consume(queue));
  await scene.pause(TOO_LONG);
  return { client, queue };
}

/** And what it does then. */
const thenDo =
  (steps: (queue: string) => Step[], args: TableInput = {}): Play =>
  async (scene) => {
    const { client, queue } = await late(scene, args);
    await scene.do(client, count(queue), ...steps(queue), count(queue));
  };

/** What RabbitMQ 3.10 ends the connection with, by an internal error. */
export const PLAYS_SINCE_4: Readonly<Record<string, Play>> = {
  'what a cancelled consumer has not settled cancels the next one of its tag': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': 1200 });
    const client = await scene.client();
    await scene.do(client, prefetch(2), publish(queue, 'a'), consume(queue), cancel());
    await scene.do(client, consume(queue, 't', { 'x-consumer-timeout': 60_000 }));
    await scene.do(client, publish(queue, 'b'), publish(queue, 'c'));
    await scene.pause(2000);
    await scene.do(client, ack(1), ack(2));
  },
};

/** What becomes of messages that are held too long. */
export const TIMEOUT_PLAYS: Readonly<Record<string, Play>> = {
  'a late ack revives the consumer': thenDo(() => [ack(1), ack(2), ack(3)]),
  'a late nack without requeue does, too': thenDo(() => [nack(1, false), ack(2)]),
  'a late nack does not': thenDo((queue) => [nack(1), publish(queue, 'c'), cancel(), consume(queue)]),
  'a late reject does not': thenDo(() => [reject(1), cancel()]),
  'a late recover does not': thenDo(() => [['basic.recover', { requeue: true }], cancel()]),
  'a late nack where there is no limit': thenDo(() => [nack(1), cancel()], { 'x-delivery-limit': -1 }),
  'the consumer is cancelled by its client': thenDo((queue) => [cancel(), ack(1), consume(queue)]),
  'the same tag again': thenDo((queue) => [consume(queue)]),
  'its channel is closed': thenDo(() => [['channel.close'], ['channel.open']]),
  'the messages go to another consumer': async (scene) => {
    const { client, queue } = await late(scene);
    const other = await scene.client();
    await scene.do(other, consume(queue, 'other', { 'x-consumer-timeout': 60_000 }));
    await scene.do(client, ack(1), publish(queue, 'c'), publish(queue, 'd'));
    await scene.do(other, ack(1), ack(2));
  },
  'a limit of nothing': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': 0 });
    const client = await scene.client();
    await scene.do(client, consume(queue), publish(queue, 'a'), ack(1));
  },
  'the limit of the consumer is its own': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': 60_000 });
    const client = await scene.client();
    await scene.do(client, consume(queue, 't', { 'x-consumer-timeout': PATIENCE }), publish(queue, 'a'));
    await scene.pause(TOO_LONG);
  },
  'one message is late, the next not yet': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': 1500 });
    const client = await scene.client();
    await scene.do(client, consume(queue), publish(queue, 'a'));
    await scene.pause(900);
    await scene.do(client, publish(queue, 'b'));
    await scene.pause(700);
    await scene.do(client, ack(2), publish(queue, 'c'), ack(1));
  },
  'both are late, one after the other': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': 1000 });
    const client = await scene.client();
    await scene.do(client, consume(queue), publish(queue, 'a'));
    await scene.pause(500);
    await scene.do(client, publish(queue, 'b'));
    await scene.pause(2000);
    await scene.do(client, ack(1), ack(2));
  },
  'both are late, and settled at once': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE });
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), publish(queue, 'b'), consume(queue));
    await scene.pause(TOO_LONG);
    await scene.do(client, ack(2, true));
  },
  'a consumer that only gave back is served again when it settles another': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': 1500 });
    const client = await scene.client();
    await scene.do(client, consume(queue), publish(queue, 'a'));
    await scene.pause(900);
    await scene.do(client, publish(queue, 'b'));
    await scene.pause(700);
    await scene.do(client, nack(1), publish(queue, 'c'), ack(2));
  },
  'two consumers of one channel': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE });
    const client = await scene.client();
    await scene.do(client, prefetch(1), consume(queue, 'one'), consume(queue, 'two'));
    await scene.do(client, publish(queue, 'a'), publish(queue, 'b'));
    await scene.pause(TOO_LONG);
    await scene.do(client, ack(1), ack(2));
  },
  'a client that knows of no cancelled consumers': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE });
    const client = await scene.client({ clientProperties: {} });
    await scene.do(client, publish(queue, 'a'), consume(queue));
    await scene.pause(TOO_LONG);
  },
  'what was taken with get': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE });
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), ['basic.get', { queue }]);
    await scene.pause(TOO_LONG);
    await scene.do(client, ['channel.open'], ['basic.get', { queue }], ack(1));
  },
  'what a cancelled consumer has not settled': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE });
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), consume(queue), cancel());
    await scene.pause(TOO_LONG);
  },
  'a limit that a transaction does not keep': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE });
    const client = await scene.client();
    await scene.do(client, ['tx.select'], consume(queue));
    const other = await scene.client();
    await scene.do(other, publish(queue, 'a'));
    await scene.do(client, ack(1));
    await scene.pause(TOO_LONG);
    await scene.do(client, ['tx.commit']);
  },
  'a single active consumer': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE, 'x-single-active-consumer': true });
    const client = await scene.client();
    await scene.do(client, consume(queue, 'one'), consume(queue, 'two', { 'x-consumer-timeout': 60_000 }));
    await scene.do(client, publish(queue, 'a'));
    await scene.pause(TOO_LONG);
    await scene.do(client, ack(1), cancel('two'), publish(queue, 'b'), ack(3));
  },
  'a single active consumer that only gives back goes on': async (scene) => {
    const queue = await scene.quorum({ 'x-consumer-timeout': PATIENCE, 'x-single-active-consumer': true });
    const client = await scene.client();
    await scene.do(client, consume(queue, 'one'), publish(queue, 'a'));
    await scene.pause(TOO_LONG);
    await scene.do(client, nack(1), ack(2));
  },
  'those who hold messages are counted': async (scene) => {
    const queue = await scene.quorum();
    const client = await scene.client();
    await scene.do(client, ...[...'abc'].map((body) => publish(queue, body)), prefetch(1));
    await scene.do(client, ['basic.get', { queue }], ['basic.get', { queue }], consume(queue));
    await scene.do(client, count(queue), cancel(), count(queue), ack(3), count(queue), ack(1), count(queue));
  },
  'a classic queue has no limit': async (scene) => {
    const queue = scene.name('q');
    const client = await scene.client();
    await scene.do(client, ['queue.declare', { queue, exclusive: true }], publish(queue, 'a'));
    await scene.do(client, consume(queue, 't', { 'x-consumer-timeout': PATIENCE }));
    await scene.pause(TOO_LONG);
  },
};
