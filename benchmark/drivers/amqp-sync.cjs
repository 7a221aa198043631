/** This library, as its README says to use it. AMQP_SYNC_LIBRARY names the build to measure. */
const { job, clock, expect, patience, main } = require('./job.cjs');
const { connect } = require(process.env.AMQP_SYNC_LIBRARY || '../../../dist/src/index.js');

const { size, count, rounds, queue, body } = job;
const BATCH = 1000;
const REPLY_TO = 'amq.rabbitmq.reply-to';
const address = { routingKey: queue, deliveryMode: 1 };

function withChannel(scenario) {
  return () => {
    const connection = connect(job.url, { heartbeat: 0 });
    scenario(connection.channel(), connection);
    connection.close();
  };
}

function inRounds(channel, publishAll) {
  for (let round = 0; round < rounds; round++) {
    clock.start();
    publishAll();
    clock.stop();
    channel.queuePurge(queue);
  }
}

function consumeAll(channel, options) {
  let left = count;
  clock.start();
  for (const message of channel.consume(queue, options)) {
    expect(message.body.length === size, 'size of a message');
    if (!options.noAck) message.ack();
    if (--left === 0) break;
  }
  clock.stop();
}

function getAll(channel, empty) {
  clock.start();
  for (let index = 0; index < count; index++) {
    const begin = performance.now();
    const message = channel.basicGet(queue, { noAck: true });
    clock.lap(begin);
    expect((message === null) === empty, 'a message, or none');
  }
  clock.stop();
}

main({
  A: withChannel((channel) =>
    inRounds(channel, () => {
      for (let index = 0; index < count; index++) channel.basicPublish(body, address);
      const { pause } = patience();
      while (channel.queueDeclare(queue, { passive: true }).messageCount < count) pause();
    }),
  ),

  B: withChannel((channel) => {
    channel.confirmSelect();
    inRounds(channel, () => {
      for (let index = 0; index < count; index++) {
        const begin = performance.now();
        channel.basicPublish(body, address);
        clock.lap(begin);
      }
    });
  }),

  C: withChannel((channel) => {
    channel.confirmSelect();
    inRounds(channel, () => {
      for (let sent = 0; sent < count; sent += BATCH) {
        const batch = Array(Math.min(BATCH, count - sent)).fill(body);
        const results = channel.publishBatch(batch, address);
        expect(
          results.every(({ status }) => status === 'acked'),
          'all acked',
        );
      }
    });
  }),

  D: withChannel((channel) => consumeAll(channel, { prefetch: 250 })),
  E: withChannel((channel) => consumeAll(channel, { noAck: true })),
  F: withChannel((channel) => getAll(channel, false)),
  G: withChannel((channel) => getAll(channel, true)),

  H: withChannel((channel, connection) => {
    let answered = '';
    channel.basicConsume(REPLY_TO, (message) => (answered = message.properties.correlationId), {
      noAck: true,
    });
    clock.start();
    for (let index = 0; index < count; index++) {
      const begin = performance.now();
      const correlationId = String(index);
      channel.basicPublish(body, { ...address, replyTo: REPLY_TO, correlationId });
      while (answered !== correlationId) connection.drainEvents();
      clock.lap(begin);
    }
    clock.stop();
    channel.basicPublish('stop', address);
  }),

  HS: withChannel((channel) => {
    const requests = channel.consume(queue, { noAck: true });
    console.log('ready');
    for (const { body, properties } of requests) {
      if (body.length === 4 && body.toString() === 'stop') break;
      const { replyTo, correlationId } = properties;
      channel.basicPublish(body, { routingKey: replyTo, correlationId });
    }
  }),

  I: withChannel((channel) => channel.basicPublish(body, address)),
});
