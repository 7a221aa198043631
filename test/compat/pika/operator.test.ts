/** pika's facade and a broker of its own: its TLS, and what operators and accidents do to it. */
import * as pika from '../../../src/compat/pika';
import { describeNode } from '../../support/brokers/on-rabbitmq';
import { type PrivateRabbitmq, startRabbitmq } from '../../support/brokers/rabbitmq';
import { eventually } from '../../support/connect';
import { expectCount, privateQueue } from '../../support/facades/pika';
import { duration, errorOf } from '../../support/peers/peer';

const { ConnectionBlockedTimeout, ConnectionClosedByBroker, StreamLostError } = pika.exceptions;
const { ConnectionParameters, SSLOptions, URLParameters } = pika;

describeNode('with a broker of its own', () => {
  let rabbitmq: PrivateRabbitmq;
  beforeAll(async () => {
    rabbitmq = await startRabbitmq({ tls: true });
  }, 300_000);
  afterAll(() => rabbitmq?.stop());

  const open = (more: Partial<pika.Parameters> = {}) =>
    new pika.BlockingConnection(Object.assign(new pika.URLParameters(rabbitmq.url), more));

  describe('TLS', () => {
    const port = () => Number(new URL(rabbitmq.amqpsUrl!).port);

    test('with SSLOptions, and with ssl_options in the URL', () => {
      const ssl_options = new SSLOptions({ caFile: rabbitmq.ca! }, 'localhost');
      const query = encodeURIComponent(JSON.stringify({ ca_certs: rabbitmq.ca }));
      for (const parameters of [
        new ConnectionParameters({ host: '127.0.0.1', port: port(), ssl_options }),
        new URLParameters(`amqps://localhost:${port()}/?ssl_options=${query}`),
      ]) {
        using connection = new pika.BlockingConnection(parameters);
        expect(connection.channel().is_open).toBe(true);
      }
    });

    test('an authority that nobody knows: AMQPConnectionError', () => {
      const error = errorOf<Error>(
        () => new pika.BlockingConnection(new URLParameters(`amqps://localhost:${port()}`)),
      );
      expect(error.constructor).toBe(pika.exceptions.AMQPConnectionError);
      expect(error.message).toContain('nobody who is trusted here');
    });
  });

  test('an alarm: blocked and unblocked callbacks; publishing waits, or not for longer than it may', () => {
    using connection = open();
    const patient = connection.channel();
    const queue = privateQueue(patient);
    const seen: string[] = [];
    connection.add_on_connection_blocked_callback((_, { method }) => seen.push(method.reason));
    connection.add_on_connection_unblocked_callback(() => seen.push('over'));

    rabbitmq.limitMemory(0);
    patient.basic_publish('', queue, 'the one that notices');
    connection.process_data_events(60);
    expect(seen).toEqual(['low on memory']);

    const hurried = open({ blocked_connection_timeout: 0.5 });
    const channel = hurried.channel();
    channel.confirm_delivery();
    const ms = duration(() => {
      const error = errorOf(() => channel.basic_publish('', 'q', 'x'));
      expect(error).toBeInstanceOf(ConnectionBlockedTimeout);
    });
    expect(ms).toBeGreaterThan(490);
    expect(hurried.is_closed).toBe(true);

    rabbitmq.limitMemory(0.4);
    patient.basic_publish('', queue, 'goes on');
    expectCount(patient, queue, 2);
    connection.process_data_events();
    expect(seen).toEqual(['low on memory', 'over']);
  });

  test('connections that are closed: ConnectionClosedByBroker', () => {
    const connection = open();
    const channel = connection.channel();
    channel.basic_consume(privateQueue(channel), () => {});
    rabbitmq.closeConnections('maintenance');
    const error = errorOf<InstanceType<typeof ConnectionClosedByBroker>>(() => channel.start_consuming());
    expect(error).toBeInstanceOf(ConnectionClosedByBroker);
    expect([error.reply_code, error.reply_text]).toEqual([
      320,
      expect.stringMatching(/^CONNECTION_FORCED - maintenance/),
    ]);
    expect([connection.is_open, channel.is_open, channel.consumer_tags]).toEqual([false, false, []]);
  });

  test('a broker that is killed: StreamLostError, and a loop that connects again', async () => {
    const connection = open();
    const channel = connection.channel();
    const queue = privateQueue(channel);
    process.kill(rabbitmq.pid, 'SIGKILL');
    expect(errorOf(() => channel.consume(queue).next())).toBeInstanceOf(StreamLostError);
    await rabbitmq.kill();
    await rabbitmq.start();
    eventually(() => {
      using again = open({ connection_attempts: 20, retry_delay: 0.1 });
      return again.channel().is_open;
    });
  }, 300_000);
});
