import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describeRabbitmq, rabbitmqUrl } from '../support/brokers/on-rabbitmq';
import { comparable, embedded, sameRules } from './support/pair';
import {
  ACTORS,
  type Arguments,
  EXCHANGES,
  type Operation,
  operation,
  QUEUES,
  traits,
} from './support/random-operations';
import { RawClient, type Received } from './support/raw-client';

/**
 * The same random operations on the embedded broker and on RabbitMQ: every reply, delivery, confirm, return and
 * error has to be the same.
 */

/** Longer than a message lives that expires after one millisecond. */
const FLEETING_MS = 50;

/** One broker, and all that has come from it. */
class Side {
  readonly log: Received[][] = ACTORS.map(() => []);
  readonly clients: RawClient[] = [];
  #message = 0;

  constructor(
    readonly url: string,
    readonly prefix: string,
  ) {}

  async begin(args: Arguments): Promise<void> {
    for (const id of [0, 1]) this.clients[id] = await RawClient.open(this.url);
    const setup = this.clients[0]!;
    await setup.call(9, 'channel.open');
    const dlx = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': this.name('dead') };
    await setup.call(9, 'queue.declare', {
      queue: this.name('q1'),
      durable: args['x-queue-type'] === 'quorum',
      arguments: { ...dlx, ...args },
    });
    await setup.call(9, 'queue.declare', { queue: this.name('q2'), arguments: dlx });
    await setup.call(9, 'queue.declare', { queue: this.name('dead') });
    await setup.call(9, 'exchange.declare', { exchange: this.name('spare'), type: 'fanout' });
    await setup.call(9, 'queue.bind', { queue: this.name('q2'), exchange: this.name('spare') });
    for (const type of EXCHANGES) {
      const others = type === 'headers' ? { 'alternate-exchange': this.name('spare') } : {};
      await setup.call(9, 'exchange.declare', { exchange: this.name(type), type, arguments: others });
    }
    for (let index = 0; index < ACTORS.length; index++) await this.#open(index);
  }

  async end(): Promise<void> {
    const [setup] = this.clients;
    for (const one of QUEUES) await setup!.call(9, 'queue.delete', { queue: this.name(one) });
    for (const one of [...EXCHANGES, 'spare'])
      await setup!.call(9, 'exchange.delete', { exchange: this.name(one) });
    for (const client of this.clients) client.end();
  }

  name(name: string): string {
    return ['', 'amq.fanout'].includes(name) ? name : this.prefix + name;
  }

