import type { TableInput } from '../../../src/protocol/field-table';
import type { RawClient } from './raw-client';
import type { Play, Scene } from './scene';
import type { Step } from './scripts';

/** Milliseconds before a message comes again, and of a pause in which it does. */
const DELAY = 900;
const LONG_ENOUGH = 1200;

const publish = (queue: string, body: string, properties = {}): Step => [
  'basic.publish',
  { routingKey: queue },
  body,
  properties,
];
const get = (queue: string): Step => ['basic.get', { queue }];
const consume = (queue: string): Step => ['basic.consume', { queue, consumerTag: 't', noAck: true }];
const nack = (deliveryTag: number): Step => ['basic.nack', { deliveryTag, requeue: true }];
const reject = (deliveryTag: number): Step => ['basic.reject', { deliveryTag, requeue: true }];
const count = (queue: string): Step => ['queue.declare', { queue, passive: true }];

const delayed = (type: unknown, min: unknown = DELAY, max?: unknown): TableInput =>
  ({
    'x-delayed-retry-type': type,
    'x-delayed-retry-min': min,
    ...(max === undefined ? {} : { 'x-delayed-retry-max': max }),
  }) as TableInput;

async function with2(scene: Scene, args: TableInput): Promise<{ client: RawClient; queue: string }> {
  const queue = await scene.quorum(args);
  const client = await scene.client();
  await scene.do(client, publish(queue, 'a'), publish(queue, 'b'), get(queue), get(queue));
  return { client, queue };
}

/** A message that is nacked, and one that is rejected: which of them come again at once, and which later? */
const both =
  (args: TableInput): Play =>
  async (scene) => {
    const { client, queue } = await with2(scene, args);
    await scene.do(client, nack(1), reject(2), count(queue), consume(queue));
    await scene.pause(LONG_ENOUGH);
  };

/** Pauses before messages come again to a quorum queue. */
export const RETRY_PLAYS: Readonly<Record<string, Play>> = {
  ...Object.fromEntries(
    [
      delayed('all'),
      delayed('failed'),
      delayed('returned'),
      delayed('disabled'),
      delayed('odd'),
      delayed(5),
      delayed('all', 0),
      delayed('all', -1),
      delayed('all', 'a'),
      delayed('all', 5000, 700),
      delayed('all', DELAY, 'a'),
      delayed('all', DELAY, 0),
      { 'x-delayed-retry-type': 'all' },
      { 'x-delayed-retry-min': DELAY },
      { ...delayed('all'), 'x-delivery-limit': -1 },
    ].map((args) => [JSON.stringify(args), both(args)]),
  ),
  'a second failure waits twice as long, but no longer than the longest': async (scene) => {
    const queue = await scene.quorum(delayed('all', 600, 1400));
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), ['basic.consume', { queue, consumerTag: 't' }], reject(1));
    await scene.pause(900);
    await scene.do(client, reject(2));
    await scene.pause(700);
    await scene.pause(700);
    await scene.do(client, reject(3));
    await scene.pause(900);
    await scene.pause(700);
  },
  'a nack waits no longer the second time': async (scene) => {
    const queue = await scene.quorum(delayed('all', 600, 5000));
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), ['basic.consume', { queue, consumerTag: 't' }], nack(1));
    await scene.pause(900);
    await scene.do(client, nack(2));
    await scene.pause(900);
  },
  'the limit comes first': async (scene) => {
    const queue = await scene.quorum({ ...delayed('all'), 'x-delivery-limit': 0 });
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), get(queue), reject(1));
    await scene.pause(LONG_ENOUGH);
    await scene.do(client, get(queue));
  },
  'a purge takes them, too': async (scene) => {
    const { client, queue } = await with2(scene, delayed('all'));
    await scene.do(client, nack(1), reject(2), count(queue), ['queue.purge', { queue }]);
    await scene.pause(LONG_ENOUGH);
    await scene.do(client, get(queue));
  },
  'they count for the length of the queue': async (scene) => {
    const { client, queue } = await with2(scene, { ...delayed('all'), 'x-max-length': 2 });
    await scene.do(client, nack(1), reject(2), publish(queue, 'c'), count(queue));
    await scene.pause(LONG_ENOUGH);
    await scene.do(client, get(queue), get(queue), get(queue));
  },
  'they count for the length of a queue that refuses': async (scene) => {
    const limits = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    const { client, queue } = await with2(scene, { ...delayed('all'), ...limits });
    await scene.do(client, ['confirm.select'], nack(1), reject(2), publish(queue, 'c'), publish(queue, 'd'));
    await scene.pause(LONG_ENOUGH);
    await scene.do(client, get(queue), get(queue), get(queue));
  },
  'they come before what is new, and what expires meanwhile does not come': async (scene) => {
    const queue = await scene.quorum(delayed('all'));
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), publish(queue, 'brief', { expiration: '700' }));
    await scene.do(client, get(queue), get(queue), nack(1), nack(2), publish(queue, 'new', { priority: 9 }));
    await scene.pause(LONG_ENOUGH);
    await scene.do(client, count(queue), get(queue), get(queue), get(queue));
  },
  'what a closed channel had has failed': async (scene) => {
    const { client, queue } = await with2(scene, delayed('failed'));
    await scene.do(client, ['channel.close'], ['channel.open'], consume(queue));
    await scene.pause(LONG_ENOUGH);
  },
  'what is late was returned': async (scene) => {
    const queue = await scene.quorum({ ...delayed('returned'), 'x-consumer-timeout': 500 });
    const client = await scene.client();
    await scene.do(client, publish(queue, 'a'), ['basic.consume', { queue, consumerTag: 't' }]);
    await scene.pause(800);
    await scene.do(client, count(queue), ['basic.ack', { deliveryTag: 1 }]);
    await scene.pause(LONG_ENOUGH);
  },
};
