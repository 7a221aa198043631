#!/usr/bin/env bash
# RabbitMQ 3.10.8 (Debian 12) and 4.3.6 (Debian forky), asked with amqplib 2.3.1.
#
# A message is rejected, and the dead-letter routing key of its queue leads to a stream. With 4.3.6 it arrives there. With
# 3.10.8 it is gone: it is in no queue any more, and the stream never gets it, while a classic queue in its place does.
source "$(dirname "$0")/support.sh"
npm_install amqplib@2.3.1
cat >"$folder/dead.js" <<'JS'
const amqp = require('amqplib');
const [, , url, expected] = process.argv;
const seconds = (n) => new Promise((resolve) => setTimeout(resolve, n * 1000));

(async () => {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(10);
  const arrived = [];
  for (const type of ['classic', 'stream']) {
    await channel.assertQueue(`dead.${type}`, { durable: true, arguments: { 'x-queue-type': type } });
    const arguments = type === 'stream' ? { 'x-stream-offset': 'first' } : {};
    await channel.consume(`dead.${type}`, (message) => arrived.push(message.content.toString()), { arguments });
    await channel.assertQueue(`work.${type}`, { durable: true, deadLetterExchange: '', deadLetterRoutingKey: `dead.${type}` });
    channel.sendToQueue(`work.${type}`, Buffer.from(type));
    await channel.waitForConfirms();
    channel.reject(await channel.get(`work.${type}`), false);
  }
  await seconds(5);
  console.log(`dead letters arrived in: ${arrived.sort().join(', ')}`);
  await connection.close();
  if (arrived.join() !== expected) process.exitCode = 1;
})();
JS
arrives_in() {
  start_rabbitmq "$1" "$2"
  echo "rabbitmq-server $1 $2"
  (cd "$folder" && node dead.js "$url" "$3")
}
arrives_in bookworm 3.10.8-1.1+deb12u1 classic
arrives_in forky 4.3.6-1 classic,stream
