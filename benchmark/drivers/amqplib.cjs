const { once } = require('node:events');
const { job, clock, expect, patience, main } = require('./job.cjs');
const amqp = require('amqplib');

const { size, count, rounds, queue, body } = job;
const BATCH = 1000;
const REPLY_TO = 'amq.rabbitmq.reply-to';
const properties = { deliveryMode: 1 };

function withChannel(scenario, { confirm = false } = {}) {
  return async () => {
    const connection = await amqp.connect(`${job.url}?heartbeat=0`, { noDelay: true });
    const channel = await (confirm ? connection.createConfirmChannel() : connection.createChannel());
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
    await channel.purgeQueue(queue);
  }
}

async function consumeAll(channel, options) {
  let left = count;
  clock.start();
  await new Promise((resolve, reject) => {
    const take = (message) => {
      if (message.content.length !== size) reject(new Error('size of a message'));
      if (!options.noAck) channel.ack(message);
      if (--left === 0) resolve();
    };
    channel.consume(queue, take, options).catch(reject);
  });
  clock.stop();
}

async function getAll(channel, empty) {
  clock.start();
  for (let index = 0; index < count; index++) {
    const begin = performance.now();
    const message = await channel.get(queue, { noAck: true });
    clock.lap(begin);
    expect((message === false) === empty, 'a message, or none');
  }
  clock.stop();
}

main({
  A: withChannel((channel) =>
    inRounds(channel, async () => {
      for (let index = 0; index < count; index++) {
        if (!channel.publish('', queue, body, properties)) await once(channel, 'drain');
      }
      const { later } = patience();
      while ((await channel.checkQueue(queue)).messageCount < count) await later();
    }),
  ),

  B: withChannel(
    (channel) =>
      inRounds(channel, async () => {
        for (let index = 0; index < count; index++) {
          const begin = performance.now();
          await new Promise((resolve, reject) => {
            channel.publish('', queue, body, properties, (error) => (error ? reject(error) : resolve()));
          });
          clock.lap(begin);
        }
      }),
    { confirm: true },
  ),

  C: withChannel(
    (channel) =>
      inRounds(channel, async () => {
        for (let sent = 0; sent < count; ) {
          for (let index = 0; index < BATCH && sent < count; index++, sent++) {
            channel.publish('', queue, body, properties);
          }
          await channel.waitForConfirms();
        }
      }),
    { confirm: true },
  ),

  D: withChannel(async (channel) => {
    await channel.prefetch(250);
    await consumeAll(channel, { noAck: false });
  }),
  E: withChannel((channel) => consumeAll(channel, { noAck: true })),
  F: withChannel((channel) => getAll(channel, false)),
  G: withChannel((channel) => getAll(channel, true)),

  H: withChannel(async (channel) => {
    let wanted;
    let answered;
    const take = (message) => message.properties.correlationId === wanted && answered();
    await channel.consume(REPLY_TO, take, { noAck: true });
    clock.start();
    for (let index = 0; index < count; index++) {
      const begin = performance.now();
      wanted = String(index);
      await new Promise((resolve) => {
        answered = resolve;
        channel.publish('', queue, body, { ...properties, replyTo: REPLY_TO, correlationId: wanted });
      });
      clock.lap(begin);
    }
    clock.stop();
    channel.publish('', queue, Buffer.from('stop'));
  }),

  HS: withChannel(async (channel) => {
    await new Promise((resolve, reject) => {
      const serve = ({ content, properties: { replyTo, correlationId } }) => {
        if (content.length === 4 && content.toString() === 'stop') resolve();
        else channel.publish('', replyTo, content, { correlationId });
      };
      channel.consume(queue, serve, { noAck: true }).then(() => console.log('ready'), reject);
    });
  }),

  I: withChannel((channel) => channel.publish('', queue, body, properties)),
});
