"""Load, crash, restart, and the proof that nothing promised is missing."""
import json
import urllib.parse

from support.ledger import QUEUES, Ledger
from support.raw_http import RawConnection, request
from support.waiting import eventually
from workers import Consumer, Publisher

PUBLISHERS, CONSUMERS = 4, 2


class Rig:
    """One data directory, one ledger, any number of lives of the service."""

    def __init__(self, server, seed):
        self.server, self.seed, self.life = server, seed, 0
        self.ledger = Ledger()
        server.start()
        client = server.client()
        for queue in QUEUES:
            client.declare(queue, "crash.#", ordered=queue == "ordered", max_retries=1000, lease_ms=600000)

    def start_workers(self):
        self.life += 1
        workers = [Publisher(self.server, self.ledger, f"p{n}", f"{self.seed} {self.life} p{n}") for n in range(PUBLISHERS)]
        workers += [Consumer(self.server, self.ledger, f"{queue}-{n}", f"{self.seed} {self.life} {queue} {n}", queue)
                    for queue in QUEUES for n in range(CONSUMERS)]
        for worker in workers:
            worker.start()
        return workers

    def expect_no_violation(self):
        assert not self.ledger.violations, "\n".join(self.ledger.violations[:20]) + "\n" + self.server.log[-3000:]

    def prove_recovery(self):
        """Settles what is in doubt, drains the queues, and holds the service against the ledger."""
        self.settle_doubts()
        self.drain()
        self.expect_no_violation()
        self.expect_readable()
        for queue in QUEUES:
            missing = self.ledger.unseen(queue)
            assert not missing, f"{queue}: {len(missing)} acknowledged events were never delivered, e.g. {sorted(missing)[:5]}"
        self.server.stop()

    def settle_doubts(self):
        for name in list(self.ledger.doubtful):
            publisher = Publisher(self.server, self.ledger, name, self.seed)
            eventually(lambda: not self.ledger.doubtful.get(name) or publisher.turn(), patience=120)  # pylint: disable=cell-var-from-loop

    def drain(self):
        client = self.server.client()
        consumers = [Consumer(self.server, self.ledger, f"drain-{queue}", self.seed, queue, steady=True) for queue in QUEUES]
        for consumer in consumers:
            consumer.start()
        try:
            eventually(lambda: self.ledger.violations or all(self.empty(client, queue) for queue in QUEUES), patience=120)
        finally:
            for consumer in consumers:
                consumer.stopping.set()
                consumer.join(30)

    def empty(self, client, queue):
        info = client.queue(queue)
        assert info["dead_letters"] == 0, info
        return info["ready"] + info["in_flight"] + info["delayed"] == 0

    def expect_readable(self):
        """Every acknowledged event by its id, with identical content."""
        names = sorted(self.ledger.acknowledged)
        with RawConnection(self.server.address, timeout=60) as connection:
            for start in range(0, len(names), 100):
                part = names[start:start + 100]
                connection.send(b"".join(request(path="/events/" + urllib.parse.quote(name, safe="")) for name in part))
                for name in part:
                    answer = connection.response()
                    assert answer.status == 200, f"acknowledged event {name} is lost: {answer}"
                    event = json.loads(answer.body)
                    differing = [field for field, value in self.ledger.sent[name].items() if event[field] != value]
                    assert not differing, f"{name} differs in {differing}: {event}"
