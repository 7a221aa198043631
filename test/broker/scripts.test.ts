import { setTimeout as sleep } from 'node:timers/promises';
import { PLANS } from '../../src/protocol/codec';
import { describeRabbitmq, rabbitmqUrl } from '../support/on-rabbitmq';
import { comparable, embedded } from './support/pair';
import { RawClient } from './support/raw-client';
import { SCRIPTS, type Script } from './support/scripts';

let ours = '';
beforeAll(() => {
  ours = embedded().url;
});

let count = 0;

/** Everything the broker says to a script. */
async function run(url: string, script: Script, prefix: string): Promise<unknown> {
  const client = await RawClient.open(url);
  await client.call(1, 'channel.open');
  for (const [name, args, body, properties] of script((one) => prefix + one)) {
    const before = client.received.length;
    client.send(1, name, args as never, body, properties);
    // RabbitMQ's parts work side by side: what one step does shall be done before the next
    const isAnswered = (): boolean =>
      client.closed ||
      client.received.slice(before).some((got) => got.name.startsWith(name) || got.name.endsWith('.close'));
    if (PLANS[name].replies.length > 0) await client.until(isAnswered);
    else await sleep(20);
    if (client.closed) break;
  }
  // RabbitMQ's queues answer a moment later
  const received = await client.after(100);
  const told = JSON.stringify({ received: comparable(received), closed: client.closed });
  client.end();
  return JSON.parse(told.replaceAll(prefix, ''));
}

describeRabbitmq('the embedded broker answers as RabbitMQ does', () => {
  test.each(Object.entries(SCRIPTS))('%s', async (_what, script) => {
    const prefix = `amqp-sync.script.${process.pid}.${count++}.`;
    const [mine, theirs] = await Promise.all([run(ours, script, prefix), run(rabbitmqUrl, script, prefix)]);
    expect(mine).toEqual(theirs);
  });
});

test('there is something to compare', async () => {
  const answer = await run(ours, () => [['basic.get', { queue: 'none' }]], '');
  expect(answer).toMatchObject({ received: [{ name: 'channel.close', args: { replyCode: 404 } }] });
});
