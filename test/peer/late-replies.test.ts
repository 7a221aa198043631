import { type Channel, type Connection, TimeoutError } from '../../src';
import { AT_ONCE, arrived, CEILING, errorOf, failureOf, talk, waitUntil } from '../support/peers/peer';
import {
  content,
  delivery,
  expects,
  opened,
  ready,
  type Script,
  type Step,
  send,
  serve,
  stall,
  waitFor,
} from '../support/peers/script';
import type { ScriptedBroker } from '../support/peers/scripted-broker';

const SHORT = 30;

/** A broker with one open channel that goes on with these steps, then serves. */
function scene(...steps: Script): { peer: ScriptedBroker; connection: Connection; channel: Channel } {
  const { peer, connection } = talk([...ready(), ...steps, serve()]);
  return { peer, connection, channel: connection.channel() };
}

/** The step waits for the signal 'late', which comes once the call has timed out. */
function timeOut(peer: ScriptedBroker, call: () => unknown): TimeoutError {
  const { error, ms } = failureOf<TimeoutError>(call);
  expect(error).toBeInstanceOf(TimeoutError);
  expect(ms).toBeLessThan(SHORT + AT_ONCE);
  peer.signal('late');
  return error;
}

/** Look at what comes until the broker has got so many of `method`. */
function pumpUntil(connection: Connection, peer: ScriptedBroker, method: string, count = 1): void {
  const deadline = performance.now() + CEILING;
  while (peer.methods().filter((each) => each === method).length < count) {
    if (performance.now() > deadline) throw new Error(`the client has not sent ${count} ${method}`);
    connection.loop({ timeout: 5 });
  }
}

const declares = (queue: string, messageCount: number, ...before: Step[]): Step[] => [
  expects('queue.declare', { queue }),
  ...before,
  send('queue.declare-ok', { queue, messageCount }),
];

/** The broker is asked on channel 2 how many messages there are in `q`. */
const counted = (messageCount: number): Step[] => [
  expects('queue.declare', { queue: 'q', passive: true }, { channel: 2 }),
  send('queue.declare-ok', { queue: 'q', messageCount }, { channel: 2 }),
];

describe('a reply that comes after its call has timed out is swallowed', () => {
  test('the timeout is told as such: it may have been carried out', () => {
    const { peer, channel } = scene(...declares('a', 1, waitFor('late')));
    const error = timeOut(peer, () => channel.queueDeclare('a', { timeout: SHORT }));
    expect(error).toMatchObject({
      code: 'TIMEOUT',
      method: 'queue.declare',
      outcome: 'unknown',
      recoverable: true,
    });
    expect(error.message).toContain('queue.declare');
  });

  test('declare: the next declare gets its own queue and count', () => {
    const { peer, channel } = scene(...declares('a', 1, waitFor('late')), ...declares('b', 2));
    timeOut(peer, () => channel.queueDeclare('a', { timeout: SHORT }));
    expect(channel.queueDeclare('b')).toMatchObject({ queue: 'b', messageCount: 2 });
  });

  test('several of them, of different kinds, before the next call', () => {
    const { peer, channel } = scene(
      ...[expects('queue.declare'), expects('queue.purge'), expects('basic.qos'), expects('queue.purge')],
      ...[
        send('queue.declare-ok', { queue: 'a' }),
        send('queue.purge-ok', { messageCount: 11 }),
        send('basic.qos-ok'),
      ],
      send('queue.purge-ok', { messageCount: 22 }),
    );
    for (const call of [
      () => channel.queueDeclare('a', { timeout: SHORT }),
      () => channel.queuePurge('a', { timeout: SHORT }),
      () => channel.basicQos({ prefetchCount: 1, timeout: SHORT }),
    ])
      timeOut(peer, call);
    expect(channel.queuePurge('b')).toBe(22);
  });

  test('on one channel, while another goes on', () => {
    const { peer, connection, channel } = scene(
      ...[
        ...opened(2),
        expects('queue.purge', {}, { channel: 1 }),
        expects('queue.purge', {}, { channel: 2 }),
      ],
      ...[
        send('queue.purge-ok', { messageCount: 2 }, { channel: 2 }),
        waitFor('late'),
        send('queue.purge-ok', { messageCount: 1 }),
      ],
      ...[expects('queue.purge', {}, { channel: 1 }), send('queue.purge-ok', { messageCount: 3 })],
    );
    const other = connection.channel();
    errorOf(() => channel.queuePurge('q', { timeout: SHORT }));
    expect(other.queuePurge('q')).toBe(2);
    peer.signal('late');
    expect(channel.queuePurge('q')).toBe(3);
  });

  test('inside of withDeadline, too', () => {
    const { peer, connection, channel } = scene(...declares('a', 1, waitFor('late')), ...declares('b', 2));
    timeOut(peer, () => connection.withDeadline(SHORT, () => channel.queueDeclare('a')));
    expect(channel.queueDeclare('b').queue).toBe('b');
  });

  test('the reply to a late update-secret', () => {
    const { peer, connection } = scene(
      ...[expects('connection.update-secret'), waitFor('late'), send('connection.update-secret-ok')],
      ...[expects('connection.update-secret'), stall(100), send('connection.update-secret-ok')],
    );
    timeOut(peer, () => connection.updateSecret('a', '', { timeout: SHORT }));
    const { ms } = timed(() => connection.updateSecret('b'));
    expect(ms).toBeGreaterThan(80); // its own reply
  });

  test('timeout 0 does not wait at all', () => {
    const { peer, channel } = scene(...declares('a', 1, waitFor('late')), ...declares('b', 2));
    expect(errorOf(() => channel.queueDeclare('a', { timeout: 0 }))).toBeInstanceOf(TimeoutError);
    peer.signal('late');
    expect(channel.queueDeclare('b').queue).toBe('b');
  });
});

