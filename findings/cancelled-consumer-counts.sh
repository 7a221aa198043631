#!/usr/bin/env bash
# RabbitMQ 3.10.8 (Debian 12) and 4.3.6 (Debian forky), asked with amqplib 2.3.1.
#
# A consumer is cancelled while it has a message that is not acked. A classic queue has no consumer then; a quorum queue
# goes on counting it until the last such message is settled. Whoever concludes from the count that somebody serves the
# queue is wrong.
source "$(dirname "$0")/support.sh"
npm_install amqplib@2.3.1
cat >"$folder/consumers.js" <<'JS'
const amqp = require('amqplib');

(async () => {
  const connection = await amqp.connect(process.argv[2]);
  const channel = await connection.createConfirmChannel();
  for (const [type, expected] of [['classic', '0,0'], ['quorum', '1,0']]) {
    const queue = `consumers.${type}`;
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
    channel.sendToQueue(queue, Buffer.from('m'));
    await channel.waitForConfirms();
    const message = await new Promise((resolve) => channel.consume(queue, resolve, { consumerTag: type }));
    await channel.cancel(type);
    const consumers = async () => (await channel.checkQueue(queue)).consumerCount;
    const held = await consumers();
    channel.ack(message);
    let settled = await consumers();
    for (let tries = 0; settled > 0 && tries < 1000; tries++) settled = await consumers();
    console.log(`${type}: ${held} consumers after the cancel, ${settled} after the ack`);
    if (`${held},${settled}` !== expected) process.exitCode = 1;
  }
  await connection.close();
})();
JS
for broker in 'bookworm 3.10.8-1.1+deb12u1' 'forky 4.3.6-1'; do
  # shellcheck disable=SC2086
  start_rabbitmq $broker
  echo "rabbitmq-server $broker"
  (cd "$folder" && node consumers.js "$url")
done
