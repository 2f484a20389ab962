"""Publishers and consumers that go on through every fault, at whichever instance answers, and keep the ledger."""
import json
import random
import threading
import time

from support.client import Client
from support.cluster import GONE
from support.load import fresh_events

IMPATIENCE = 5  # seconds until a client asks another instance
CERTAINTY = 300  # seconds until what is in doubt is known, on a machine that does other things as well
REST = 0.05  # after a refusal
WANDERING = 0.02  # the chance that a client goes to another instance after a turn, so that none is left without work
PACE = 0.01  # between two requests of a publisher: the servers share two cores with everything else


class NotNow(Exception):
    """The service said 429 or 503."""


def expect(answer, *statuses):
    if answer.status in (429, 503):
        raise NotNow
    assert answer.status in statuses, answer
    return answer.json


class Worker(threading.Thread):
    """Repeats `turn` until `stopping` is set. After a fault of the service it goes on at another instance."""

    def __init__(self, cluster, ledger, name, seed):
        super().__init__(name=name, daemon=True)
        self.cluster, self.ledger = cluster, ledger
        self.random, self.stopping, self.client = random.Random(seed), threading.Event(), None

    def run(self):
        while not self.stopping.is_set():
            try:
                self.connect()
                self.turn()
                if self.random.random() < WANDERING:
                    self.leave()
            except (NotNow, *GONE):
                self.leave()
                self.stopping.wait(REST)
            except Exception as problem:  # pylint: disable=broad-except
                self.ledger.violated(f"{self.name}: {problem!r}")
                return
        self.leave()

    def connect(self):
        if self.client is None:
            port = self.random.choice(self.cluster.instances).port
            if port is None:
                raise NotNow
            self.client = Client("127.0.0.1", port, timeout=IMPATIENCE)

    def leave(self):
        if self.client:
            self.client.close()
        self.client = None


class Publisher(Worker):
    """Publishes numbered events of its own keys, alone or as NDJSON; what is in doubt is repeated before anything new."""

    def turn(self):
        events = self.ledger.doubtful.get(self.name) or fresh_events(self.ledger, self.name, self.random)
        self.ledger.sending(self.name, events)
        if len(events) == 1:
            expect(self.client.post("/events", events[0]), 200, 201)
        else:
            body = "".join(json.dumps(event) + "\n" for event in events)
            answer = self.client.post("/events/batch", body=body, headers={"Content-Type": "application/x-ndjson"})
            if answer.status in (207, 422):
                assert all(result["error"]["code"] in ("unavailable", "too_many_requests", "draining") for result in answer.json["results"]), answer
                raise NotNow
            assert expect(answer, 201)["failed"] == 0, answer
        self.ledger.published(self.name)
        self.stopping.wait(PACE)

    def in_doubt(self):
        return bool(self.ledger.doubtful.get(self.name))

    def finish(self):
        """What is in doubt is known when this returns."""
        self.stopping.set()
        self.join(60)
        deadline = time.monotonic() + CERTAINTY
        while self.in_doubt():
            assert time.monotonic() < deadline, f"{self.name} still does not know what became of its last request after {CERTAINTY} s"
            try:
                self.connect()
                self.turn()
            except (NotNow, *GONE):
                self.leave()
        self.leave()


class Consumer(Worker):
    """Receives from one queue and acknowledges; now and then it fails an event or walks away from some."""

    def __init__(self, cluster, ledger, name, seed, queue):
        super().__init__(cluster, ledger, name, seed)
        self.queue = queue

    def turn(self):
        body = {"max": self.random.choice((1, 10, 200)), "wait_ms": 100}
        deliveries = expect(self.client.post(f"/queues/{self.queue}/receive", body), 200)["deliveries"]
        if not deliveries and self.random.random() < 0.3:
            self.leave()  # an ordered queue is served by one instance at a time
            return
        for delivery in deliveries:
            self.ledger.delivered(self.queue, delivery)
        failing = [delivery for delivery in deliveries if delivery["attempt"] == 1 and self.random.random() < 0.01]
        handled = [delivery for delivery in deliveries if delivery not in failing]
        if handled:
            self.ledger.acking(self.queue, handled)
            answer = expect(self.client.post(f"/queues/{self.queue}/ack", {"delivery_ids": [one["delivery_id"] for one in handled]}), 200)
            self.ledger.acked(self.queue, handled, set(answer["unknown"]))
        if failing:
            expect(self.client.post(f"/queues/{self.queue}/nack", {"delivery_ids": [one["delivery_id"] for one in failing], "delay_ms": 50}), 200)


def let_go(workers):
    """Ends them; what they hold comes again."""
    for worker in workers:
        worker.stopping.set()
    for worker in workers:
        worker.join(30)
