/** Parameters, credentials, TLS and properties of pika's facade; what is the same in pika is in original.test.ts. */
import { inspect } from 'node:util';
import * as pika from '../../../src/compat/pika';
import { errorOf } from '../../support/peers/peer';

const { ConnectionParameters, PlainCredentials, SSLOptions, URLParameters } = pika;

describe('ConnectionParameters', () => {
  test('are given by position, by keyword, and both', () => {
    for (const parameters of [
      new ConnectionParameters('h', 1, 'v'),
      new ConnectionParameters({ host: 'h', port: 1, virtual_host: 'v' }),
      new ConnectionParameters('h', 1, { virtual_host: 'v' }),
    ]) {
      expect(parameters).toMatchObject({ host: 'h', port: 1, virtual_host: 'v', locale: 'en_US' });
    }
    expect(() => new ConnectionParameters({ hots: 'h' } as never)).toThrow(
      "got an unexpected keyword argument 'hots'",
    );
  });

  test('attributes may be set later, and are checked', () => {
    const parameters = new URLParameters('amqp://h');
    parameters.heartbeat = 5;
    parameters.compat = { recover: 'requeue' };
    expect(parameters.heartbeat).toBe(5);
    expect(() => {
      parameters.heartbeat = 70_000;
    }).toThrow('heartbeat must be <= 65535');
    expect(() => {
      parameters.host = 5 as never;
    }).toThrow(TypeError);
    expect([parameters.heartbeat, parameters.host]).toEqual([5, 'h']);
  });

  test('a switch that is misspelled is refused', () => {
    for (const compat of [
      { recover: 'yes' },
      { transient: 'durable' },
      { call_timeout: 0 },
      'requeue',
      null,
    ]) {
      expect(() => new ConnectionParameters({ compat: compat as never })).toThrow('compat must be like');
    }
  });

  test('with ssl_options have another port, unless it is given', () => {
    const ssl_options = new SSLOptions({});
    expect(new ConnectionParameters({ ssl_options }).port).toBe(5671);
    expect(new ConnectionParameters({ ssl_options, port: 5672 }).port).toBe(5672);
    expect(String(new ConnectionParameters({ ssl_options }))).toContain('port=5671 virtual_host=/ ssl=True');
  });

  test('never show a password', () => {
    const credentials = new PlainCredentials('me', 'secret');
    const parameters = new ConnectionParameters({ credentials });
    for (const each of [credentials, parameters, new URLParameters('amqp://me:secret@h')]) {
      expect(
        inspect(each, { depth: 9, showHidden: false }) + JSON.stringify(each) + String(each),
      ).not.toContain('secret');
    }
    expect(errorOf<Error>(() => new URLParameters('http://me:secret@h')).message).not.toContain('secret');
  });

  test('take PlainCredentials, which need a name and a password', () => {
    expect(new PlainCredentials({ username: 'u', password: 'p' })).toMatchObject({
      username: 'u',
      password: 'p',
      erase_on_connect: false,
    });
    expect(pika.PlainCredentials.TYPE).toBe('PLAIN');
    expect(pika.credentials.ExternalCredentials).toBe(pika.ExternalCredentials);
    expect(() => new PlainCredentials({ username: 'u' } as never)).toThrow('missing 1 required');
  });
});

describe('BasicProperties', () => {
  test('are null until they are set', () => {
    const properties = new pika.BasicProperties();
    expect(Object.values(properties)).toEqual(Array(14).fill(null));
    properties.delivery_mode = pika.spec.PERSISTENT_DELIVERY_MODE;
    expect(String(properties)).toBe("<BasicProperties(['delivery_mode=2'])>");
    expect(pika.DeliveryMode).toEqual({ Transient: 1, Persistent: 2 });
  });
});

describe('exceptions', () => {
  test('have what they were made with, and are told apart by instanceof and name', () => {
    const error = new pika.exceptions.ConnectionClosedByBroker(320, 'bye');
    expect(error).toMatchObject({ reply_code: 320, reply_text: 'bye', args: [320, 'bye'] });
    expect(String(error)).toBe('ConnectionClosedByBroker: (320) bye');
    expect(error).toBeInstanceOf(pika.exceptions.AMQPError);
    expect(String(new pika.exceptions.ReentrancyError('no'))).toBe('ReentrancyError: no');
  });
});

describe('TLS', () => {
  test('what Node cannot take is refused', () => {
    expect(() => new SSLOptions(new (class Context {})() as never)).toThrow(TypeError);
    expect(() => new URLParameters("amqp://h?ssl_options={'ca': 1}")).toThrow(
      "Unknown ssl_options entry: 'ca'",
    );
  });
});
