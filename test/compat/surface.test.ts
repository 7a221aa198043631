/** What a program can reach of the facades: what is documented, and nothing besides. */
import * as amqpy from '../../src/compat/amqpy';
import * as pika from '../../src/compat/pika';
import { documentedIn, undocumented } from '../support/documented';
import { open as openAmqpy } from '../support/facades/amqpy';
import { open as openPika } from '../support/facades/pika';

const prototypesOf = (facade: object) =>
  Object.values(facade)
    .filter((value) => typeof value === 'function' && /^class\b/.test(String(value)))
    .map(({ prototype }) => prototype as object);

test('amqpy: objects and classes have the members that are documented, and no others', () => {
  const connection = openAmqpy();
  const channel = connection.channel();
  const [queue] = channel.queue_declare({ exclusive: true });
  channel.basic_publish({ msg: new amqpy.Message('one'), routing_key: queue });
  const message = channel.basic_get(queue)!;
  const objects = [connection, channel, message, channel.returned_messages, connection.transport];
  const documented = documentedIn('src/compat/amqpy');
  const all = [...objects, ...prototypesOf(amqpy), ...prototypesOf(amqpy.proto)] as object[];
  expect(all.flatMap((each) => undocumented(each, documented))).toEqual([]);
});

test('pika: objects and classes have the members that are documented, and no others', () => {
  const connection = openPika();
  const channel = connection.channel();
  const declared = channel.queue_declare('', { exclusive: true });
  const { queue } = declared.method;
  channel.basic_publish('', queue, 'one');
  const [, properties] = channel.basic_get(queue);
  const objects = [connection, channel, declared, properties];
  const classes = [pika, pika.exceptions, pika.frame, pika.credentials].flatMap(prototypesOf);
  const documented = documentedIn('src/compat/pika');
  expect(([...objects, ...classes] as object[]).flatMap((each) => undocumented(each, documented))).toEqual(
    [],
  );
});
