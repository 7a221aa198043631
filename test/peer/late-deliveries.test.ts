/** Deliveries that come when their consumer, or their channel, has ended: RabbitMQ writes them behind its channel.close. */
import { type Channel, type Connection, type IncomingMessage, NotFoundError } from '../../src';
import { errorOf, talk } from '../support/peers/peer';
import {
  content,
  delivery,
  expects,
  frame,
  headerPayload,
  methodPayload,
  opened,
  ready,
  type Script,
  type Step,
  send,
  serve,
} from '../support/peers/script';

const METHOD = 1;
const HEADER = 2;
const BODY = 3;

/** A consumer with a tag that is the user's own. */
const consumed = (consumerTag = 'c'): Script => [
  expects('basic.consume', { consumerTag }),
  send('basic.consume-ok', { consumerTag }),
];

/** The broker closes the channel for a declare. */
const refused = (): Step[] => [
  expects('queue.declare'),
  send('channel.close', {
    replyCode: 404,
    replyText: "NOT_FOUND - no queue 'nope'",
    classId: 50,
    methodId: 10,
  }),
];

/** Consume from `q` without further ado. */
function consume(channel: Channel, noAck = false): IncomingMessage[] {
  const got: IncomingMessage[] = [];
  channel.basicConsume('q', (message) => void got.push(message), { consumerTag: 'c', noAck });
  return got;
}

/** Once the broker has answered, what it sent before has been looked at, too. */
function settle(channel: Channel, connection: Connection): void {
  channel.queuePurge('q');
  connection.loop({ timeout: 0 });
}
const purged: Script = [expects('queue.purge'), send('queue.purge-ok')];

const nope = (channel: Channel) => errorOf(() => channel.queueDeclare('nope', { passive: true }));
const limited: Script = [expects('basic.qos'), send('basic.qos-ok')];

describe('behind a channel.close', () => {
  const [method, header, body] = [
    frame({
      type: METHOD,
      channel: 1,
      payload: methodPayload('basic.deliver', { consumerTag: 'c', deliveryTag: 3 }),
    }),
    frame({ type: HEADER, channel: 1, payload: headerPayload(4) }),
    frame({ type: BODY, channel: 1, payload: Buffer.from('body') }),
  ];

  test.each<[string, Step[], Step[]]>([
    ['all of it while the channel opens', [], [method, header, body]],
    ['its body while the channel opens', [method, header], [body]],
    ['its header and body while the channel opens', [method], [header, body]],
    ['all of it before', [method, header, body], []],
    ['replies', [], [send('basic.qos-ok'), send('queue.declare-ok', { queue: 'nope' })]],
  ])('nothing of the earlier life reaches the next: %s', (_case, before, during) => {
    const { connection } = talk([
      ...[
        ...ready(),
        ...limited,
        ...consumed(),
        delivery('c', 1, { body: 'a' }),
        delivery('c', 2),
        ...refused(),
      ],
      ...[
        ...before,
        expects('channel.close-ok'),
        expects('channel.open'),
        ...during,
        send('channel.open-ok'),
      ],
      ...[...limited, ...consumed(), delivery('c', 1, { body: 'b' }), ...purged, serve()],
    ]);
    const channel = connection.channel();
    consume(channel);
    expect(nope(channel)).toBeInstanceOf(NotFoundError);
    channel.reopen();
    const got = consume(channel);
    settle(channel, connection);
    expect(got.map(({ text }) => text)).toEqual(['b']);
    got[0]?.ack();
    expect(channel.isOpen).toBe(true);
  });

  test('deliveries behind the open-ok, for a consumer of the same name: the count tells them apart', () => {
    const { peer, connection } = talk(
      [
        ...[...ready(), ...limited, ...consumed(), delivery('c', 1), ...refused(), delivery('c', 2)],
        ...[expects('channel.close-ok'), expects('channel.open'), delivery('c', 3), send('channel.open-ok')],
        ...[delivery('c', 4), ...limited, delivery('c', 5, { body: 'old' }), ...consumed()],
        ...[
          delivery('c', 1, { body: 'x' }),
          delivery('c', 6),
          delivery('c', 2, { body: 'y' }),
          delivery('c', 7),
        ],
        ...[...purged, serve()],
      ],
      { channelMax: 1 },
    );
    const first = connection.channel();
    consume(first);
    nope(first);
    const channel = connection.channel();
    expect(channel.id).toBe(1);
    const got = consume(channel);
    settle(channel, connection);
    expect(got.map(({ text }) => text)).toEqual(['x', 'y']);
    for (const message of got) message.ack();
    settle(channel, connection);
    expect(peer.methods().filter((each) => each === 'basic.nack')).toEqual([]);
  });

  test('the next channel has another number', () => {
    const { connection } = talk([
      ...[...ready(), ...limited, ...consumed(), ...refused(), expects('channel.close-ok'), ...opened(2)],
      ...[delivery('c', 1, { body: 'late' }), serve()],
    ]);
    const channel = connection.channel();
    consume(channel);
    nope(channel);
    const next = connection.channel();
    expect(next.id).toBe(2);
    expect(next.queueDeclare('there').queue).toBe('there');
  });
});

