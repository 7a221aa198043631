"""py-amqp in its ordinary use; the argument is the URL of a broker."""
import sys
from urllib.parse import urlsplit

import amqp

where = urlsplit(sys.argv[1])
connection = amqp.Connection(
    f'{where.hostname}:{where.port}', userid=where.username, password=where.password, login_method='AMQPLAIN', heartbeat=10
)
connection.connect()
channel = connection.channel()
channel.exchange_declare('pa.fanout', 'fanout', auto_delete=True)
queue, _, _ = channel.queue_declare('', exclusive=True, auto_delete=False)
channel.queue_bind(queue, 'pa.fanout')
channel.confirm_select()
channel.basic_publish_confirm(amqp.Message('one', content_type='text/plain', application_headers={'n': 1}), 'pa.fanout')

message = channel.basic_get(queue)
assert message.body == 'one' and message.headers == {'n': 1}, (message.body, message.headers)
channel.basic_reject(message.delivery_tag, requeue=True)

got = []


def take(message):
    got.append((message.body, message.delivery_info['redelivered']))
    channel.basic_ack(message.delivery_tag)


channel.basic_qos(0, 10, False)
tag = channel.basic_consume(queue, callback=take)
for n in range(3):
    channel.basic_publish(amqp.Message(str(n)), 'pa.fanout')
while len(got) < 4:
    connection.drain_events(timeout=60)
channel.basic_cancel(tag)
assert got == [('one', True), ('0', False), ('1', False), ('2', False)], got

work = connection.channel()
work.tx_select()
work.basic_publish(amqp.Message('in a transaction'), '', queue)
work.tx_commit()
assert channel.basic_get(queue, no_ack=True).body == 'in a transaction'

try:
    work.queue_declare('pa.none', passive=True)
    raise AssertionError('no error')
except amqp.NotFound as error:
    assert error.reply_code == 404

assert channel.queue_purge(queue) == 0
connection.send_heartbeat()
channel.close()
connection.close()
print('all is well')
