#!/usr/bin/env bash
# RabbitMQ 4.3.6 (Debian forky) with amqplib 2.3.1 and pika 1.2.0 (Debian 12).
#
# A consumer of a quorum queue with a consumer timeout holds two messages, the second of which came half a second later. As
# the first becomes late RabbitMQ sends basic.cancel, as the second does basic.cancel once more, with the same tag. Neither client knows
# the tag then, and both give up the whole connection: amqplib with "Unknown consumer", pika with StreamLostError of a KeyError.
source "$(dirname "$0")/support.sh"
npm_install amqplib@2.3.1
(cd "$folder" && apt-get download -qq python3-pika=1.2.0-1 2>/dev/null && dpkg-deb -x python3-pika_*.deb .)
cat >"$folder/twice.js" <<'JS'
const amqp = require('amqplib');
const { setTimeout: sleep } = require('node:timers/promises');

(async () => {
  const connection = await amqp.connect(process.argv[2]);
  let end = 'none';
  connection.on('error', ({ message }) => {
    end = message;
  });
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('twice.amqplib', {
    arguments: { 'x-queue-type': 'quorum', 'x-consumer-timeout': 2000 },
  });
  const told = [];
  await channel.prefetch(2);
  await channel.consume(queue, (message) => told.push(message === null ? 'cancelled' : `${message.content}`), { consumerTag: 'one' });
  channel.sendToQueue(queue, Buffer.from('a'));
  await sleep(500);
  channel.sendToQueue(queue, Buffer.from('b'));
  await sleep(3000);
  if (end === 'none') channel.sendToQueue(queue, Buffer.from('c')); // the second is not always noticed before something happens
  await sleep(1000);
  console.log(`amqplib: ${told.join(', ')}; the connection ended: ${end}`);
  process.exit(told.join() === 'a,b,cancelled' && end === 'Unknown consumer: one' ? 0 : 1);
})();
JS
cat >"$folder/twice.py" <<'PY'
import sys
import time
import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
queue = 'twice.pika'
channel.queue_declare(queue, durable=True, arguments={'x-queue-type': 'quorum', 'x-consumer-timeout': 2000})
told = []
channel.basic_qos(prefetch_count=2)
channel.add_on_cancel_callback(lambda frame: told.append('cancelled'))
channel.basic_consume(queue, lambda channel, method, properties, body: told.append(body.decode()), consumer_tag='one')
end = 'none'

def serve(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection.process_data_events(0.1)

try:
    channel.basic_publish('', queue, b'a')
    serve(0.5)
    channel.basic_publish('', queue, b'b')
    serve(3)
    channel.basic_publish('', queue, b'c')
    serve(1)
except pika.exceptions.StreamLostError as error:
    end = str(error)
print(f'pika {pika.__version__}: {", ".join(told)}; the connection ended: {end}')
assert told == ['a', 'b', 'cancelled'] and end == "Stream connection lost: KeyError('one')"
PY
start_rabbitmq forky 4.3.6-1
echo 'rabbitmq-server forky 4.3.6-1'
(cd "$folder" && node twice.js "$url" && PYTHONPATH=usr/lib/python3/dist-packages /usr/bin/python3 twice.py "$url")
