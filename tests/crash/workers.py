"""Publishers and consumers that work until the service dies, and what they do when it is back."""
import http.client
import json
import random
import threading

from support.client import Client
from support.load import fresh_events

GONE = (ConnectionError, http.client.HTTPException, OSError)


class Worker(threading.Thread):
    """Repeats `turn` until the service is gone or `stopping` is set; anything else that goes wrong is a violation."""

    def __init__(self, server, ledger, name, seed):
        super().__init__(name=name)
        self.client = Client(*server.address, timeout=20)
        self.ledger, self.random, self.stopping = ledger, random.Random(seed), threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.turn()
        except GONE:
            pass
        except Exception as problem:  # pylint: disable=broad-except
            self.ledger.violated(f"{self.name}: {problem!r}")
        finally:
            self.client.close()


class Publisher(Worker):
    """Publishes numbered events of its own keys, alone or as NDJSON; first of all what the last crash left in doubt."""

    def turn(self):
        events = self.ledger.doubtful.get(self.name) or fresh_events(self.ledger, self.name, self.random)
        self.ledger.sending(self.name, events)
        if len(events) == 1:
            answer = self.client.post("/events", events[0])
            assert answer.status in (200, 201), answer
        else:
            body = "".join(json.dumps(event) + "\n" for event in events)
            answer = self.client.post("/events/batch", body=body, headers={"Content-Type": "application/x-ndjson"})
            assert answer.status == 201 and answer.json["failed"] == 0, answer
        self.ledger.published(self.name)


class Consumer(Worker):
    """Receives from one queue and acknowledges; now and then it fails an event or leaves some unanswered."""

    def __init__(self, server, ledger, name, seed, queue, steady=False):
        super().__init__(server, ledger, name, seed)
        self.queue, self.steady = queue, steady

    def turn(self):
        deliveries = self.client.receive(self.queue, max=self.random.choice((1, 10, 200)), wait_ms=100)
        for delivery in deliveries:
            self.ledger.delivered(self.queue, delivery)
        failing = [] if self.steady else [d for d in deliveries if d["attempt"] == 1 and self.random.random() < 0.02]
        if failing:
            self.client.nack(self.queue, *failing)
        handled = [delivery for delivery in deliveries if delivery not in failing]
        if handled:
            self.ledger.acking(self.queue, handled)
            answer = self.client.ack(self.queue, *handled)
            self.ledger.acked(self.queue, handled, set(answer["unknown"]))
