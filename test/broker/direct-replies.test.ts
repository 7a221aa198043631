import { setTimeout as sleep } from 'node:timers/promises';
import { describeRabbitmq, rabbitmqUrl } from '../support/brokers/on-rabbitmq';
import { comparable, embedded, sameRules } from './support/pair';
import { RawClient, type Received } from './support/raw-client';
import type { Step } from './support/scripts';

let ours = '';
beforeAll(() => {
  ours = embedded(sameRules).url;
});

const REPLIES = 'amq.rabbitmq.reply-to';
/** Milliseconds in which either broker has answered. */
const PAUSES = [80, 500];

/** What may be done with a name. */
const OPERATIONS: Record<string, (queue: string) => Step> = {
  'publish, mandatory': (routingKey) => ['basic.publish', { routingKey, mandatory: true }, 'reply'],
  publish: (routingKey) => ['basic.publish', { routingKey }, 'reply'],
  declare: (queue) => ['queue.declare', { queue }],
  'declare otherwise': (queue) => ['queue.declare', { queue, exclusive: true, durable: true }],
  'declare passively': (queue) => ['queue.declare', { queue, passive: true }],
  consume: (queue) => ['basic.consume', { queue, consumerTag: 'c' }],
  'consume without acks': (queue) => ['basic.consume', { queue, consumerTag: 'c', noAck: true }],
  get: (queue) => ['basic.get', { queue, noAck: true }],
  bind: (queue) => ['queue.bind', { queue, exchange: 'amq.direct', routingKey: 'k' }],
  'bind to nothing': (queue) => ['queue.bind', { queue, exchange: 'none', routingKey: 'k' }],
  unbind: (queue) => ['queue.unbind', { queue, exchange: 'amq.direct', routingKey: 'k' }],
  purge: (queue) => ['queue.purge', { queue }],
  delete: (queue) => ['queue.delete', { queue }],
};

/** A name that no queue has had: that of a connection which has just ended may still be there. */
const ownQueue = () => `amqp-sync.replies.${process.pid}.${queues++}`;
let queues = 0;

/** Clients that ask for a reply, and the one that is asked. */
class Conversation {
  readonly clients: RawClient[] = [];

  constructor(
    readonly url: string,
    readonly pause: number,
  ) {}

  async client(): Promise<RawClient> {
    const client = await RawClient.open(this.url);
    this.clients.push(client);
    await client.call(1, 'channel.open');
    return client;
  }

  /** A client that waits for a reply, and the name to which it is to be sent. */
  async requester(): Promise<{ client: RawClient; name: string }> {
    const client = await this.client();
    const queue = ownQueue();
    await client.call(1, 'queue.declare', { queue, exclusive: true });
    await client.call(1, 'basic.consume', { queue: REPLIES, consumerTag: 'r', noAck: true });
    client.publish(1, { routingKey: queue }, 'request', { replyTo: REPLIES });
    for (;;) {
      const got = await client.call(1, 'basic.get', { queue, noAck: true });
      if (got.name === 'basic.get-ok') return { client, name: got.properties!.replyTo! };
      if (got.name !== 'basic.get-empty') throw new Error(`no request, but ${got.name}`);
    }
  }

  /** What a client hears of it that does it on a channel with confirms, and what the requester hears. */
  async outcome(name: string, step: Step, by?: RawClient, requester?: RawClient): Promise<unknown> {
    const client = by ?? (await this.client());
    await client.call(1, 'confirm.select');
    const [method, args, body] = step;
    client.send(1, method, args as never, body);
    await sleep(this.pause);
    const told = [client, requester].map((one) => said(one?.take() ?? [], name));
    return { told, closed: client.closed };
  }

  /** What two clients hear of the steps that one of them takes, in a transaction. */
  async transaction(
    by: RawClient,
    requester: RawClient | undefined,
    name: string,
    steps: readonly Step[],
  ): Promise<unknown[]> {
    const told: unknown[] = [];
    if (requester !== undefined) await by.call(1, 'tx.select');
    for (const [method, args, body] of steps) {
      by.send(1, method, args as never, body);
      await sleep(this.pause);
      told.push([by, requester].map((one) => said(one?.take() ?? [], name)));
    }
    return told;
  }

  end(): void {
    for (const client of this.clients) client.end();
  }
}

/** Whether the confirm or the reply comes first is nobody's promise. */
function said(received: Received[], name: string): unknown {
  const isConfirm = (one: Received) => one.name === 'basic.ack';
  const parted = [...received.filter((one) => !isConfirm(one)), ...received.filter(isConfirm)];
  return JSON.parse(JSON.stringify(comparable(parted)).replaceAll(name, 'NAME'));
}

type Told = Record<string, unknown>;
type Play = (conversation: Conversation) => Promise<Told>;

