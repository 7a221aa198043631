/** A broker of its own that is operated on: connections closed by rabbitmqctl, crashes, restarts, passwords. */
import { readFileSync } from 'node:fs';
import {
  AuthenticationError,
  type Connection,
  ConnectionForcedError,
  connect,
  type IncomingMessage,
} from '../../src';
import { describeNode } from '../support/brokers/on-rabbitmq';
import { type PrivateRabbitmq, startRabbitmq } from '../support/brokers/rabbitmq';
import { CEILING, drainUntil, eventually, pause, thrownBy, unique } from '../support/connect';
import { startProxy } from '../support/peers/proxy';
import { SOON } from './lost';

let rabbitmq: PrivateRabbitmq;
let connections: Connection[] = [];

function open(url = rabbitmq.url): Connection {
  const connection = connect(url, { recovery: SOON, callTimeout: 60_000, connectTimeout: CEILING });
  connections.push(connection);
  return connection;
}

/** `queue consumer_tag`, of each consumer there is. */
function consumers(): string[] {
  const each = '{queue_name, {_, _, queue, Queue}}, _, {consumer_tag, Tag}';
  const found = rabbitmq.eval(
    `[<<Queue/binary, " ", Tag/binary>> || [${each} | _] <- rabbit_amqqueue:consumers_all(<<"/">>)]`,
  );
  return [...found.matchAll(/<<"(.*?)">>/g)].map(([, consumer]) => consumer!);
}

const closeAll = () => rabbitmq.closeConnections('closed by the test');

describeNode('with a broker of its own', () => {
  beforeAll(async () => {
    rabbitmq = await startRabbitmq({ tls: true });
  }, 300_000);
  afterAll(() => rabbitmq?.stop());
  afterEach(() => {
    for (const connection of connections) connection.close({ timeout: 1000 });
    connections = [];
  });

  it('an operator closes the connection: the consumer is there again, once', () => {
    const connection = open();
    const channel = connection.channel();
    const queue = unique('forced');
    channel.queueDeclare(queue, { exclusive: true });
    const causes: unknown[] = [];
    connection.onRecovery = ({ cause }) => causes.push(cause);
    const got: string[] = [];
    channel.basicConsume(queue, (message) => got.push(message.text), { noAck: true, consumerTag: 'me' });
    for (let round = 1; round <= 3; round++) {
      closeAll();
      eventually(() => connection.isAlive && connection.epoch === round + 1, CEILING);
      expect(consumers()).toEqual([`${queue} me`]);
      channel.basicPublish(`${round}`, { routingKey: queue });
      drainUntil(connection, () => got.length === round);
    }
    connection.loop({ timeout: 0 });
    expect(causes).toHaveLength(3);
    expect(causes[0]).toBeInstanceOf(ConnectionForcedError);
  });

  it('a crash and a restart: durable things are found, the others made again', async () => {
    const connection = open();
    const channel = connection.channel();
    channel.confirmSelect();
    const [kept, fleeting] = [unique('kept'), unique('fleeting')];
    channel.queueDeclare(kept, { durable: true });
    channel.queueDeclare(fleeting, { exclusive: true });
    channel.queueBind(fleeting, 'amq.fanout');
    // RabbitMQ forgets a durable queue if it crashes in the very moment after the declare-ok
    rabbitmq.eval('mnesia:sync_log()');
    channel.basicPublish('safe', { routingKey: kept, deliveryMode: 2 });
    await rabbitmq.kill();
    eventually(() => {
      connection.loop({ timeout: 0 });
      return connection.state === 'recovering';
    }, CEILING);
    await rabbitmq.start();
    let message: IncomingMessage | null = null;
    eventually(() => {
      message ??= channel.basicGet(kept);
      return message !== null;
    }, CEILING);
    expect(message!).toMatchObject({ text: 'safe' });
    message!.ack();
    channel.basicPublish('again', { exchange: 'amq.fanout' });
    expect(channel.basicGet(fleeting, { noAck: true })?.text).toBe('again');
    channel.queueDelete(kept);
  }, 300_000);

  it('the password is changed during an outage: that is the end', () => {
    rabbitmq.addUser('visitor', 'first');
    const connection = open(rabbitmq.url.replace('guest:guest', 'visitor:first'));
    connection.channel();
    rabbitmq.eval('rabbit_auth_backend_internal:change_password(<<"visitor">>, <<"second">>, <<"test">>)');
    closeAll();
    const error = thrownBy(() => {
      for (;;) connection.drainEvents({ timeout: 60_000 });
    });
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(connection.state).toBe('closed');
  });

  it('the connection is recovered over TLS', () => {
    const tls = { ca: readFileSync(rabbitmq.ca as string) };
    const connection = connect(rabbitmq.amqpsUrl, { tls, recovery: SOON, callTimeout: 60_000 });
    connections.push(connection);
    const channel = connection.channel();
    const queue = channel.declareQueue();
    const got: string[] = [];
    queue.subscribe((message) => got.push(message.text));
    for (let round = 1; round <= 3; round++) {
      closeAll();
      eventually(() => connection.isAlive && connection.epoch === round + 1, CEILING);
      queue.publish(`${round}`, { retry: true });
      drainUntil(connection, () => got.length === round);
    }
    expect(connection.stats().tls).toMatch(/^TLS/);
  });

  it('a dead network is noticed by its heartbeats, and what is locked meanwhile is waited for', () => {
    using proxy = startProxy(rabbitmq.url);
    const connection = connect(proxy.url, { recovery: SOON, heartbeat: 1, callTimeout: 60_000 });
    connections.push(connection);
    const channel = connection.channel();
    const queue = unique('half-open');
    channel.queueDeclare(queue, { exclusive: true });
    const causes: string[] = [];
    connection.onRecovery = ({ cause, failures }) =>
      causes.push(cause.code, ...failures.map(({ name }) => name));
    proxy.stall({ connection: 1 });
    expect(channel.queueDeclare(queue, { exclusive: true }).queue).toBe(queue);
    connection.loop({ timeout: 0 });
    expect(causes).toEqual(['HEARTBEAT_TIMEOUT']);
    proxy.heal();
  });

  it('an exclusive queue that another connection has got is waited for', () => {
    using proxy = startProxy(rabbitmq.url);
    const connection = open(proxy.url);
    const channel = connection.channel();
    const queue = unique('locked');
    channel.queueDeclare(queue, { exclusive: true });
    const failures: unknown[] = [];
    connection.onRecovery = (info) => failures.push(...info.failures);
    proxy.down();
    proxy.cut();
    const thief = connect(rabbitmq.url);
    connections.push(thief);
    eventually(() => thief.isOpen && hasTaken(thief, queue), CEILING);
    proxy.up();
    pause(700);
    expect(connection.isAlive && connection.state).toBe('recovering');
    thief.close();
    expect(channel.queueDeclare(queue, { exclusive: true }).queue).toBe(queue);
    connection.loop({ timeout: 0 });
    expect(failures).toEqual([]);
  });
});

/** It is exclusive to this connection now. */
function hasTaken(thief: Connection, queue: string): boolean {
  try {
    thief.channel().queueDeclare(queue, { exclusive: true });
    return true;
  } catch {
    return false; // the lost connection has it still
  }
}
