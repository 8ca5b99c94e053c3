"""A program as it stands behind the queue of ads today: pika, one queue, {"content": {...}}.

Prints the number of each ad it got, acknowledges it, and connects again when the broker goes away.
"""
import json
import sys
import time

import pika

address, queue = sys.argv[1], sys.argv[2]


def handle(channel, method, properties, body):
    message = json.loads(body)
    assert set(message) == {"content"}, message
    assert properties.delivery_mode == 2, properties
    print(message["content"]["ad"], properties.message_id, flush=True)
    channel.basic_ack(method.delivery_tag)


while True:
    try:
        connection = pika.BlockingConnection(pika.URLParameters(address))
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        channel.basic_qos(prefetch_count=200)
        channel.basic_consume(queue, handle)
        channel.start_consuming()
    except (pika.exceptions.AMQPError, OSError):
        time.sleep(0.2)
