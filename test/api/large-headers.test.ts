/** Messages whose content header is larger than a frame may be: RabbitMQ adds x-death to what was just small enough. */
import { type Channel, type IncomingMessage, Message, type Queue, retry, UnroutableError } from '../../src';
import { build } from '../support/built';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, count, drainUntil, eventually, open, thrownBy, unique } from '../support/connect';
import { cli } from '../support/programs/cli';
import { throwaway } from '../support/throwaway';

/** With it the header frame takes 131,041 of 131,072 bytes. */
const BIG = 'b'.repeat(131_000);

useChannel();
const declareQueue = throwaway();

/** A queue with one message that was published with `big` and has been dead-lettered since. */
function deadLetters(more: Parameters<Channel['declareQueue']>[1] = {}, big = BIG): Queue {
  const dead = declareQueue(unique('dead'), more);
  const queue = declareQueue('', {
    autoDelete: false,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead.name,
  });
  queue.publish(new Message('body', { headers: { big, small: 1 } }));
  queue.get({ timeout: CEILING })!.reject();
  eventually(() => count(channel, dead.name) === 1);
  return dead;
}

function expectWhole(message: IncomingMessage | null): void {
  expect(message!.text).toBe('body');
  const { headers } = message!.properties;
  expect(Object.keys(headers!).sort()).toEqual(expect.arrayContaining(['big', 'small', 'x-death']));
  expect(headers!.big === BIG).toBe(true);
}

const REFUSED = /^the message properties take 13\d{4} bytes, but a frame holds 131072 \(frameMax\)/;

describe('a message with large headers is read', () => {
  test('with basicGet, again and again', () => {
    const { name } = deadLetters();
    for (let time = 0; time < 20; time++) {
      const message = channel.basicGet(name);
      expectWhole(message);
      message!.nack();
      eventually(() => count(channel, name) === 1);
    }
  });

  test('by a consumer', () => {
    for (const message of deadLetters().iterator({ timeout: CEILING, limit: 1 })) {
      expectWhole(message);
      message.ack();
    }
  });

  test('with a small frameMax', () => {
    const { name } = deadLetters();
    expectWhole(open({ frameMax: 8192 }).channel().basicGet(name, { noAck: true }));
  });

  test('though it comes back from a mandatory publish that no queue took', () => {
    const message = new Message('body', { headers: { big: BIG } });
    const error = thrownBy<UnroutableError>(() =>
      channel.defaultExchange.publish(message, 'nobody', { mandatory: true }),
    );
    expect(error).toBeInstanceOf(UnroutableError);
  });
});

describe('a message with large headers, published again, is refused before a byte is sent', () => {
  test('as it was; the connection lives', () => {
    const dead = deadLetters();
    const message = dead.get()!;
    for (const again of [
      message,
      message.copy({ priority: 1 }),
      message.copy({ headers: message.typedHeaders! }),
    ]) {
      const error = thrownBy<RangeError>(() => channel.basicPublish(again, { routingKey: dead.name }));
      expect([error.name, error.message]).toEqual(['RangeError', expect.stringMatching(REFUSED)]);
    }
    channel.basicPublish(message.copy({ headers: { big: BIG } }), { routingKey: dead.name });
    message.ack();
    eventually(() => count(channel, dead.name) === 1);
  });

  test('if its properties take more than two frames', () => {
    const headers = { one: BIG, two: BIG, three: BIG };
    expect(() => channel.basicPublish('', { headers })).toThrow(
      /^the message properties take more than 131072 bytes/,
    );
  });

  test('which is one result of a batch, and the others are published', () => {
    const dead = deadLetters();
    const poison = dead.get()!;
    channel.confirmSelect();
    const results = channel.publishBatch(['one', poison, 'two'], { routingKey: dead.name, window: 1 });
    expect(results.map(({ status }) => status)).toEqual(['acked', 'not-sent', 'acked']);
    expect(results[1]!.error!.message).toMatch(REFUSED);
    expect(count(channel, dead.name)).toBe(2);
    poison.ack();
  });
});

describe('retry gets rid of a message with large headers', () => {
  const fail = () => {
    throw new Error('failed');
  };

  test('that fits no more, which is parked at once, without its largest header, and says so', () => {
    const [dead, park] = [deadLetters(), declareQueue('', { autoDelete: false })];
    dead.subscribe(fail, { onError: retry({ max: 3, delay: 1000, park }) });
    drainUntil(connection, () => count(channel, park.name) === 1);
    const { text, properties } = park.get({ noAck: true })!;
    expect(text).toBe('body');
    expect(properties.headers).toMatchObject({
      small: 1,
      'x-death': [{ reason: 'rejected' }],
      'x-retry-count': 0,
      'x-retry-left-out': ['big'],
      'x-retry-error': expect.stringMatching(
        /^not tried again: the message properties .*; it had failed: Error: failed$/,
      ),
    });
    expect(properties.headers).not.toHaveProperty('big');
    channel.close();
    expect(count(connection.channel(), dead.name)).toBe(0);
  });

  test('that goes whole to the dead letters with park: false', () => {
    const last = declareQueue('', { autoDelete: false });
    const dead = deadLetters({ deadLetterExchange: '', deadLetterRoutingKey: last.name });
    dead.subscribe(fail, { onError: retry({ max: 3, park: false }) });
    connection.drainEvents({ timeout: CEILING });
    eventually(() => count(channel, last.name) === 1);
    expectWhole(last.get({ noAck: true }));
  });
});

describe('the command line', () => {
  beforeAll(build);

  test('get prints it; shovel says which it is and leaves it', () => {
    const dead = deadLetters();
    const to = declareQueue(unique('to'));
    const got = cli(['get', dead.name, '--settle', 'requeue', '--json']);
    expect([got.status, JSON.parse(got.stdout.toString()).properties.headers.small]).toEqual([0, 1]);
    eventually(() => count(channel, dead.name) === 1);
    const { status, stderr } = cli(['shovel', dead.name, to.name, '--timeout', '60s']);
    expect([status, stderr.toString()]).toEqual([
      5,
      expect.stringMatching(/message 1 was not taken: the message properties take 13\d{4} bytes/),
    ]);
    eventually(() => count(channel, dead.name) === 1);
  });
});
