/** amqplib made synchronous with synckit: what one would do without this library. */
const { createSyncFn } = require('synckit');
const { job, clock, expect, patience, main } = require('./job.cjs');

const call = createSyncFn(require.resolve('./synckit-worker.mjs'));
const { size, count, rounds, queue, body } = job;
const BATCH = 1000;
const REPLY_TO = 'amq.rabbitmq.reply-to';
const properties = { deliveryMode: 1 };

function connected(scenario, { confirm = false } = {}) {
  return () => {
    call('connect', job.url, confirm);
    scenario();
    call('close');
    process.exitCode = 0;
    setTimeout(() => process.exit(), 0); // after the report
  };
}

function inRounds(publishAll) {
  for (let round = 0; round < rounds; round++) {
    clock.start();
    publishAll();
    clock.stop();
    call('purge', queue);
  }
}

function consumeAll(noAck) {
  clock.start();
  call('consume', queue, { noAck });
  for (let index = 0; index < count; index++) {
    const message = call('next');
    expect(message.content.length === size, 'size of a message');
    if (!noAck) call('ack', message.fields.deliveryTag);
  }
  clock.stop();
}

function getAll(empty) {
  clock.start();
  for (let index = 0; index < count; index++) {
    const begin = performance.now();
    const message = call('get', queue, { noAck: true });
    clock.lap(begin);
    expect((message === false) === empty, 'a message, or none');
  }
  clock.stop();
}

main({
  A: connected(() =>
    inRounds(() => {
      for (let index = 0; index < count; index++) call('publish', queue, body, properties);
      const { pause } = patience();
      while (call('check', queue).messageCount < count) pause();
    }),
  ),

  B: connected(
    () =>
      inRounds(() => {
        for (let index = 0; index < count; index++) {
          const begin = performance.now();
          call('publishConfirmed', queue, body, properties);
          clock.lap(begin);
        }
      }),
    { confirm: true },
  ),

  C: connected(
    () =>
      inRounds(() => {
        for (let sent = 0; sent < count; ) {
          for (let index = 0; index < BATCH && sent < count; index++, sent++) {
            call('publish', queue, body, properties);
          }
          call('waitForConfirms');
        }
      }),
    { confirm: true },
  ),

  D: connected(() => {
    call('prefetch', 250);
    consumeAll(false);
  }),
  E: connected(() => consumeAll(true)),
  F: connected(() => getAll(false)),
  G: connected(() => getAll(true)),

  H: connected(() => {
    call('consume', REPLY_TO, { noAck: true });
    clock.start();
    for (let index = 0; index < count; index++) {
      const begin = performance.now();
      const correlationId = String(index);
      call('publish', queue, body, { ...properties, replyTo: REPLY_TO, correlationId });
      while (call('next').properties.correlationId !== correlationId);
      clock.lap(begin);
    }
    clock.stop();
    call('publish', queue, Buffer.from('stop'), {});
  }),

  HS: connected(() => {
    call('consume', queue, { noAck: true });
    console.log('ready');
    for (;;) {
      const { content, properties } = call('next');
      if (content.length === 4 && Buffer.from(content).toString() === 'stop') break;
      call('publish', properties.replyTo, content, { correlationId: properties.correlationId });
    }
  }),

  I: connected(() => call('publish', queue, body, properties)),
});
