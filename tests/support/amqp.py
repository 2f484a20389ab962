"""An AMQP client that knows nothing of the service."""
import pika

from support.waiting import eventually


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
        self.channel.basic_qos(prefetch_count=1)
        message = next(self.channel.consume(queue, inactivity_timeout=20))
        self.channel.cancel()
        assert message[0], f"nothing came from {queue}"
        return message

    def ready(self, queue):
        return self.channel.queue_declare(queue, passive=True).method.message_count
