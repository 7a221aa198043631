/** Publishes, confirms and transactions under which the connection is lost. */
import { ConnectionLostError, TimeoutError } from '../../src';
import { LARGE_MESSAGE, versionOf } from '../support/brokers/version';
import { count, eventually, open, takeAll, thrownBy, unique } from '../support/connect';
import { cutAfter, loseAnswers, lossy } from './lost';

function durable(): string {
  const queue = unique('durable');
  open()
    .channel()
    .queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
  return queue;
}

const contents = (queue: string) => takeAll(open().channel(), queue);

describe('a confirm that never comes', () => {
  test('is an error of that publish: nobody knows whether it has arrived', () => {
    const { connection, proxy } = lossy();
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = durable();
    loseAnswers(proxy);
    const error = thrownBy(() => channel.basicPublish('perhaps', { routingKey: queue }));
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({
      outcome: 'unknown',
      recoverable: true,
      cause: expect.any(ConnectionLostError),
    });
    channel.basicPublish('surely', { routingKey: queue });
    expect(contents(queue).at(-1)).toBe('surely');
  });

  test('with retry the message is published until one does', () => {
    const { connection, proxy, recoveries } = lossy();
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = durable();
    for (let round = 1; round <= 3; round++) {
      if (round === 2) loseAnswers(proxy);
      else cutAfter(proxy, 30);
      channel.basicPublish(`message ${round}`, { routingKey: queue, retry: true });
    }
    const found = contents(queue);
    expect([...new Set(found)]).toEqual(['message 1', 'message 2', 'message 3']);
    connection.loop({ timeout: 0 });
    expect(recoveries.length).toBeGreaterThanOrEqual(3);
  });

  test('recovery.republish is retry for all of them; wait: false is for waitForConfirms', () => {
    const { connection, lose, regain } = lossy({ republish: true });
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = durable();
    const buffer = Buffer.from('first one');
    lose();
    expect(
      thrownBy(() => channel.basicPublish('too late', { routingKey: queue, timeout: 30 })),
    ).toBeInstanceOf(TimeoutError);
    regain();
    channel.basicPublish(buffer, { routingKey: queue, wait: false });
    buffer.fill('x');
    lose();
    regain();
    expect(channel.waitForConfirms()).toBe(true);
    expect([...new Set(contents(queue))]).toEqual(['first one']);
  });

  test('a publish that was given up is not repeated: its caller has been told, and may use its buffer again', () => {
    const { connection, proxy } = lossy({ republish: true });
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = durable();
    const { connections } = proxy.seen();
    proxy.stall({ connection: connections });
    const error = thrownBy(() => channel.basicPublish('given up', { routingKey: queue, timeout: 50 }));
    expect(error).toMatchObject({ name: 'TimeoutError', outcome: 'unknown' });
    proxy.cut({ connection: connections });
    channel.basicPublish('next', { routingKey: queue });
    expect(thrownBy(() => channel.waitForConfirms())).toMatchObject({ outcome: 'unknown' }); // of the one given up
    expect(channel.waitForConfirms()).toBe(true);
    expect(contents(queue)).toEqual(['next']);
  });

  test('without retry, waitForConfirms throws', () => {
    const { connection, proxy } = lossy();
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = durable();
    loseAnswers(proxy);
    channel.basicPublish('perhaps', { routingKey: queue, wait: false });
    expect(thrownBy(() => channel.waitForConfirms())).toMatchObject({ outcome: 'unknown' });
    expect(channel.waitForConfirms()).toBe(true);
  });

  test('of a batch that was left meanwhile, waitForConfirms throws', () => {
    const { connection, proxy, recoveries } = lossy();
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = durable();
    loseAnswers(proxy);
    function* bodies() {
      yield 'perhaps';
      while (recoveries.length === 0) connection.loop({ timeout: 20 });
      throw new Error('no more');
    }
    expect(() => channel.publishBatch(bodies(), { routingKey: queue, retry: true })).toThrow('no more');
    expect(thrownBy(() => channel.waitForConfirms())).toMatchObject({ outcome: 'unknown' });
    expect(channel.waitForConfirms()).toBe(true);
  });

  test('publishBatch says which are unknown, and with retry there are none', () => {
    const { connection, proxy } = lossy();
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = durable();
    const bodies = Array.from({ length: 300 }, (_, index) => `${index}`);
    cutAfter(proxy, 6000);
    const results = channel.publishBatch(bodies, { routingKey: queue, window: 50 });
    const lost = bodies.filter((_, index) => results[index]?.status !== 'acked');
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['acked', 'unknown']));
    const found = contents(queue);
    for (const [index, body] of bodies.entries())
      if (results[index]?.status === 'acked') expect(found).toContain(body);
    expect(lost.length).toBeLessThanOrEqual(50);
    cutAfter(proxy, 6000);
    const again = channel.publishBatch(bodies, { routingKey: queue, window: 50, retry: true });
    expect(again.every(({ status }) => status === 'acked')).toBe(true);
    expect(new Set(contents(queue))).toEqual(new Set(bodies));
  });
});

