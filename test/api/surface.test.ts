/** What a program can reach of the public classes: what is documented, and nothing besides. */
import ts from 'typescript';
import * as amqp from '../../src';
import { AMQPLIB_CHANNEL, AMQPLIB_CONNECTION } from '../../src/api/amqplib-names';
import { readSources } from '../house/sources';
import { channel, useChannel } from '../support/channel';

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

/** The members that each class of these folders declares for everybody, less what is internal. */
const documented = new Map<string, Set<string>>();
for (const { file, text } of readSources('src/api', 'src/patterns', 'src/embedded', 'src/protocol')) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  ts.forEachChild(source, (node) => {
    if (ts.isClassDeclaration(node) && node.name !== undefined)
      documented.set(node.name.text, new Set(node.members.flatMap(publicName)));
  });
}

function publicName(member: ts.ClassElement): string[] {
  const isHidden =
    ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
  const isInternal = ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal');
  const { name } = member;
  return !isHidden && !isInternal && name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
}

describe.each(classes.filter(([, { prototype }]) => !(prototype instanceof Error)))(
  '%s',
  (_, { prototype }) => {
    const className = prototype.constructor.name;
    test('has the methods that are documented, and no others', () => {
      const explained = { ...AMQPLIB_CHANNEL, ...AMQPLIB_CONNECTION };
      const reachable = Object.getOwnPropertyNames(prototype).filter(
        (each) => !['constructor', 'toJSON'].includes(each) && !(each in explained),
      );
      expect(reachable.filter((each) => !documented.get(className)?.has(each))).toEqual([]);
    });

    test('stands on its own, or on a class of the API', () => {
      const parent = Object.getPrototypeOf(prototype);
      expect(parent.constructor.name).toBe(PARENTS[className] ?? 'Object');
    });
  },
);

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
