"""pika's BlockingConnection in its ordinary use; the argument is the URL of a broker."""
import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.exchange_declare('py.direct', exchange_type='direct', auto_delete=True)
channel.queue_declare('py.q', durable=True, arguments={'x-max-priority': 5})
channel.queue_bind('py.q', 'py.direct', routing_key='k')
channel.confirm_delivery()

properties = pika.BasicProperties(content_type='text/plain', headers={'n': 1, 'deep': {'list': [1, 'two']}}, priority=3)
channel.basic_publish('py.direct', 'k', b'one', properties, mandatory=True)
try:
    channel.basic_publish('', 'py.nowhere', b'lost', mandatory=True)
    raise AssertionError('nothing was returned')
except pika.exceptions.UnroutableError as error:
    assert error.messages[0].body == b'lost'

method, got, body = channel.basic_get('py.q')
assert body == b'one' and got.headers['deep'] == {'list': [1, 'two']} and not method.redelivered
channel.basic_nack(method.delivery_tag, requeue=True)

channel.basic_qos(prefetch_count=1)
for n in range(3):
    channel.basic_publish('', 'py.q', str(n).encode())
bodies = []
for method, got, body in channel.consume('py.q', inactivity_timeout=60):
    bodies.append(body)
    channel.basic_ack(method.delivery_tag)
    if len(bodies) == 4:
        break
channel.cancel()
assert bodies == [b'one', b'0', b'1', b'2'], bodies

transaction = connection.channel()
transaction.tx_select()
transaction.basic_publish('', 'py.q', b'rolled back')
transaction.tx_rollback()
transaction.basic_publish('', 'py.q', b'committed')
transaction.tx_commit()
assert channel.basic_get('py.q', auto_ack=True)[2] == b'committed'
assert channel.basic_get('py.q') == (None, None, None)

try:
    connection.channel().queue_declare('py.q', durable=True)
    raise AssertionError('no error')
except pika.exceptions.ChannelClosedByBroker as error:
    assert error.reply_code == 406 and 'inequivalent arg' in error.reply_text

channel.queue_delete('py.q')
connection.close()
print('all is well')
