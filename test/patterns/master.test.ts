/** `Master` and `Worker`: tasks with arguments by name. */
import {
  compressedJsonSerializer,
  Master,
  type MasterOptions,
  NackMessage,
  type Queue,
  RejectMessage,
  retry,
  UnroutableError,
} from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, drainUntil, eventually, expectSilence, thrownBy, unique } from '../support/connect';

/** Where rejected tasks end. */
let dead: Queue;
let name: string;
useChannel();
beforeEach(() => {
  dead = channel.declareQueue();
  name = unique('tasks');
});

const drain = () => connection.drainEvents({ timeout: CEILING });
const mortal = () => ({ exclusive: true, deadLetterExchange: '', deadLetterRoutingKey: dead.name });
const corpse = () => dead.get({ noAck: true, timeout: CEILING });
const noCorpse = () => expect(dead.get({ timeout: 50 })).toBeNull();

it('tasks are done by workers, each once', () => {
  const seen: unknown[] = [];
  const master = new Master(channel);
  const worker = master.createWorker<{ n: number }>(name, ({ n }) => seen.push(n), { exclusive: true });
  expect(worker.queue).toMatchObject({ name, durable: true, exclusive: true, autoDelete: false });
  master.createTask(name, { n: 1 });
  name.split('.').reduce((proxy, part) => proxy[part] as typeof proxy, master.proxy)({ n: 2 });
  drainUntil(connection, () => seen.length === 2);
  expect(seen).toEqual([1, 2]);
  worker.close();
  worker.close();
  expect(worker.queue.status()).toMatchObject({ messageCount: 0, consumerCount: 0 });
});

it('a task is on the wire as aio-pika has it', () => {
  const queue = channel.declareQueue(name, { exclusive: true });
  const master = new Master(channel);
  master.createTask(name, { n: 1 }, { priority: 3, headers: { a: 1 } });
  master.createTask(name);
  const task = queue.get({ noAck: true });
  expect(task?.text).toBe('{"n":1}');
  expect(task?.properties).toMatchObject({
    contentType: 'application/json',
    deliveryMode: 2,
    priority: 3,
    headers: { a: 1 },
  });
  expect(queue.get({ noAck: true })?.text).toBe('{}');
});

it('a task may be compressed', () => {
  const queue = channel.declareQueue(name, { exclusive: true });
  const master = new Master(channel, { serializer: compressedJsonSerializer });
  master.createTask(name, { text: 'x'.repeat(1000) });
  const task = queue.get();
  expect(task?.properties.contentType).toBe('application/json;compression=gzip');
  expect(task?.body.length).toBeLessThan(200);
  task?.nack();
  let length = 0;
  const work = ({ text }: { text: string }) => {
    length = text.length;
  };
  master.createWorker(name, work, { passive: true });
  drain();
  expect(length).toBe(1000);
});

it('a task for which no worker has ever been there is an UnroutableError', () => {
  expect(thrownBy(() => new Master(channel).createTask(name))).toBeInstanceOf(UnroutableError);
});

