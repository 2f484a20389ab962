"""An AMQP client that knows nothing of the service."""
import struct

import pika

from support.waiting import eventually

_encode, _decode = pika.data.encode_value, pika.data.decode_value


def _encode_value(pieces, value):
    """Pika writes no floats."""
    if not isinstance(value, float):
        return _encode(pieces, value)
    pieces.append(struct.pack(">cd", b"d", value))
    return 9


def _decode_value(encoded, offset):
    """Pika cuts those that it reads."""
    return (struct.unpack_from(">d", encoded, offset + 1)[0], offset + 9) if encoded[offset:offset + 1] == b"d" else _decode(encoded, offset)


pika.data.encode_value, pika.data.decode_value = _encode_value, _decode_value


class Amqp:
    """One connection of pika's to the virtual host of a service."""

    def __init__(self, url):
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def declare(self, queue, exchange="events", routing_key="#"):
        """A queue of the client's own."""
        self.channel.exchange_declare(exchange, "topic", durable=True)
        self.channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        self.channel.queue_bind(queue, exchange, routing_key)

    def publish(self, exchange, routing_key, body, **properties):
        """Once some queue takes the message. One that was declared just now may refuse the first as long as it has no leader."""
        def routed():
            try:
                self.channel.basic_publish(exchange, routing_key, body, pika.BasicProperties(delivery_mode=2, **properties), mandatory=True)
            except (pika.exceptions.UnroutableError, pika.exceptions.NackError):
                return False
            return True
        eventually(routed)

    def get(self, queue):
        """The next message of a queue, not acknowledged: how it came, its properties and its body."""
        return self.take(queue, 1)[0]

    def take(self, queue, count):
        """The next `count` messages of a queue, none acknowledged."""
        messages = []
        self.channel.basic_qos(prefetch_count=count)
        for message in self.channel.consume(queue, inactivity_timeout=20):
            messages += [message] if message[0] else []
            if len(messages) == count or not message[0]:
                break
        self.channel.cancel()
        assert len(messages) == count, f"only {len(messages)} of {count} came from {queue}"
        return messages

    def ready(self, queue):
        return self.channel.queue_declare(queue, passive=True).method.message_count