describe('in the same life', () => {
  test.each([
    [false, 1],
    [true, 0],
  ])('for a consumer that has ended (noAck %s): it goes back where it needs an ack', (noAck, nacks) => {
    const { peer, connection } = talk([
      ...[...ready(), ...(noAck ? [] : limited), ...consumed(), expects('basic.cancel')],
      ...[send('basic.cancel-ok', { consumerTag: 'c' }), delivery('c', 1, { body: 'late' }), serve()],
    ]);
    const channel = connection.channel();
    const got = consume(channel, noAck);
    channel.basicCancel('c');
    settle(channel, connection);
    settle(channel, connection);
    expect(got).toEqual([]);
    expect(peer.methods().filter((each) => each === 'basic.nack')).toHaveLength(nacks);
  });

  test('for a tag that was never known: it stays with the channel, which lives', () => {
    const { peer, connection } = talk([
      ...[...ready(), ...limited, ...consumed(), delivery('nobody', 1, { body: 'x' })],
      ...[
        content('basic.deliver', { consumerTag: '', deliveryTag: 2 }, {}),
        delivery('c', 3, { body: 'mine' }),
      ],
      ...[...purged, expects('basic.ack', { deliveryTag: 3 }), serve()],
    ]);
    const channel = connection.channel();
    const got = consume(channel);
    settle(channel, connection);
    expect(got.map(({ text }) => text)).toEqual(['mine']);
    got[0]?.ack();
    channel.queueDeclare('q');
    expect(peer.methods().filter((each) => each === 'basic.nack')).toEqual([]);
  });
});

describe("behind the open-ok of the library's own channel, which watches the queue of a loop that is left", () => {
  const other = { channel: 2 };
  const unasked: Script = [
    delivery('old', 1, { body: 'late', ...other }),
    send('basic.cancel', { consumerTag: 'old' }, other),
    content('basic.return', { replyCode: 312, replyText: 'NO_ROUTE' }, other),
    send('channel.flow', { active: true }, other),
  ];

  test('a delivery, a cancel, a return and a flow end nothing', () => {
    const { peer, connection } = talk([
      ...[...ready(), ...limited, ...consumed(), delivery('c', 1), delivery('c', 2), ...limited],
      ...[expects('basic.ack'), expects('basic.cancel'), send('basic.cancel-ok', { consumerTag: 'c' })],
      ...[expects('channel.open', {}, other), send('channel.open-ok', {}, other), ...unasked, serve()],
    ]);
    const channel = connection.channel();
    for (const message of channel.consume('q', { consumerTag: 'c' })) {
      channel.basicQos({ prefetchCount: 5 }); // by then the second has come
      message.ack();
      break;
    }
    expect(channel.queueDeclare('q').queue).toBe('q');
    expect([channel.isOpen, connection.isOpen]).toEqual([true, true]);
    expect(peer.methods()).toContain('channel.flow-ok');
  });
});
