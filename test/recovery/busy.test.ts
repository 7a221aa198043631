/** The worker recovers while the program does something else: others see that, before it looks up. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CEILING, eventually, open, unique } from '../support/connect';
import { startProxy } from '../support/peers/proxy';
import { run } from '../support/programs/program';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-busy-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('during a busy loop the exclusive queue, its binding and its consumers are there again', async () => {
  using proxy = startProxy(process.env.AMQP_URL!);
  const [exchange, exclusive, shared] = [unique('busy'), unique('exclusive'), unique('shared')];
  const enough = join(folder, 'enough');
  const program = run(
    `
    const connection = connect(url, { recovery: { interval: 20 } });
    const channel = connection.channel();
    channel.exchangeDeclare('${exchange}', 'topic', { autoDelete: true, durable: true });
    channel.queueDeclare('${exclusive}', { exclusive: true });
    channel.queueDeclare('${shared}', { autoDelete: true, durable: true });
    const got = [];
    for (const queue of ['${exclusive}', '${shared}']) {
      channel.queueBind(queue, '${exchange}', { routingKey: 'k.' + queue });
      channel.basicConsume(queue, (message) => { got.push(message.text); message.ack(); });
    }
    say('waiting');
    while (!require('node:fs').existsSync(${JSON.stringify(enough)})) pause(5);
    say('awake', connection.epoch, connection.state);
    while (got.length < 2) connection.drainEvents({ timeout: ${CEILING} });
    say(got.sort(), connection.epoch);
    connection.close();
    `,
    { url: proxy.url },
  );
  await program.blocked();
  const witness = open();
  proxy.down();
  proxy.cut();
  // the broker may be slow to see that: what finds a queue of the lost connection goes with it
  eventually(() => !isRouted(exclusive) && !isRouted(shared));
  proxy.up();
  eventually(() => isRouted(exclusive));
  eventually(() => isRouted(shared));
  const channel = witness.channel();
  eventually(() => channel.queueDeclare(shared, { passive: true }).consumerCount === 1);
  writeFileSync(enough, ''); // it has been busy all the time
  const end = await program.end;
  expect(end.lines).toEqual(['awake 1 open', `${[exclusive, shared]} 2`]); // awake, but it has not looked yet
  expect([end.code, end.stderr]).toEqual([0, '']);

  /** Does a message find the queue, by way of the exchange? It is left there the first time it does. */
  function isRouted(queue: string): boolean {
    const probe = witness.channel();
    probe.confirmSelect();
    try {
      probe.basicPublish(queue, { exchange, routingKey: `k.${queue}`, mandatory: true, timeout: CEILING });
      return true;
    } catch {
      return false;
    } finally {
      if (probe.isOpen) probe.close();
    }
  }
});