function timed<T>(fn: () => T): { ms: number; result: T } {
  const start = performance.now();
  const result = fn();
  return { ms: performance.now() - start, result };
}

describe('what a late reply has brought is given back', () => {
  const getOk = (deliveryTag: number, body: string) =>
    content('basic.get-ok', { deliveryTag, routingKey: 'q' }, { body });

  test('a late get-ok is requeued, and the next get gets its own message', () => {
    const { peer, connection, channel } = scene(
      ...[expects('basic.get'), waitFor('late'), getOk(1, 'one')],
      ...[
        expects('basic.nack', { deliveryTag: 1, requeue: true, multiple: false }),
        expects('basic.get'),
        getOk(2, 'two'),
      ],
    );
    timeOut(peer, () => channel.basicGet('q', { timeout: SHORT }));
    pumpUntil(connection, peer, 'basic.nack');
    const message = channel.basicGet('q');
    expect(message).toMatchObject({ text: 'two', deliveryTag: 2 });
    message?.ack();
    connection.close();
  });

  test('a late get-empty has brought nothing', () => {
    const { peer, channel } = scene(
      ...[expects('basic.get'), waitFor('late'), send('basic.get-empty')],
      ...[expects('basic.get'), getOk(1, 'one')],
    );
    timeOut(peer, () => channel.basicGet('q', { timeout: SHORT }));
    expect(channel.basicGet('q')?.text).toBe('one');
  });

  test('a get-ok of which the body is late', () => {
    const late = getOk(1, 'x'.repeat(100)) as { bytes: Uint8Array };
    const { peer, connection, channel } = scene(
      ...[
        expects('basic.get'),
        { step: 'bytes', bytes: late.bytes.subarray(0, -50) } as Step,
        waitFor('late'),
      ],
      { step: 'bytes', bytes: late.bytes.subarray(-50) },
      ...[
        expects('basic.nack', { deliveryTag: 1, requeue: true }),
        expects('basic.get'),
        send('basic.get-empty'),
      ],
    );
    timeOut(peer, () => channel.basicGet('q', { timeout: SHORT }));
    pumpUntil(connection, peer, 'basic.nack');
    expect(channel.basicGet('q')).toBeNull();
    connection.close();
  });

  test('with noAck there is nothing to give back', () => {
    const { peer, connection, channel } = scene(
      ...[expects('basic.get'), waitFor('late'), getOk(1, 'one')],
      ...[expects('basic.get'), getOk(2, 'two')],
    );
    timeOut(peer, () => channel.basicGet('q', { noAck: true, timeout: SHORT }));
    expect(channel.basicGet('q', { noAck: true })?.text).toBe('two');
    connection.close();
    expect(peer.methods()).not.toContain('basic.nack');
  });

  test('a get-ok that is late and larger than maxMessageSize', () => {
    const { peer, connection } = talk(
      [
        ...[...ready(), expects('basic.get'), waitFor('late'), getOk(1, 'x'.repeat(100))],
        ...[
          expects('basic.nack', { deliveryTag: 1, requeue: true }),
          expects('basic.get'),
          send('basic.get-empty'),
          serve(),
        ],
      ],
      { maxMessageSize: 99 },
    );
    const channel = connection.channel();
    timeOut(peer, () => channel.basicGet('q', { timeout: SHORT }));
    pumpUntil(connection, peer, 'basic.nack');
    expect(channel.basicGet('q')).toBeNull();
    connection.close();
  });

  test('a message that was given back cannot be settled any more', () => {
    const { peer, connection, channel } = scene(
      ...[expects('basic.get'), waitFor('late'), getOk(1, 'one'), expects('basic.nack', { deliveryTag: 1 })],
      ...declares('a', 0),
    );
    timeOut(peer, () => channel.basicGet('q', { timeout: SHORT }));
    pumpUntil(connection, peer, 'basic.nack');
    channel.queueDeclare('a');
    expect(channel.isUnsettled(1)).toBe(false);
    expect(() => channel.basicAck(1)).toThrow();
  });

  describe('a late consume-ok', () => {
    const consumes = (consumerTag: string): Step[] => [
      ...[expects('basic.qos'), send('basic.qos-ok'), expects('basic.consume'), waitFor('late')],
      send('basic.consume-ok', { consumerTag }),
      ...[delivery(consumerTag, 1, { body: 'one' }), delivery(consumerTag, 2, { body: 'two' })],
    ];

    test('its consumer is cancelled, and what it brought is requeued', () => {
      const { peer, connection, channel } = scene(...consumes('ct'));
      const got: string[] = [];
      timeOut(peer, () => channel.basicConsume('q', ({ text }) => got.push(text), { timeout: SHORT }));
      expect(channel.queueDeclare('next').queue).toBe('next');
      expect(errorOf(() => connection.drainEvents({ timeout: SHORT }))).toBeInstanceOf(TimeoutError);
      connection.close();
      expect(got).toEqual([]);
      const sent = peer
        .transcript()
        .map(({ method, args }) => `${method} ${args.consumerTag ?? args.deliveryTag ?? ''}`.trim());
      expect(sent).toEqual(expect.arrayContaining(['basic.cancel ct', 'basic.nack 1', 'basic.nack 2']));
      const nacks = peer.transcript().filter(({ method }) => method === 'basic.nack');
      expect(nacks.every(({ args }) => args.requeue === true)).toBe(true);
    });

    test('its consumer is not among those of the channel', () => {
      const { peer, connection, channel } = scene(...consumes('ct'));
      timeOut(peer, () => channel.basicConsume('q', () => {}, { timeout: SHORT }));
      channel.queueDeclare('next');
      channel.queueDeclare('after');
      expect(channel.consumerTags).toEqual([]);
      connection.close();
    });

    test('the tag that was asked for can be used again', () => {
      const { peer, connection, channel } = scene(...consumes('mine'), serve());
      const options = { consumerTag: 'mine' };
      timeOut(peer, () => channel.basicConsume('q', () => {}, { ...options, timeout: SHORT }));
      channel.queueDeclare('next'); // the broker has dealt with the cancel
      channel.queueDeclare('after');
      expect(channel.basicConsume('q', () => {}, options)).toBe('mine');
      connection.close();
    });

    test('an iterator whose consume-ok is late', () => {
      const { peer, connection, channel } = scene(...consumes('ct'));
      timeOut(peer, () => connection.withDeadline(SHORT, () => channel.consume('q')));
      channel.queueDeclare('next');
      connection.close();
      expect(peer.transcript().filter(({ method }) => method === 'basic.nack')).toHaveLength(2);
    });
  });

  test('a delivery that crosses our cancel', () => {
    const { connection, channel } = scene(
      ...[expects('basic.qos'), send('basic.qos-ok'), expects('basic.consume')],
      ...[
        send('basic.consume-ok', { consumerTag: 'ct' }),
        delivery('ct', 1),
        expects('basic.cancel'),
        delivery('ct', 2),
      ],
      send('basic.cancel-ok', { consumerTag: 'ct' }),
      // the queue is watched, on a channel of its own, until it has both
      ...[...opened(2), ...counted(5)],
      ...[
        expects('basic.nack', { deliveryTag: 1, requeue: true }),
        expects('basic.nack', { deliveryTag: 2, requeue: true }),
      ],
      ...[5, 6, 7, 7].flatMap(counted),
      ...[expects('channel.close', {}, { channel: 2 }), send('channel.close-ok', {}, { channel: 2 })],
    );
    channel.basicConsume('q', () => {});
    channel.basicCancel('ct');
    connection.close();
  });

  test('the answers to two cancels may overtake each other, for they come from two queues', () => {
    const { peer, connection, channel } = scene(
      ...[expects('basic.qos'), send('basic.qos-ok')],
      ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'slow' })],
      ...[
        expects('basic.cancel', { consumerTag: 'slow' }),
        expects('basic.cancel', { consumerTag: 'quick' }),
      ],
      ...[send('basic.cancel-ok', { consumerTag: 'quick' }), delivery('slow', 1)],
      ...[expects('basic.nack', { deliveryTag: 1, requeue: true })],
      send('basic.cancel-ok', { consumerTag: 'slow' }),
    );
    channel.basicConsume('q', () => {}, { consumerTag: 'slow' });
    for (const tag of ['slow', 'quick']) channel.basicCancel(tag, { noWait: true });
    pumpUntil(connection, peer, 'basic.nack');
    expect(channel.queueDeclare('b').queue).toBe('b');
  });

  test('a cancel-ok that is late ends the consumer all the same', () => {
    const { peer, channel } = scene(
      ...[
        expects('basic.qos'),
        send('basic.qos-ok'),
        expects('basic.consume'),
        send('basic.consume-ok', { consumerTag: 'ct' }),
      ],
      ...[expects('basic.cancel'), waitFor('late'), send('basic.cancel-ok', { consumerTag: 'ct' })],
    );
    channel.basicConsume('q', () => {}, { consumerTag: 'ct' });
    timeOut(peer, () => channel.basicCancel('ct', { timeout: SHORT }));
    channel.queueDeclare('next');
    expect(channel.consumerTags).toEqual([]);
    expect(channel.basicConsume('q', () => {}, { consumerTag: 'ct' })).toBe('ct');
  });

  test('an iterator that cannot cancel gives back what it has all the same', () => {
    const { peer, connection } = talk(
      [
        ...[...ready(), expects('basic.qos'), send('basic.qos-ok'), expects('basic.consume')],
        send('basic.consume-ok', { consumerTag: 'ct' }),
        ...[delivery('ct', 1), delivery('ct', 2), delivery('ct', 3)],
        ...[expects('basic.cancel'), serve()],
      ],
      { callTimeout: 100 },
    );
    const channel = connection.channel();
    expect(
      errorOf(() => {
        for (const _ of channel.consume('q')) break;
      }),
    ).toBeInstanceOf(TimeoutError);
    connection.close();
    const back = peer.transcript().filter(({ method }) => method === 'basic.nack');
    expect(back.map(({ args }) => [args.deliveryTag, args.requeue])).toEqual([
      [2, true],
      [3, true],
    ]);
  });
});

