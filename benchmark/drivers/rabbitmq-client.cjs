const { job, clock, expect, patience, main } = require('./job.cjs');
const { Connection } = require('rabbitmq-client');

const { size, count, rounds, queue, body } = job;
const BATCH = 1000;
const REPLY_TO = 'amq.rabbitmq.reply-to';
const envelope = { routingKey: queue, durable: false };

function withChannel(scenario) {
  return async () => {
    const connection = new Connection({ url: job.url, heartbeat: 0, noDelay: true });
    connection.on('error', (error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(1); // it would try again for ever
    });
    const channel = await connection.acquire();
    await scenario(channel);
    await channel.close();
    await connection.close();
  };
}

async function inRounds(channel, publishAll) {
  for (let round = 0; round < rounds; round++) {
    clock.start();
    await publishAll();
    clock.stop();
    await channel.queuePurge(queue);
  }
}

async function consumeAll(channel, noAck) {
  let left = count;
  clock.start();
  await new Promise((resolve, reject) => {
    const take = (message) => {
      if (size && message.body.length !== size) reject(new Error('size of a message'));
      if (!noAck) channel.basicAck({ deliveryTag: message.deliveryTag });
      if (--left === 0) resolve();
    };
    channel.basicConsume({ queue, noAck }, take).catch(reject);
  });
  clock.stop();
}

async function getAll(channel, empty) {
  clock.start();
  for (let index = 0; index < count; index++) {
    const begin = performance.now();
    const message = await channel.basicGet({ queue, noAck: true });
    clock.lap(begin);
    expect((message === undefined) === empty, 'a message, or none');
  }
  clock.stop();
}

main({
  A: withChannel((channel) =>
    inRounds(channel, async () => {
      for (let index = 0; index < count; index++) await channel.basicPublish(envelope, body);
      const { later } = patience();
      while ((await channel.queueDeclare({ queue, passive: true })).messageCount < count) await later();
    }),
  ),

  B: withChannel(async (channel) => {
    await channel.confirmSelect();
    await inRounds(channel, async () => {
      for (let index = 0; index < count; index++) {
        const begin = performance.now();
        await channel.basicPublish(envelope, body);
        clock.lap(begin);
      }
    });
  }),

  C: withChannel(async (channel) => {
    await channel.confirmSelect();
    await inRounds(channel, async () => {
      for (let sent = 0; sent < count; ) {
        const confirms = [];
        for (; confirms.length < BATCH && sent < count; sent++) {
          confirms.push(channel.basicPublish(envelope, body));
        }
        await Promise.all(confirms);
      }
    });
  }),

  D: withChannel(async (channel) => {
    await channel.basicQos({ prefetchCount: 250 });
    await consumeAll(channel, false);
  }),
  E: withChannel((channel) => consumeAll(channel, true)),
  F: withChannel((channel) => getAll(channel, false)),
  G: withChannel((channel) => getAll(channel, true)),

  H: withChannel(async (channel) => {
    let wanted;
    let answered;
    await channel.basicConsume({ queue: REPLY_TO, noAck: true }, (message) => {
      if (message.correlationId === wanted) answered();
    });
    clock.start();
    for (let index = 0; index < count; index++) {
      const begin = performance.now();
      wanted = String(index);
      const request = { ...envelope, replyTo: REPLY_TO, correlationId: wanted };
      await new Promise((resolve, reject) => {
        answered = resolve;
        channel.basicPublish(request, body).catch(reject);
      });
      clock.lap(begin);
    }
    clock.stop();
    await channel.basicPublish(envelope, Buffer.from('stop'));
  }),

  HS: withChannel(async (channel) => {
    await new Promise((resolve, reject) => {
      const serve = ({ body, replyTo, correlationId }) => {
        if (body.length === 4 && body.toString() === 'stop') resolve();
        else channel.basicPublish({ routingKey: replyTo, correlationId, durable: false }, body);
      };
      channel.basicConsume({ queue, noAck: true }, serve).then(() => console.log('ready'), reject);
    });
  }),

  I: withChannel((channel) => channel.basicPublish(envelope, body)),
});
