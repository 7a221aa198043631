/** What diagnostics channels and figures tell of a connection that is lost and comes back. */
import {
  type ConfirmedEvent,
  ConnectionLostError,
  type PublishOperation,
  type RecoveryEvent,
} from '../../src';
import { drainUntil, open, privateQueue, takeAll, thrownBy, unique } from '../support/connect';
import { factsOf, namesOf, toldDuring } from '../support/told';
import { loseAnswers, lossy } from './lost';

test('the loss and the recovery, each when it is noticed', () => {
  const { connection, lose, regain } = lossy();
  const told = toldDuring(() => {
    lose();
    regain();
  }, 'recovery');
  expect(namesOf(told)).toEqual(['recovery', 'recovery']);
  const [lost, recovered] = factsOf<RecoveryEvent>(told, 'recovery');
  expect(lost).toMatchObject({ connection, state: 'lost', error: expect.any(ConnectionLostError) });
  expect(lost?.info).toBeUndefined();
  expect(recovered).toMatchObject({ connection, state: 'recovered', error: lost?.error });
  expect(recovered?.info).toMatchObject({ epoch: 2, failures: [] });
});

test('what was counted is counted on', () => {
  const { connection, lose, regain } = lossy();
  const channel = connection.channel();
  const queue = privateQueue(channel, Buffer.alloc(10_000).toString());
  expect(channel.basicGet(queue, { noAck: true })).not.toBeNull();
  const before = connection.stats();
  expect(before).toMatchObject({ reconnects: 0, messagesIn: 1, messagesOut: 1 });
  lose();
  const during = connection.stats();
  expect(during.state).toBe('recovering');
  expect([during.bytesIn >= before.bytesIn, during.bytesOut >= before.bytesOut]).toEqual([true, true]);
  regain();
  channel.basicPublish('again', { routingKey: queue });
  expect(channel.basicGet(queue, { noAck: true })?.text).toBe('again');
  const after = connection.stats();
  expect(after).toMatchObject({ state: 'open', epoch: 2, reconnects: 1, messagesIn: 2, messagesOut: 2 });
  expect(after.bytesIn).toBeGreaterThan(during.bytesIn);
  expect(after.bytesOut).toBeGreaterThan(during.bytesOut);
});

test('a publish that is repeated is one operation, with two words about it', () => {
  const { connection, proxy } = lossy({ republish: true });
  const channel = connection.channel();
  channel.confirmSelect();
  const queue = unique('repeated');
  const keeper = open().channel();
  keeper.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
  const told = toldDuring(
    () => {
      loseAnswers(proxy);
      channel.basicPublish('surely', { routingKey: queue });
    },
    'publish',
    'confirm',
  );
  expect(namesOf(told).filter((name) => name.startsWith('publish'))).toEqual([
    'publish:start',
    'publish:end',
  ]);
  const words = factsOf<ConfirmedEvent>(told, 'confirm');
  expect(words.map(({ status, isRepeated }) => [status, isRepeated])).toEqual([
    ['unknown', true],
    ['acked', false],
  ]);
  const [operation] = factsOf<PublishOperation>(told, 'publish:end');
  expect(words.map(({ publish }) => publish)).toEqual([operation, operation]);
  expect(operation?.seqNo).toBe(words[1]?.seqNo);
  expect(new Set(takeAll(keeper, queue))).toEqual(new Set(['surely']));
  keeper.queueDelete(queue);
});

test('waitForConfirms that throws is an error to whoever listens', () => {
  const { connection, proxy } = lossy();
  const channel = connection.channel();
  channel.confirmSelect();
  proxy.stall({ mode: 'drop', direction: 'broker->client', connection: proxy.seen().connections });
  channel.basicPublish('x', { exchange: 'amq.fanout', wait: false });
  let error: unknown;
  const told = toldDuring(() => {
    error = thrownBy(() => channel.waitForConfirms({ timeout: 50 }));
  }, 'confirm');
  expect(namesOf(told)).toEqual(['confirm:start', 'confirm:error', 'confirm:end']);
  expect(told[1]!.facts).toMatchObject({ channel, unconfirmed: 1, error });
});

test('a publish that was to be repeated is told of where its channel is closed before', () => {
  const { connection, proxy } = lossy({ republish: true });
  const channel = connection.channel();
  channel.confirmSelect();
  const told = toldDuring(() => {
    loseAnswers(proxy);
    channel.basicPublish('perhaps', { exchange: 'amq.fanout', wait: false });
    drainUntil(connection, () => connection.epoch === 2);
    expect(connection.stats().unconfirmed).toBe(1);
    channel.close();
  }, 'confirm');
  const words = factsOf<ConfirmedEvent>(told, 'confirm');
  expect(words.map(({ status, isRepeated }) => [status, isRepeated])).toEqual([
    ['unknown', true],
    ['unknown', false],
  ]);
  expect(connection.stats().unconfirmed).toBe(0);
});