describe('a mode that is switched on late is on', () => {
  test('confirm.select: the broker counts from the request, and so does the channel', () => {
    const { peer, connection, channel } = scene(
      ...[expects('confirm.select'), waitFor('late'), send('confirm.select-ok')],
      // from here on it confirms whatever is published
      ...[expects('basic.publish', {}, { body: 'one' }), send('basic.ack', { deliveryTag: 1 })],
      ...declares('a', 0),
    );
    timeOut(peer, () => channel.confirmSelect({ timeout: SHORT }));
    channel.basicPublish('one', { routingKey: 'q', wait: false });
    expect(channel.queueDeclare('a').queue).toBe('a');
    expect(connection.isOpen).toBe(true);
  });

  test('confirm.select twice: the confirm of an older publish is not taken for the newer one', () => {
    const { peer, channel } = scene(
      ...[expects('confirm.select'), waitFor('late'), send('confirm.select-ok')],
      expects('basic.publish', {}, { body: 'one' }),
      ...serveSelect(),
      ...[expects('basic.publish', {}, { body: 'two' }), send('basic.ack', { deliveryTag: 1 })],
    );
    timeOut(peer, () => channel.confirmSelect({ timeout: SHORT }));
    channel.basicPublish('one', { routingKey: 'q', wait: false });
    channel.confirmSelect();
    // the broker has confirmed the first one only
    expect(errorOf(() => channel.basicPublish('two', { routingKey: 'q', timeout: 200 }))).toBeInstanceOf(
      TimeoutError,
    );
  });

  /** A second confirm.select is answered, if one comes. */
  const serveSelect = (): Step[] => [serve('basic.publish')];

  test('tx.select: the channel knows that it is in a transaction', () => {
    const { peer, channel } = scene(
      expects('tx.select'),
      waitFor('late'),
      send('tx.select-ok'),
      ...declares('a', 0),
    );
    timeOut(peer, () => channel.txSelect({ timeout: SHORT }));
    channel.queueDeclare('a');
    expect(channel.mode).toBe('tx'); // or what is published next would never be committed
    channel.txCommit();
  });
});

