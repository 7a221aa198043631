"""py-amqp, what kombu and Celery stand on."""
from urllib.parse import unquote, urlsplit

import amqp

from job import BATCH, REPLY_TO, body, clock, count, expect, now, queue, rounds, run, scenario as chosen, size, until, url


def with_channel(scenario):
    def connected():
        address = urlsplit(url)
        connection = amqp.Connection(
            '%s:%d' % (address.hostname, address.port or 5672),
            userid=unquote(address.username or 'guest'),
            password=unquote(address.password or 'guest'),
            virtual_host=unquote(address.path[1:]) or '/',
            login_method='PLAIN',
            heartbeat=0,
            confirm_publish=chosen == 'B',
        )
        connection.connect()
        scenario(connection.channel(), connection)
        connection.close()
    return connected


def message():
    return amqp.Message(body, delivery_mode=1)


def in_rounds(channel, publish_all):
    for _ in range(rounds):
        clock.start()
        publish_all()
        clock.stop()
        channel.queue_purge(queue)


def publish(channel, connection):
    def publish_all():
        for _ in range(count):
            channel.basic_publish(message(), routing_key=queue)
        until(lambda: channel.queue_declare(queue, passive=True).message_count >= count)
    in_rounds(channel, publish_all)


def confirm_each(channel, connection):
    def publish_all():
        for _ in range(count):
            begin = now()
            channel.basic_publish(message(), routing_key=queue)
            clock.lap(begin)
    in_rounds(channel, publish_all)


def confirm_batches(channel, connection):
    sent = acked = 0

    def confirmed(tag, multiple):
        nonlocal acked
        acked = tag if multiple else acked + 1
    channel.confirm_select()
    channel.events['basic_ack'].add(confirmed)

    def publish_all():
        nonlocal sent
        for start in range(0, count, BATCH):
            for _ in range(min(BATCH, count - start)):
                channel.basic_publish(message(), routing_key=queue)
                sent += 1
            while acked < sent:
                connection.drain_events()
    in_rounds(channel, publish_all)


def consume(no_ack):
    def consume_all(channel, connection):
        left = count

        def take(message):
            nonlocal left
            expect(len(message.body) == size, 'size of a message')
            if not no_ack:
                channel.basic_ack(message.delivery_tag)
            left -= 1
        if not no_ack:
            channel.basic_qos(0, 250, False)
        clock.start()
        channel.basic_consume(queue, callback=take, no_ack=no_ack)
        while left:
            connection.drain_events()
        clock.stop()
    return consume_all


def get(empty):
    def get_all(channel, connection):
        clock.start()
        for _ in range(count):
            begin = now()
            message = channel.basic_get(queue, no_ack=True)
            clock.lap(begin)
            expect((message is None) == empty, 'a message, or none')
        clock.stop()
    return get_all


def call(channel, connection):
    answered = None

    def take(message):
        nonlocal answered
        answered = message.properties['correlation_id']
    channel.basic_consume(REPLY_TO, callback=take, no_ack=True)
    clock.start()
    for index in range(count):
        begin = now()
        wanted = str(index)
        request = amqp.Message(body, delivery_mode=1, reply_to=REPLY_TO, correlation_id=wanted)
        channel.basic_publish(request, routing_key=queue)
        while answered != wanted:
            connection.drain_events()
        clock.lap(begin)
    clock.stop()
    channel.basic_publish(amqp.Message(b'stop'), routing_key=queue)


def serve(channel, connection):
    stopped = False

    def take(request):
        nonlocal stopped
        if request.body in (b'stop', 'stop'):
            stopped = True
            return
        properties = request.properties
        answer = amqp.Message(request.body, correlation_id=properties['correlation_id'])
        channel.basic_publish(answer, routing_key=properties['reply_to'])
    channel.basic_consume(queue, callback=take, no_ack=True)
    print('ready', flush=True)
    while not stopped:
        connection.drain_events()


def publish_one(channel, connection):
    channel.basic_publish(message(), routing_key=queue)


run({name: with_channel(scenario) for name, scenario in {
    'A': publish, 'B': confirm_each, 'C': confirm_batches, 'D': consume(False), 'E': consume(True),
    'F': get(False), 'G': get(True), 'H': call, 'HS': serve, 'I': publish_one,
}.items()})