/** All operations with a name, each by a client of its own. */
async function each(conversation: Conversation, name: string, requester?: RawClient): Promise<Told> {
  const told: Told = {};
  for (const [what, step] of Object.entries(OPERATIONS))
    told[what] = await conversation.outcome(name, step(name), undefined, requester);
  return told;
}

/** Names that nobody has, some of which only look like one. */
const ODD_NAMES = (name: string): string[] => {
  const place = name.split('.')[3]!;
  return [
    `${REPLIES}.${place}.AAAAAAAAAAAAAAAAAAAAAA==`,
    `${REPLIES}.${place}`,
    `${name}.more`,
    `${REPLIES}.`,
    `${REPLIES}..`,
    `${REPLIES}.odd`,
    `${REPLIES}.odd.odd`,
    `${REPLIES}.AAAA.BBBB`,
    `${REPLIES}.a.b.c`,
    `${REPLIES}x`,
    REPLIES,
  ];
};

const PLAYS: Record<string, Play> = {
  'of one who waits': async (conversation) => {
    const { client, name } = await conversation.requester();
    return each(conversation, name, client);
  },
  'of oneself': async (conversation) => {
    const told: Told = {};
    for (const [what, step] of Object.entries(OPERATIONS)) {
      const { client, name } = await conversation.requester();
      told[what] = await conversation.outcome(name, step(name), client);
    }
    return told;
  },
  'of one who has cancelled': async (conversation) => {
    const { client, name } = await conversation.requester();
    await client.call(1, 'basic.cancel', { consumerTag: 'r' });
    return each(conversation, name, client);
  },
  'of one who has cancelled and waits again': async (conversation) => {
    const { client, name } = await conversation.requester();
    await client.call(1, 'basic.cancel', { consumerTag: 'r' });
    await client.call(1, 'basic.consume', { queue: REPLIES, consumerTag: 'r', noAck: true });
    return each(conversation, name, client);
  },
  'of one whose channel is closed': async (conversation) => {
    const { client, name } = await conversation.requester();
    await client.call(1, 'channel.close');
    return each(conversation, name, client);
  },
  'of one who is gone': async (conversation) => {
    const { client, name } = await conversation.requester();
    client.end();
    await sleep(conversation.pause);
    return each(conversation, name);
  },
  'of nobody': async (conversation) => {
    const { name } = await conversation.requester();
    const told = await Promise.all(ODD_NAMES(name).map((odd) => each(conversation, odd)));
    return Object.fromEntries(told.entries());
  },
  'in a transaction': async (conversation) => {
    const { client, name } = await conversation.requester();
    const other = await conversation.client();
    const publish: Step = ['basic.publish', { routingKey: name, mandatory: true }, 'reply'];
    const steps: Step[] = [publish, ['tx.commit'], publish, ['tx.rollback'], publish];
    const told = await conversation.transaction(other, client, name, steps);
    client.end();
    await sleep(conversation.pause);
    return { told, gone: await conversation.transaction(other, undefined, name, [['tx.commit']]) };
  },
  'among other routing keys': async (conversation) => {
    const { client, name } = await conversation.requester();
    const { client: other, name: queue } = await conversation.requester();
    const told: unknown[] = [];
    for (const [routingKey, headers] of [
      ['none', { CC: [name] }],
      [name, { CC: ['none'] }],
      [name, { BCC: [name] }],
      [queue, { CC: [name] }],
    ] as const) {
      other.publish(1, { routingKey, mandatory: true }, 'reply', { headers });
      await sleep(conversation.pause);
      told.push([other, client].map((one) => said(one.take(), name)));
    }
    return { told };
  },
  'of a dead letter': async (conversation) => {
    const { client, name } = await conversation.requester();
    const other = await conversation.client();
    const queue = `amqp-sync.dead.${process.pid}.${conversation.pause}`; // which both tell
    const toName = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name, 'x-message-ttl': 0 };
    await other.call(1, 'queue.declare', { queue, exclusive: true, arguments: toName });
    other.publish(1, { routingKey: queue }, 'dead');
    await sleep(conversation.pause);
    return { told: said(client.take(), name) };
  },
  'and who waits already cannot acknowledge': async (conversation) => {
    const { client } = await conversation.requester();
    const again: Step = ['basic.consume', { queue: REPLIES, consumerTag: 'again' }];
    return { again: await conversation.outcome(REPLIES, again, client) };
  },
};

async function told(url: string, play: Play, pause: number): Promise<Told> {
  const conversation = new Conversation(url, pause);
  try {
    return await play(conversation);
  } finally {
    conversation.end();
  }
}

describeRabbitmq('the name of direct replies is to both brokers the same', () => {
  test.each(Object.entries(PLAYS))('%s', async (_what, play) => {
    let both: Told[] = [];
    for (const pause of PAUSES) {
      both = await Promise.all([ours, rabbitmqUrl].map((url) => told(url, play, pause)));
      if (JSON.stringify(both[0]) === JSON.stringify(both[1])) break;
    }
    expect(both[0]).toEqual(both[1]);
  });
});
