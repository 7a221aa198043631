#!/usr/bin/env bash
# RabbitMQ 3.10.8 (Debian 12) and 4.3.6 (Debian forky), asked with amqplib 2.3.1.
#
# messageId and correlationId are strings in AMQP 0-9-1. A stream of 4.3.6 keeps messages in AMQP 1.0's form, where an id
# may be a UUID: one that is written `urn:uuid:` and capital letters comes back in small ones, so that a reply is not found
# by its id. Other texts, and the same id in a classic queue or in a stream of 3.10.8, come back as they were sent.
source "$(dirname "$0")/support.sh"
npm_install amqplib@2.3.1
cat >"$folder/ids.js" <<'JS'
const amqp = require('amqplib');
const [, , url, changing] = process.argv;
const CAPITAL = 'urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6';
const IDS = [CAPITAL, CAPITAL.toLowerCase(), 'ORDER-42', 'URN:UUID:F81D4FAE'];

(async () => {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(10);
  const changed = [];
  for (const type of ['classic', 'stream']) {
    const queue = `ids.${type}`;
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
    for (const id of IDS) channel.sendToQueue(queue, Buffer.from(id), { messageId: id, correlationId: id });
    await channel.waitForConfirms();
    const arguments = type === 'stream' ? { 'x-stream-offset': 'first' } : {};
    await new Promise((resolve) => {
      let count = 0;
      channel.consume(queue, ({ content, properties }) => {
        for (const name of ['messageId', 'correlationId']) {
          if (properties[name] === content.toString()) continue;
          changed.push(`${type} ${name}`);
          console.log(`${type}: ${name} ${content} came back as ${properties[name]}`);
        }
        if (++count === IDS.length) resolve();
      }, { arguments });
    });
  }
  if (changed.length === 0) console.log('all ids came back as they were sent');
  await connection.close();
  if (changed.join() !== changing) process.exitCode = 1;
})();
JS
changes() {
  start_rabbitmq "$1" "$2"
  echo "rabbitmq-server $1 $2"
  (cd "$folder" && node ids.js "$url" "$3")
}
changes bookworm 3.10.8-1.1+deb12u1 ''
changes forky 4.3.6-1 'stream messageId,stream correlationId'