  async #open(index: number): Promise<void> {
    const { connection, channel, tx } = ACTORS[index]!;
    await this.clients[connection]!.call(channel, 'channel.open');
    if (tx) await this.clients[connection]!.call(channel, 'tx.select');
    else await this.clients[connection]!.call(channel, 'confirm.select');
  }

  /** Begin the operation; what it brings is found in the log after `sync`. */
  async do(operation: Operation): Promise<void> {
    const { connection, channel, reads, tx } = ACTORS[operation.actor]!;
    const client = this.clients[connection]!;
    switch (operation.op) {
      case 'publish': {
        const { exchange, mandatory, priority, expiration } = operation;
        const key = (name: string) => (exchange === '' ? this.name(name) : name);
        const cc = operation.cc.length > 0 ? { CC: operation.cc.map(key) } : {};
        const properties = {
          priority,
          headers: { ...operation.headers, ...cc },
          expiration: expiration === 'fleeting' ? '1' : expiration,
        };
        const args = { exchange: this.name(exchange), routingKey: key(operation.key), mandatory };
        return client.publish(channel, args, `m${this.#message++}`, properties);
      }
      case 'get':
        return client.send(channel, 'basic.get', { queue: this.name(reads), noAck: operation.noAck });
      case 'consume': {
        const { tag: consumerTag, noAck, exclusive, priority } = operation;
        const args = { queue: this.name(reads), consumerTag, noAck, exclusive };
        return client.send(channel, 'basic.consume', { ...args, arguments: { 'x-priority': priority } });
      }
      case 'cancel':
        return client.send(channel, 'basic.cancel', { consumerTag: operation.tag });
      case 'settle': {
        const { tag: deliveryTag, multiple, requeue } = operation;
        if (operation.how === 'ack') return client.send(channel, 'basic.ack', { deliveryTag, multiple });
        if (operation.how === 'nack')
          return client.send(channel, 'basic.nack', { deliveryTag, multiple, requeue });
        return client.send(channel, 'basic.reject', { deliveryTag, requeue });
      }
      case 'qos':
        return client.send(channel, 'basic.qos', {
          prefetchCount: operation.count,
          global: operation.global,
        });
      case 'recover':
        return client.send(channel, 'basic.recover', { requeue: true });
      case 'commit':
      case 'rollback':
        // RabbitMQ ends a connection that does not wait for it
        if (tx) this.log[operation.actor]!.push(await client.call(channel, `tx.${operation.op}`));
        return;
      case 'purge':
        return client.send(channel, 'queue.purge', { queue: this.name(operation.queue) });
      case 'bind':
      case 'unbind':
        return client.send(channel, `queue.${operation.op}`, {
          queue: this.name(operation.queue),
          exchange: this.name(operation.exchange),
          routingKey: operation.key,
          arguments: operation.match,
        });
      case 'link':
      case 'unlink':
        return client.send(channel, operation.op === 'link' ? 'exchange.bind' : 'exchange.unbind', {
          source: this.name(operation.source),
          destination: this.name(operation.destination),
          routingKey: operation.key,
          arguments: operation.match,
        });
      case 'reopen':
        await client.call(channel, 'channel.close');
        return this.#open(operation.actor);
    }
  }

  /** Ask every channel for the counts: what it did before has then reached the queues. Reopens what was closed. */
  async sync(index: number): Promise<void> {
    const { connection, channel } = ACTORS[index]!;
    const client = this.clients[connection]!;
    if (client.closed) return;
    for (const one of QUEUES) {
      const reply = await client.call(channel, 'queue.declare', { queue: this.name(one), passive: true });
      if (reply.name === 'queue.declare-ok') continue;
      if (client.closed && reply.name === 'connection.close-ok') return; // it was closed, and is gone by now
      this.log[index]!.push(reply);
      if (reply.name !== 'channel.close') return;
      await this.#open(index);
      return;
    }
  }

  /** Methods that have come until now, by actor. */
  seen(): unknown[] {
    this.clients.forEach((client, connection) => {
      for (const one of client.take()) {
        const index = ACTORS.findIndex((a) => a.connection === connection && a.channel === one.channel);
        this.log[Math.max(0, index)]!.push(one);
      }
    });
    // whether a confirm comes before or behind the delivery is nobody's promise
    const parted = (log: Received[]) => [...log.filter((one) => !isConfirm(one)), ...log.filter(isConfirm)];
    return this.log.map((log) =>
      JSON.parse(JSON.stringify(comparable(parted(log))).replaceAll(this.prefix, '')),
    );
  }

  get isOver(): boolean {
    return this.clients.some((client) => client.closed);
  }
}

function isConfirm({ name }: Received): boolean {
  return name === 'basic.ack' || name === 'basic.nack';
}

let runs = 0;

async function sideBySide(ours: string, args: Arguments, operations: readonly Operation[]): Promise<void> {
  const prefix = `amqp-sync.random.${process.pid}.${runs++}.`;
  const [here, there] = [new Side(ours, prefix), new Side(rabbitmqUrl, prefix)];
  await Promise.all([here.begin(args), there.begin(args)]);
  try {
    for (const operation of operations) {
      await Promise.all([here.do(operation), there.do(operation)]);
      await Promise.all([here.sync(operation.actor), there.sync(operation.actor)]);
      // by now it is where it can expire
      if (operation.op === 'publish' && operation.expiration === 'fleeting') await sleep(FLEETING_MS);
      await same(here, there);
      if (here.isOver) return;
    }
  } finally {
    await Promise.all([here.end(), there.end()]);
  }
}

/** RabbitMQ's parts talk to each other: what it does is seen a moment later. */
async function same(here: Side, there: Side): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const [mine, theirs] = [here, there].map((side) => ({ isOver: side.isOver, seen: side.seen() }));
    if (JSON.stringify(mine) === JSON.stringify(theirs)) return;
    if (Date.now() > deadline) return expect(mine).toEqual(theirs);
    await sleep(2);
  }
}

describeRabbitmq('random operations', () => {
  test('whatever is done, both brokers say the same', async () => {
    const { url } = embedded(sameRules);
    // the same each time, so that a change is not blamed for what it did not do; to look for more, say AMQP_SYNC_RANDOM_SEED=$RANDOM
    const { AMQP_SYNC_RANDOM_RUNS = 25, AMQP_SYNC_RANDOM_SEED = 1 } = process.env;
    const seed = Number(AMQP_SYNC_RANDOM_SEED);
    const sameOnBoth = fc.asyncProperty(
      traits,
      fc.array(operation, { minLength: 5, maxLength: 25 }),
      (args, operations) => sideBySide(url, args, operations),
    );
    await fc.assert(sameOnBoth, { seed, numRuns: Number(AMQP_SYNC_RANDOM_RUNS), endOnFailure: true });
  }, 600_000);
});
