#!/usr/bin/env bash
# amqplib 2.3.1 on Node.js 20, RabbitMQ 3.10.8.
#
# `connection.close()` right behind `channel.sendToQueue(…)` is answered without an error, and the message was never sent:
# it still waits in the channel's buffer when the connection stops writing. 20 of 20 are lost; behind `await
# channel.close()`, or with a confirm that is waited for, none.
source "$(dirname "$0")/support.sh"
npm_install amqplib@2.3.1
start_rabbitmq bookworm 3.10.8-1.1+deb12u1
cat >"$folder/close.cjs" <<'JS'
const amqp = require('amqplib');
const [, , url, how] = process.argv;
(async () => {
  let lost = 0;
  for (let round = 0; round < 20; round++) {
    const connection = await amqp.connect(url);
    const channel = await connection.createChannel();
    await channel.assertQueue('messages', { durable: true });
    await channel.purgeQueue('messages');
    channel.sendToQueue('messages', Buffer.from('a message'));
    if (how === 'channel first') await channel.close();
    await connection.close();
    const again = await amqp.connect(url);
    const looking = await again.createChannel();
    await new Promise((resolve) => setTimeout(resolve, 100));
    if ((await looking.checkQueue('messages')).messageCount === 0) lost++;
    await again.close();
  }
  console.log(lost);
})();
JS
alone=$(node "$folder/close.cjs" "$url" 'connection alone')
channel=$(node "$folder/close.cjs" "$url" 'channel first')
echo "amqplib 2.3.1, RabbitMQ 3.10.8: connection.close() behind sendToQueue loses $alone of 20 messages; with channel.close() ahead of it $channel"
((alone == 20 && channel == 0))
