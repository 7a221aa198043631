import { AmqpError, type Channel, type Connection, WorkerCrashedError } from '../../src';
import { CEILING, connectTo } from '../support/peers/peer';
import {
  content,
  delivery,
  expects,
  handshake,
  opened,
  type Script,
  type Step,
  send,
  sendBytes,
  serve,
} from '../support/peers/script';
import { scriptedBroker } from '../support/peers/scripted-broker';

/**
 * An ordinary conversation in which something the broker sends was changed at random: whatever comes of it,
 * it is a result or a typed error, soon, and never the end of the worker. AMQP_SYNC_MUTATIONS=5000 for a
 * longer look, AMQP_SYNC_SEED to repeat one.
 */
const SESSIONS = Number(process.env.AMQP_SYNC_MUTATIONS ?? 60);
const SEED = Number(process.env.AMQP_SYNC_SEED ?? 1);

const properties = {
  headers: { list: [1, { deep: 'x' }], at: new Date(5000), none: null },
  contentType: 'text/plain',
  timestamp: 5,
};

const conversation: Script = [
  ...handshake(),
  ...opened(),
  ...[expects('queue.declare'), send('queue.declare-ok', { queue: 'q', messageCount: 3 })],
  ...[expects('basic.qos'), send('basic.qos-ok')],
  ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'ct' })],
  ...[
    delivery('ct', 1, { body: 'hello', properties }),
    delivery('ct', 2, { body: 'x'.repeat(100), pieces: 30 }),
  ],
  ...[send('connection.blocked', { reason: 'memory' }), send('channel.flow', { active: false })],
  ...[send('channel.flow', { active: true }), send('connection.unblocked')],
  ...[
    serve('confirm.select'),
    expects('confirm.select'),
    send('confirm.select-ok'),
    expects('basic.publish'),
  ],
  content('basic.return', { replyCode: 312, replyText: 'NO_ROUTE', routingKey: 'k' }, { body: 'r' }),
  ...[
    send('basic.ack', { deliveryTag: 1 }),
    expects('basic.publish'),
    send('basic.nack', { deliveryTag: 2 }),
  ],
  ...[
    expects('basic.get'),
    content('basic.get-ok', { deliveryTag: 3, routingKey: 'q' }, { body: 'got', properties }),
  ],
  ...[send('basic.cancel', { consumerTag: 'ct', noWait: true }), serve()],
];
const sent = conversation.flatMap((step, index) => (step.step === 'bytes' ? [index] : []));

class Random {
  constructor(public seed: number) {}

  /** A whole number from 0 to `below` - 1. */
  next(below: number): number {
    this.seed = (this.seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((this.seed / 2 ** 31) * below);
  }
}

/** The conversation with one to three changes in something that is sent. */
function mutated(random: Random): Script {
  const at = sent[random.next(sent.length)] as number;
  let { bytes } = conversation[at] as Step & { bytes: Uint8Array };
  for (let changes = 1 + random.next(3); changes > 0; changes--) bytes = change(Buffer.from(bytes), random);
  return conversation.with(at, sendBytes(bytes));
}

function change(bytes: Buffer, random: Random): Buffer {
  const at = random.next(bytes.length || 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.next(5)) {
    case 0: // another byte
      return Buffer.concat([before, Buffer.of(random.next(256)), after.subarray(1)]);
    case 1: // the largest byte: lengths become huge
      return Buffer.concat([before, Buffer.of(0xff), after.subarray(1)]);
    case 2: // bytes less
      return Buffer.concat([before, after.subarray(1 + random.next(8))]);
    case 3: // bytes more
      return Buffer.concat([
        before,
        Buffer.from(Array.from({ length: 1 + random.next(8) }, () => random.next(256))),
        after,
      ]);
    default: // a piece twice
      return Buffer.concat([bytes.subarray(0, at + random.next(60)), after]);
  }
}

function use(connection: Connection, attempt: (call: () => unknown) => void): void {
  let channel: Channel | undefined;
  attempt(() => {
    channel = connection.channel();
  });
  const calls: ((channel: Channel) => unknown)[] = [
    (open) => open.queueDeclare('q'),
    (open) => open.basicConsume('q', (message) => message.ack()),
    () => connection.loop({ timeout: 5 }),
    (open) => open.confirmSelect(),
    (open) => open.basicPublish('r', { routingKey: 'k', mandatory: true }),
    (open) => open.basicPublish('r', { routingKey: 'k' }),
    (open) => open.basicGet('q')?.ack(),
    () => connection.loop({ timeout: 5 }),
    (open) => open.close({ timeout: 50 }),
  ];
  if (channel !== undefined) for (const call of calls) attempt(() => call(channel as Channel));
  attempt(() => connection.close({ timeout: 50 }));
}

test(`${SESSIONS} conversations with random changes`, () => {
  const random = new Random(SEED);
  for (let session = 0; session < SESSIONS; session++) {
    const { seed } = random;
    const peer = scriptedBroker(mutated(random));
    const start = performance.now();
    const attempt = (call: () => unknown) => {
      try {
        call();
      } catch (error) {
        if (error instanceof AmqpError && !(error instanceof WorkerCrashedError)) return;
        throw new Error(`AMQP_SYNC_SEED=${seed}: ${call}`, { cause: error });
      }
    };
    attempt(() => use(connectTo(peer, { callTimeout: 60, connectTimeout: 300 }), attempt));
    expect(performance.now() - start).toBeLessThan(CEILING); // the sum of all limits is a tenth of it
    peer.close();
  }
});
