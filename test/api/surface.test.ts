/** What a program can reach of the public classes: what is documented, and nothing besides. */
import * as amqp from '../../src';
import { AMQPLIB_CHANNEL, AMQPLIB_CONNECTION } from '../../src/api/amqplib-names';
import { channel, connection, useChannel } from '../support/channel';
import { documentedIn, undocumented } from '../support/documented';

useChannel();

/** Classes of the API, by their names. */
const classes = (Object.entries(amqp) as [string, { prototype: object }][]).filter(
  ([, value]) => typeof value === 'function' && /^class\b/.test(String(value)),
);

/** Those that stand on another class of the API. */
const PARENTS: Readonly<Record<string, string>> = {
  IncomingMessage: 'Message',
  ReturnedMessage: 'Message',
};

const documented = documentedIn('src/api', 'src/patterns', 'src/embedded', 'src/protocol');
const explained = { ...AMQPLIB_CHANNEL, ...AMQPLIB_CONNECTION };
const reachable = (object: object) => undocumented(object, documented).filter((each) => !(each in explained));

describe.each(classes.filter(([, { prototype }]) => !(prototype instanceof Error)))(
  '%s',
  (_, { prototype }) => {
    test('has the methods that are documented, and no others', () => {
      expect(reachable(prototype)).toEqual([]);
    });

    test('stands on its own, or on a class of the API', () => {
      const parent = Object.getPrototypeOf(prototype);
      expect(parent.constructor.name).toBe(PARENTS[prototype.constructor.name] ?? 'Object');
    });
  },
);

test('objects have the members that are documented, and no others', () => {
  const queue = channel.declareQueue();
  const exchange = channel.declareExchange('', 'direct', { passive: true });
  for (const body of ['one', 'two']) queue.publish(body);
  exchange.publish('nobody', 'nowhere', { mandatory: true, wait: false });
  channel.waitForConfirms();
  const message = queue.get()!;
  const iterator = channel.consume(queue.name);
  const procedure = connection.rpc(queue.name);
  const objects: object[] = [
    ...[channel, connection, queue, exchange, message, iterator, procedure],
    ...[channel.returnedMessages[0]!, new amqp.Message('three'), iterator.next().value!],
    ...[queue.subscribe(() => {}), connection.channel().transaction(), amqp.typed.int64(1n)],
    ...[new amqp.Rpc(channel), new amqp.Master(channel)],
  ];
  expect(objects.flatMap(reachable)).toEqual([]);
});

test('the channel of a message is the channel', () => {
  const queue = channel.declareQueue();
  queue.publish('one');
  const message = queue.get()!;
  const itsOwn: amqp.Channel = message.channel;
  expect(itsOwn).toBe(channel);
  expect(itsOwn.declareQueue(queue.name, { passive: true }).name).toBe(queue.name);
  message.ack();
});

test('a message can be made on a stand-in for a channel, as unit tests do', () => {
  const standIn = { isOpen: true, isUnsettled: () => true, basicAck: jest.fn() };
  const body = Buffer.from('x');
  const message = new amqp.IncomingMessage(
    ...[standIn as never, undefined, 7, false, '', 'key', undefined, false, body, {}],
  );
  expect(message.isSettled).toBe(false);
  message.ack();
  expect(standIn.basicAck).toHaveBeenCalledWith(7, undefined);
});
