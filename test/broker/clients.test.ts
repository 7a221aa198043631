import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as amqplib from 'amqplib';
import { embedded } from './support/pair';

/** Clients that have nothing to do with this library, in their ordinary use. */
const { url } = embedded();

describe('amqplib', () => {
  let connection: amqplib.ChannelModel;
  beforeAll(async () => {
    connection = await amqplib.connect(url);
  });
  afterAll(() => connection.close());

  it('declares, binds, publishes, consumes, acks, cancels', async () => {
    const channel = await connection.createChannel();
    await channel.assertExchange('js.topic', 'topic', { durable: false, autoDelete: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'js.topic', 'a.#');
    await channel.prefetch(2);
    const got: string[] = [];
    const { consumerTag } = await channel.consume(queue, (message) => {
      got.push(`${message!.fields.routingKey} ${message!.content} ${message!.properties.headers!.n}`);
      channel.ack(message!);
    });
    for (let n = 0; n < 5; n++)
      channel.publish('js.topic', `a.${n}`, Buffer.from(`m${n}`), { headers: { n } });
    while (got.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(got).toEqual([0, 1, 2, 3, 4].map((n) => `a.${n} m${n} ${n}`));
    await channel.cancel(consumerTag);
    expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 0, consumerCount: 0 });
    await channel.close();
  });

  it('confirms, returns, get, nack with requeue, purge, delete', async () => {
    const channel = await connection.createConfirmChannel();
    const returned: string[] = [];
    channel.on('return', (message) => returned.push(message.content.toString()));
    await channel.assertQueue('js.q', { durable: true });
    channel.sendToQueue('js.q', Buffer.from('one'));
    channel.sendToQueue('js.nowhere', Buffer.from('lost'), { mandatory: true });
    await channel.waitForConfirms();
    expect(returned).toEqual(['lost']);
    channel.on('error', () => {}); // the 404 below
    const first = await channel.get('js.q');
    channel.nack(first as amqplib.GetMessage, false, true);
    const second = (await channel.get('js.q')) as amqplib.GetMessage;
    expect(second.fields.redelivered).toBe(true);
    channel.ack(second);
    channel.sendToQueue('js.q', Buffer.from('two'));
    await channel.waitForConfirms();
    expect(await channel.purgeQueue('js.q')).toEqual({ messageCount: 1 });
    expect(await channel.deleteQueue('js.q')).toEqual({ messageCount: 0 });
    expect(await channel.get('js.none').catch((error: Error) => error.message)).toContain('404');
  });

  it('calls over direct reply-to', async () => {
    const [server, caller] = [await connection.createChannel(), await connection.createChannel()];
    await server.assertQueue('js.rpc', { exclusive: true });
    await server.consume('js.rpc', (request) => {
      const { replyTo, correlationId } = request!.properties;
      server.sendToQueue(replyTo, Buffer.from(`echo ${request!.content}`), { correlationId });
      server.ack(request!);
    });
    const answer = new Promise<string>((resolve) => {
      void caller.consume('amq.rabbitmq.reply-to', (reply) => resolve(reply!.content.toString()), {
        noAck: true,
      });
    });
    caller.sendToQueue('js.rpc', Buffer.from('hi'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: '1' });
    expect(await answer).toBe('echo hi');
  });
});

/** Whether the system's Python has the package; without it the test is skipped, which is no green run in CI. */
function has(module: string): boolean {
  return spawnSync('/usr/bin/python3', ['-c', `import ${module}`]).status === 0;
}

for (const module of ['pika', 'amqp']) {
  (has(module) ? test : test.skip)(`Python's ${module} goes through its ordinary use`, async () => {
    const program = join(__dirname, '..', 'support', 'python', `${module}-client.py`);
    const { stdout } = await promisify(execFile)('/usr/bin/python3', [program, url], { timeout: 120_000 });
    expect(stdout.trim().split('\n').at(-1)).toBe('all is well');
  });
}