describe('what a worker throws', () => {
  const throwing =
    (error: unknown, times = 1) =>
    () => {
      if (times-- > 0) throw error;
    };
  const work = (fn: () => unknown, options: MasterOptions = {}) => {
    const master = new Master(channel, options);
    const worker = master.createWorker(name, fn, mortal());
    master.createTask(name, { n: 1 });
    return worker;
  };

  it.each([
    ['RejectMessage', new RejectMessage()],
    ['NackMessage', new NackMessage()],
  ])('sends the task away if it is %s, and drainEvents goes on', (_, error) => {
    work(throwing(error));
    drain();
    expect(corpse()?.json).toEqual({ n: 1 });
  });

  it.each([
    ['RejectMessage', new RejectMessage({ requeue: true })],
    ['NackMessage', new NackMessage({ requeue: true })],
  ])('sends the task back if it is %s with requeue', (_, error) => {
    const worker = work(throwing(error));
    drain();
    drain();
    worker.close();
    expect(worker.queue.status().messageCount).toBe(0);
    noCorpse();
  });

  it('sends the task back if it is anything else, and is thrown', () => {
    work(throwing(new Error('failed')));
    expect(drain).toThrow('failed');
    drain();
    noCorpse();
  });

  it.each<[string, MasterOptions, number]>([
    ['requeue: false', { requeue: false }, 1],
    ['rejectOnRedelivered', { rejectOnRedelivered: true }, 2],
  ])('sends the task away with %s', (_, options, times) => {
    work(throwing(new Error('failed'), times), options);
    for (let time = 0; time < times; time++) expect(drain).toThrow('failed');
    expect(corpse()?.json).toEqual({ n: 1 });
  });

  it('goes to onError, which takes it', () => {
    const master = new Master(channel);
    const fail = throwing(new Error('failed'), 2);
    const worker = master.createWorker(name, fail, {
      exclusive: true,
      onError: retry({ max: 1, park: dead }),
    });
    master.createTask(name, { n: 1 });
    drain();
    drain();
    expect(corpse()?.properties.headers).toMatchObject({ 'x-retry-error': 'Error: failed' });
    worker.close();
  });

  it.each([{}, { requeue: false }])('a promise is refused, and the task goes back, with %o', (options) => {
    const onError = jest.fn();
    const master = new Master(channel, options);
    const worker = master.createWorker(name, async () => {}, { ...mortal(), onError });
    master.createTask(name);
    expect(drain).toThrow('createWorker: the function returned a promise, and its message was requeued');
    expect(onError).not.toHaveBeenCalled();
    worker.close();
    eventually(() => worker.queue.status().messageCount === 1);
  });
});

describe('poison', () => {
  it.each([
    ['no JSON', '{'],
    ['no object', '7'],
    ['a list', '[1]'],
  ])('%s is rejected, whatever requeue says', (_, body) => {
    const fn = jest.fn();
    const worker = new Master(channel, { requeue: true }).createWorker(name, fn, mortal());
    worker.queue.publish(body);
    expect(thrownBy(drain)).toMatchObject({ code: 'BAD_TASK', cause: expect.any(Error) });
    expect(corpse()?.text).toBe(body);
    expect(fn).not.toHaveBeenCalled();
    expectSilence(connection, 20);
  });

  it.each(['null', '0', '""', '{}'])('%s is no arguments', (body) => {
    const fn = jest.fn();
    using worker = new Master(channel).createWorker(name, fn, mortal());
    worker.queue.publish(body);
    drain();
    expect(fn).toHaveBeenCalledWith({});
  });
});

it('close requeues the tasks that the worker has not seen', () => {
  const master = new Master(channel);
  const worker = master.createWorker(name, () => {}, { exclusive: true, prefetch: 5 });
  for (const n of [1, 2]) master.createTask(name, { n });
  eventually(() => worker.queue.status().messageCount === 0);
  worker.close();
  eventually(() => worker.queue.status().messageCount === 2);
});

it.each<[string, (master: Master) => unknown]>([
  ['Master: channel must be a Channel', () => new Master(channel.connection as never)],
  ['unknown option "requeu"; did you mean "requeue"?', () => new Master(channel, { requeu: true } as never)],
  ['requeue must be true or false', () => new Master(channel, { requeue: 1 as never })],
  ['serializer must be an object', () => new Master(channel, { serializer: null as never })],
  ['queue must not be empty', (master) => master.createTask('')],
  ['kwargs must be an object, got an array', (master) => master.createTask('q', [])],
  [
    'unknown option "priorty"; did you mean "priority"?',
    (master) => master.createTask('q', {}, { priorty: 1 } as never),
  ],
  ['fn must be a function', (master) => master.createWorker('q', undefined as never)],
  ['unknown option "requeue"', (master) => master.createWorker('q', () => {}, { requeue: true } as never)],
  ['onError must be a function', (master) => master.createWorker('q', () => {}, { onError: 1 as never })],
  ['RejectMessage: unknown option "reque"', () => new RejectMessage({ reque: true } as never)],
  ['requeue must be true or false', () => new NackMessage({ requeue: 1 as never })],
])('wrong arguments of a master are refused in words: %s', (text, wrong) => {
  const error = thrownBy(() => wrong(new Master(channel)));
  expect(error.message).toContain(text);
  expect(error).toBeInstanceOf(TypeError);
  expect(channel.mode).toBe('none');
});