test('a large message that is cut in the middle is published from its beginning', () => {
  const { connection, proxy, recoveries } = lossy();
  const channel = connection.channel();
  channel.confirmSelect();
  const queue = durable();
  // more than rings and sockets hold: the cut comes while it is written
  const body = Buffer.alloc(Math.min(32 * 2 ** 20, LARGE_MESSAGE[versionOf(connection)]), 'body');
  cutAfter(proxy, 1024 * 1024);
  channel.basicPublish(body, { routingKey: queue });
  connection.loop({ timeout: 0 });
  expect(recoveries).toHaveLength(1);
  const message = open().channel().basicGet(queue, { noAck: true });
  expect(message?.body.equals(body)).toBe(true);
});

test('a publish during an outage waits for its end, or its limit', () => {
  const { connection, proxy, lose } = lossy();
  const channel = connection.channel();
  const queue = durable();
  lose();
  const late = thrownBy(() => channel.basicPublish('late', { routingKey: queue, timeout: 50 }));
  expect(late).toBeInstanceOf(TimeoutError);
  expect(late).toMatchObject({ outcome: 'not-sent' });
  expect(late.message).toMatch(/being recovered: the connection to .* was lost/);
  proxy.up();
  channel.basicPublish('in time', { routingKey: queue });
  eventually(() => count(open().channel(), queue) === 1);
  expect(contents(queue)).toEqual(['in time']);
});

describe('a transaction', () => {
  test('under whose commit the connection is lost is unknown', () => {
    const { connection, proxy } = lossy();
    const channel = connection.channel();
    channel.txSelect();
    const queue = durable();
    channel.basicPublish('perhaps', { routingKey: queue });
    connection.flush();
    loseAnswers(proxy);
    expect(thrownBy(() => channel.txCommit())).toMatchObject({ outcome: 'unknown', recoverable: true });
    channel.basicPublish('surely', { routingKey: queue });
    channel.txCommit();
    expect(contents(queue).at(-1)).toBe('surely');
  });

  test('that had begun before is refused as a whole: nothing of it is committed', () => {
    const { connection, lose, regain } = lossy();
    const channel = connection.channel();
    channel.txSelect();
    const queue = durable();
    channel.basicPublish('first half', { routingKey: queue });
    lose();
    regain();
    channel.basicPublish('second half', { routingKey: queue });
    expect(thrownBy(() => channel.txCommit())).toMatchObject({
      code: 'TRANSACTION_LOST',
      outcome: 'rejected',
    });
    channel.basicPublish('another', { routingKey: queue });
    channel.txCommit();
    expect(contents(queue)).toEqual(['another']);
  });

  test('that had not begun does not notice; rollback and transaction() know what to do', () => {
    const { connection, lose, regain } = lossy();
    const channel = connection.channel();
    channel.txSelect();
    const queue = durable();
    lose();
    regain();
    channel.basicPublish('one', { routingKey: queue });
    channel.txCommit();
    channel.basicPublish('lost', { routingKey: queue });
    lose();
    regain();
    channel.txRollback();
    channel.txCommit();
    const error = thrownBy(() =>
      channel.transaction(() => {
        channel.basicPublish('two', { routingKey: queue });
        lose();
        regain();
        channel.basicPublish('three', { routingKey: queue });
      }),
    );
    expect(error).toMatchObject({ code: 'TRANSACTION_LOST' });
    channel.transaction(() => channel.basicPublish('four', { routingKey: queue }));
    expect(contents(queue)).toEqual(['one', 'four']);
  });
});
