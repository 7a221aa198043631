#!/usr/bin/env bash
# RabbitMQ 3.10.8 (Debian 12) and 4.3.6 (Debian forky), asked with amqplib 2.3.1.
#
# A channel gives fifty messages back, one basic.nack each, and asks for the queue's count with a passive declare. Both
# travel on one channel, in this order, yet the count lacks most of the fifty, on classic and on quorum queues; a moment
# later it is right. Whoever looks for leftovers after leaving a consumer is told of too few. One basic.nack with
# `multiple` for all of them hardly shows it on a classic queue.
source "$(dirname "$0")/support.sh"
npm_install amqplib@2.3.1
cat >"$folder/count.js" <<'JS'
const amqp = require('amqplib');

/** Of twenty rounds, in how many did the count lack some of the fifty messages that had just been given back? */
async function roundsShort(url, type, multiple) {
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue(`count.${type}.${multiple}`, { durable: true, arguments: { 'x-queue-type': type } });
  const count = async () => (await channel.checkQueue(queue)).messageCount;
  for (let i = 0; i < 500; i++) channel.sendToQueue(queue, Buffer.from('m'));
  while ((await count()) < 500);
  await channel.prefetch(50);
  let short = 0;
  for (let round = 0; round < 20; round++) {
    const messages = [];
    await new Promise((resolve) => {
      channel.consume(queue, (message) => messages.push(message) === 50 && resolve(), { consumerTag: `${round}` });
    });
    await channel.cancel(`${round}`);
    for (const message of multiple ? messages.slice(-1) : messages) channel.nack(message, multiple, true);
    if ((await count()) < 500) short++;
    while ((await count()) < 500);
  }
  await connection.close();
  return short;
}

(async () => {
  for (const type of ['classic', 'quorum']) {
    const [single, multiple] = [await roundsShort(process.argv[2], type, false), await roundsShort(process.argv[2], type, true)];
    console.log(`${type}: too few in ${single} of 20 rounds after fifty nacks, in ${multiple} after one with multiple`);
    if (single < 10) process.exitCode = 1;
  }
})();
JS
for broker in 'bookworm 3.10.8-1.1+deb12u1' 'forky 4.3.6-1'; do
  # shellcheck disable=SC2086
  start_rabbitmq $broker
  echo "rabbitmq-server $broker"
  (cd "$folder" && node count.js "$url")
done
