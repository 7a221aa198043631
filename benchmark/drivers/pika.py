"""pika's BlockingConnection. It has no way to publish without waiting in confirm mode: no scenario C."""
import sys

# this file has the name of what it imports
sys.path.append(sys.path.pop(0))
from job import REPLY_TO, body, clock, count, expect, now, queue, rounds, run, size, until, url  # noqa: E402

import pika  # noqa: E402

transient = pika.BasicProperties(delivery_mode=1)


def with_channel(scenario):
    def connected():
        connection = pika.BlockingConnection(pika.URLParameters(url + '?heartbeat=0'))
        scenario(connection.channel(), connection)
        connection.close()
    return connected


def in_rounds(channel, publish_all):
    for _ in range(rounds):
        clock.start()
        publish_all()
        clock.stop()
        channel.queue_purge(queue)


def publish(channel, connection):
    def publish_all():
        for _ in range(count):
            channel.basic_publish('', queue, body, transient)
        until(lambda: channel.queue_declare(queue, passive=True).method.message_count >= count)
    in_rounds(channel, publish_all)


def confirm_each(channel, connection):
    channel.confirm_delivery()

    def publish_all():
        for _ in range(count):
            begin = now()
            channel.basic_publish('', queue, body, transient)
            clock.lap(begin)
    in_rounds(channel, publish_all)


def consume(no_ack):
    def consume_all(channel, connection):
        left = count

        def take(channel, method, properties, content):
            nonlocal left
            expect(len(content) == size, 'size of a message')
            if not no_ack:
                channel.basic_ack(method.delivery_tag)
            left -= 1
            if not left:
                channel.stop_consuming()
        if not no_ack:
            channel.basic_qos(prefetch_count=250)
        clock.start()
        channel.basic_consume(queue, take, auto_ack=no_ack)
        channel.start_consuming()
        clock.stop()
    return consume_all


def get(empty):
    def get_all(channel, connection):
        clock.start()
        for _ in range(count):
            begin = now()
            method, _properties, _content = channel.basic_get(queue, auto_ack=True)
            clock.lap(begin)
            expect((method is None) == empty, 'a message, or none')
        clock.stop()
    return get_all


def call(channel, connection):
    answered = None

    def take(channel, method, properties, content):
        nonlocal answered
        answered = properties.correlation_id
    channel.basic_consume(REPLY_TO, take, auto_ack=True)
    clock.start()
    for index in range(count):
        begin = now()
        wanted = str(index)
        properties = pika.BasicProperties(delivery_mode=1, reply_to=REPLY_TO, correlation_id=wanted)
        channel.basic_publish('', queue, body, properties)
        while answered != wanted:
            connection.process_data_events(time_limit=None)
        clock.lap(begin)
    clock.stop()
    channel.basic_publish('', queue, b'stop')


def serve(channel, connection):
    def take(channel, method, properties, content):
        if content == b'stop':
            channel.stop_consuming()
        else:
            answer = pika.BasicProperties(correlation_id=properties.correlation_id)
            channel.basic_publish('', properties.reply_to, content, answer)
    channel.basic_consume(queue, take, auto_ack=True)
    print('ready', flush=True)
    channel.start_consuming()


def publish_one(channel, connection):
    channel.basic_publish('', queue, body, transient)


run({name: with_channel(scenario) for name, scenario in {
    'A': publish, 'B': confirm_each, 'D': consume(False), 'E': consume(True), 'F': get(False), 'G': get(True),
    'H': call, 'HS': serve, 'I': publish_one,
}.items()})