describe('channels that open and close late', () => {
  test('a late open-ok: the number is not used for two', () => {
    const { peer, connection } = talk([
      ...ready(),
      ...[
        expects('channel.open', {}, { channel: 2 }),
        waitFor('late'),
        send('channel.open-ok', {}, { channel: 2 }),
      ],
      serve(),
    ]);
    const channel = connection.channel();
    timeOut(peer, () => connection.withDeadline(SHORT, () => connection.channel()));
    for (const queue of ['a', 'c']) channel.queueDeclare(queue); // what is done about it is done
    const third = connection.channel(2);
    expect(third.queueDeclare('b').queue).toBe('b');
    connection.close();
  });

  test('a late close-ok: the number is free only then', () => {
    const { peer, connection } = talk([
      ...ready(),
      ...[expects('channel.close'), ...opened(2), waitFor('late'), send('channel.close-ok')],
      ...[...declares('a', 0).slice(0, 1), send('queue.declare-ok', { queue: 'a' }, { channel: 2 })],
      ...[...opened(1), serve()],
    ]);
    const channel = connection.channel();
    channel.close({ timeout: SHORT });
    expect(channel.isOpen).toBe(false);
    const second = connection.channel();
    expect(second.id).toBe(2);
    peer.signal('late');
    second.queueDeclare('a');
    expect(connection.channel(1).isOpen).toBe(true);
    connection.close();
  });

  test('what the broker has not answered cannot be opened again', () => {
    const late = (signal: string) => [waitFor(signal), send('channel.close-ok')];
    const { peer, connection } = talk([
      ...[
        ...ready(),
        expects('channel.close'),
        ...late('closed'),
        expects('channel.open'),
        waitFor('opened'),
      ],
      ...[send('channel.open-ok'), expects('channel.close'), ...late('given up'), ...opened(1), serve()],
    ]);
    const channel = connection.channel();
    const expectRefusal = () => {
      for (const act of [() => channel.reopen(), () => connection.channel(1)]) {
        const { error } = failureOf(act);
        expect(error).toMatchObject({ code: 'NUMBER_IN_USE', outcome: 'not-sent' });
        expect(error.message).toBe('channel 1 cannot be opened: the broker still owes an answer about it');
      }
    };
    channel.close({ timeout: SHORT });
    expectRefusal();
    peer.signal('closed');
    arrived(connection, send('channel.close-ok'));
    connection.loop({ timeout: 0 });
    expect(() => connection.withDeadline(SHORT, () => channel.reopen())).toThrow(TimeoutError);
    expectRefusal();
    for (const signal of ['opened', 'given up']) peer.signal(signal);
    pumpUntil(connection, peer, 'channel.close', 2);
    waitUntil(() => {
      connection.loop({ timeout: 5 });
      try {
        channel.reopen();
      } catch (error) {
        expect(error).toMatchObject({ code: 'NUMBER_IN_USE' }); // its answer is under way
      }
      return channel.isOpen;
    });
    expect(channel.queueDeclare('a').queue).toBe('a');
  });

  test('a channel.close in the place of open-ok: an error at once', () => {
    const { connection } = talk([
      ...ready(),
      expects('channel.open', {}, { channel: 2 }),
      send(
        'channel.close',
        { replyCode: 405, replyText: 'RESOURCE_LOCKED - no more', classId: 20, methodId: 10 },
        { channel: 2 },
      ),
      expects('channel.close-ok', {}, { channel: 2 }),
      serve(),
    ]);
    const channel = connection.channel();
    const { error, ms } = failureOf(() => connection.channel());
    expect(error).toMatchObject({ replyCode: 405 });
    expect(ms).toBeLessThan(AT_ONCE);
    expect(channel.queueDeclare('a').queue).toBe('a');
  });
});

