/** Numbers that py-amqp (Celery, kombu) writes, and what it makes of them when they are published again. */
import { spawnSync } from 'node:child_process';
import { versionOf } from '../support/brokers/version';
import { count, eventually, privateQueue, shared, sharedQueue } from '../support/connect';

const PYTHON = '/usr/bin/python3';
const hasAmqp = spawnSync(PYTHON, ['-c', 'import amqp']).status === 0;
const { hostname, port } = new URL(process.env.AMQP_URL ?? 'amqp://localhost:5672');

function python(program: string): string {
  const connected = `
import amqp, decimal
connection = amqp.Connection('${hostname}:${port || 5672}')
connection.connect()
channel = connection.channel()
${program}
connection.close()`;
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', connected], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

(hasAmqp ? test : test.skip)('its long integers and decimals have signs, and stay what they are', () => {
  const channel = shared().channel();
  const [queue, plain] = [sharedQueue(channel), privateQueue(channel)];
  const headers = "{'long': -3000000000, 'least': -2**63, 'most': 2**63 - 1, 'pi': decimal.Decimal('-3.14')}";
  python(`channel.basic_publish(amqp.Message('', application_headers=${headers}), routing_key='${queue}')`);
  eventually(() => count(channel, queue) === 1); // it is gone, but RabbitMQ may still be handing over what it said
  const message = channel.basicGet(queue)!;
  expect(message.properties.headers).toMatchObject({
    long: -3_000_000_000,
    least: -(2n ** 63n),
    most: 2n ** 63n - 1n,
    pi: { type: 'D', value: { unscaled: -314, scale: 2 } },
  });
  channel.basicPublish(message, { routingKey: queue });
  message.ack();
  // 4.3 makes `l` of its `L`, which it reads without a sign
  const unsigned = headers.replace('-3000000000', '2**64 - 3000000000').replace('-2**63', '2**63');
  const read = { '3.10': headers, '4.3': unsigned }[versionOf(channel.connection)];
  const print = `print(channel.basic_get('${queue}', no_ack=True).headers == ${read})`;
  expect(python(print)).toBe('True');

  // what is sent from here has the letter that most clients can read
  channel.basicPublish('', { routingKey: plain, headers: { long: -3_000_000_000, big: 5n } });
  const types = channel.basicGet(plain, { noAck: true })!.typedHeaders!;
  expect([...types.values()]).toMatchObject([{ type: 'l' }, { type: 'l' }]);
  channel.queueDelete(queue);
});
