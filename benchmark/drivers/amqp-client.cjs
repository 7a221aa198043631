/** @cloudamqp/amqp-client */
const { job, clock, expect, patience, main } = require('./job.cjs');
const { AMQPClient } = require('@cloudamqp/amqp-client');

const { size, count, rounds, queue, body } = job;
const BATCH = 1000;
const REPLY_TO = 'amq.rabbitmq.reply-to';
const properties = { deliveryMode: 1 };

function withChannel(scenario) {
  return async () => {
    const connection = await new AMQPClient(`${job.url}?heartbeat=0`).connect();
    await scenario(await connection.channel());
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
      if (message.body.length !== size) reject(new Error('size of a message'));
      if (!noAck) channel.basicAck(message.deliveryTag);
      if (--left === 0) resolve();
    };
    channel.basicConsume(queue, { noAck }, take).catch(reject);
  });
  clock.stop();
}

async function getAll(channel, empty) {
  clock.start();
  for (let index = 0; index < count; index++) {
    const begin = performance.now();
    const message = await channel.basicGet(queue, { noAck: true });
    clock.lap(begin);
    expect((message === null) === empty, 'a message, or none');
  }
  clock.stop();
}

main({
  A: withChannel((channel) =>
    inRounds(channel, async () => {
      for (let index = 0; index < count; index++) await channel.basicPublish('', queue, body, properties);
      const { later } = patience();
      while ((await channel.queueDeclare(queue, { passive: true })).messageCount < count) await later();
    }),
  ),

  B: withChannel(async (channel) => {
    await channel.confirmSelect();
    await inRounds(channel, async () => {
      for (let index = 0; index < count; index++) {
        const begin = performance.now();
        await channel.basicPublish('', queue, body, properties);
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
          confirms.push(channel.basicPublish('', queue, body, properties));
        }
        await Promise.all(confirms);
      }
    });
  }),

  D: withChannel(async (channel) => {
    await channel.basicQos(250);
    await consumeAll(channel, false);
  }),
  E: withChannel((channel) => consumeAll(channel, true)),
  F: withChannel((channel) => getAll(channel, false)),
  G: withChannel((channel) => getAll(channel, true)),

  H: withChannel(async (channel) => {
    let wanted;
    let answered;
    await channel.basicConsume(REPLY_TO, { noAck: true }, (message) => {
      if (message.properties.correlationId === wanted) answered();
    });
    clock.start();
    for (let index = 0; index < count; index++) {
      const begin = performance.now();
      wanted = String(index);
      const request = { ...properties, replyTo: REPLY_TO, correlationId: wanted };
      await new Promise((resolve, reject) => {
        answered = resolve;
        channel.basicPublish('', queue, body, request).catch(reject);
      });
      clock.lap(begin);
    }
    clock.stop();
    await channel.basicPublish('', queue, 'stop');
  }),

  HS: withChannel(async (channel) => {
    await new Promise((resolve, reject) => {
      const serve = ({ body, properties: { replyTo, correlationId } }) => {
        if (body.length === 4 && Buffer.from(body).toString() === 'stop') resolve();
        else channel.basicPublish('', replyTo, body, { correlationId });
      };
      channel.basicConsume(queue, { noAck: true }, serve).then(() => console.log('ready'), reject);
    });
  }),

  I: withChannel((channel) => channel.basicPublish('', queue, body, properties)),
});