describe('races', () => {
  const ROUNDS = 250;
  /** A timeout that about half of the replies meet, however busy the machine is. */
  class ShiftingTimeout {
    ms = 4;
    wasEnough(): void {
      this.ms = Math.max(1, Math.floor(this.ms * 0.8));
    }
    wasTooLittle(): void {
      this.ms = Math.ceil(this.ms * 1.25);
    }
  }
  let seed = 20260101;
  /** Whole numbers from 0 to `below` - 1, the same in each run. */
  function random(below: number): number {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  }

  test(`${ROUNDS} declares and purges whose replies come about when they time out: none gets another's`, () => {
    const steps = Array.from({ length: ROUNDS }, (_, round) => {
      const slow = round % 2 === 0 ? [stall(random(8))] : [];
      return round % 3 === 2
        ? [
            expects('queue.purge', { queue: `q${round}` }),
            ...slow,
            send('queue.purge-ok', { messageCount: round }),
          ]
        : declares(`q${round}`, round, ...slow);
    }).flat();
    const { peer, channel } = scene(...steps);
    let late = 0;
    const shifting = new ShiftingTimeout();
    for (let round = 0; round < ROUNDS; round++) {
      const isHasty = round % 2 === 0; // every second call waits for what is owed before it
      const timeout = isHasty ? shifting.ms : CEILING;
      try {
        if (round % 3 === 2) {
          expect(channel.queuePurge(`q${round}`, { timeout })).toBe(round);
        } else {
          expect(channel.queueDeclare(`q${round}`, { timeout })).toMatchObject({
            queue: `q${round}`,
            messageCount: round,
          });
        }
        if (isHasty) shifting.wasEnough();
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        shifting.wasTooLittle();
        late++;
      }
    }
    peer.satisfied();
    expect(late).toBeGreaterThan(ROUNDS / 20);
    expect(late).toBeLessThan(ROUNDS / 2);
  });

  test(`${ROUNDS} gets whose messages come about when they time out: each is delivered or requeued, once`, () => {
    const answers = Array.from({ length: ROUNDS }, (_, round) => [
      serve('basic.get'),
      expects('basic.get'),
      ...(round % 2 === 0 ? [stall(random(8))] : []),
      content('basic.get-ok', { deliveryTag: round + 1, routingKey: 'q' }, { body: String(round) }),
    ]).flat();
    const { peer, connection, channel } = scene(...answers);
    const delivered: number[] = [];
    const shifting = new ShiftingTimeout();
    for (let round = 0; round < ROUNDS; round++) {
      const isHasty = round % 2 === 0;
      try {
        const message = channel.basicGet('q', { timeout: isHasty ? shifting.ms : CEILING });
        if (isHasty) shifting.wasEnough();
        expect(message?.text).toBe(String(round));
        delivered.push(message!.deliveryTag);
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        shifting.wasTooLittle();
      }
    }
    channel.queueDeclare('last'); // whatever is late has come
    connection.close();
    const nacks = peer.transcript().filter(({ method }) => method === 'basic.nack');
    const requeued = nacks.map(({ args }) => args.deliveryTag as number);
    expect(requeued.length).toBeGreaterThan(ROUNDS / 20);
    expect([...delivered, ...requeued].sort((a, b) => a - b)).toEqual(
      Array.from({ length: ROUNDS }, (_, i) => i + 1),
    );
    for (const tag of delivered) expect(channel.isUnsettled(tag)).toBe(false); // the channel is closed by now
  });
});
