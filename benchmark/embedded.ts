/**
 * `ts-node benchmark/embedded.ts [messages]`: the embedded broker beside the one of AMQP_URL, if that is set:
 * how long it takes to start, and how many small transient messages go in, and come out, in a second.
 */
import { join } from 'node:path';
import { build } from '../test/support/built';

// as it is in the package: JavaScript
const { connect, startBroker } = require(join(build(), 'src')) as typeof import('../src');

const COUNT = Number(process.argv[2] ?? 50_000);
const ROUNDS = 3;
const BODY = Buffer.alloc(16);

interface Rates {
  publish: number;
  consume: number;
}

function measure(url: string): Rates {
  using connection = connect(url);
  const channel = connection.channel();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  const publish = rate(() => {
    for (let n = 0; n < COUNT; n++) channel.basicPublish(BODY, { routingKey: queue });
    while (channel.queueDeclare(queue, { passive: true }).messageCount < COUNT);
  });
  const consume = rate(() => {
    let left = COUNT;
    for (const message of channel.consume(queue, { noAck: true, timeout: 5000, limit: COUNT })) {
      left -= message.body.length === BODY.length ? 1 : 0;
    }
    if (left > 0) throw new Error(`${left} messages did not come`);
  });
  return { publish, consume };
}

function rate(work: () => void): number {
  const begin = performance.now();
  work();
  return Math.round(COUNT / ((performance.now() - begin) / 1000));
}

function report(name: string, url: string): void {
  const rounds = Array.from({ length: ROUNDS }, () => measure(url));
  const best = (what: keyof Rates): number => Math.max(...rounds.map((one) => one[what]));
  console.log(`${name}: publish ${best('publish')}/s, consume without acks ${best('consume')}/s`);
}

const begin = performance.now();
const broker = startBroker();
console.log(`started in ${Math.round(performance.now() - begin)} ms`);
report('embedded', broker.url);
if (process.env.AMQP_URL) report('AMQP_URL', process.env.AMQP_URL);
broker.close();
