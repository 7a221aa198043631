import { PLANS } from '../../src/protocol/codec';
import type { MethodName } from '../../src/protocol/method-types';
import { METHODS, type MethodSpec } from '../../src/protocol/methods';

const SPECS = Object.entries(METHODS) as [MethodName, MethodSpec][];

function namesWhere(predicate: (spec: MethodSpec) => boolean): string[] {
  return SPECS.filter(([, spec]) => predicate(spec)).map(([name]) => name);
}

/** Requests whose reply is not simply called `<request>-ok`, or that have none although one exists. */
const REPLIES: Partial<Record<MethodName, readonly MethodName[]>> = {
  'basic.get': ['basic.get-ok', 'basic.get-empty'],
};

test('the 66 methods of AMQP 0-9-1 and RabbitMQ have different ids', () => {
  expect(SPECS).toHaveLength(66);
  expect(new Set(SPECS.map(([, spec]) => spec.id)).size).toBe(66);
});

test('content follows exactly the four methods that carry a message', () => {
  const withContent = Object.values(PLANS).filter((plan) => plan.content);
  expect(withContent.map((plan) => plan.name)).toEqual([
    'basic.publish',
    'basic.return',
    'basic.deliver',
    'basic.get-ok',
  ]);
});

test('a request is answered by its -ok, and only get may be answered in two ways', () => {
  for (const [name] of SPECS) {
    const ok = `${name}-ok`;
    const usual = ok in METHODS ? [ok] : [];
    expect([name, PLANS[name].replies]).toEqual([name, REPLIES[name] ?? usual]);
  }
});

test('what both peers may send', () => {
  expect(namesWhere((spec) => spec.from === 'both')).toEqual([
    'connection.close',
    'connection.close-ok',
    'channel.flow',
    'channel.flow-ok',
    'channel.close',
    'channel.close-ok',
    'basic.cancel',
    'basic.cancel-ok',
    'basic.ack',
    'basic.nack',
  ]);
});

test('every other request comes from the client, but for the three of the handshake', () => {
  const requests = namesWhere((spec) => spec.reply !== undefined && spec.from === 'server');
  expect(requests).toEqual(['connection.start', 'connection.secure', 'connection.tune']);
});

test('a reply comes from the other side than its request', () => {
  const opposite = { client: 'server', server: 'client', both: 'both' } as const;
  for (const [name, spec] of SPECS) {
    for (const reply of PLANS[name].replies) {
      expect([reply, METHODS[reply].from]).toEqual([reply, opposite[spec.from]]);
    }
  }
});

test('what only the server says on its own', () => {
  const replies = new Set(SPECS.flatMap(([name]) => PLANS[name].replies));
  const events = namesWhere((spec) => spec.from === 'server' && spec.reply === undefined);
  expect(events.filter((name) => !replies.has(name as MethodName))).toEqual([
    'connection.blocked',
    'connection.unblocked',
    'basic.return',
    'basic.deliver',
  ]);
});
