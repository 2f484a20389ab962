"""Load on a cluster, one fault after the other, and the proof that nothing promised is missing."""
import json
import urllib.parse

from load import Consumer, Publisher, let_go
from support.dependencies import rabbitmq
from support.ledger import QUEUES, Ledger
from support.raw_http import RawConnection, request
from support.waiting import eventually

PUBLISHERS, CONSUMERS = 3, 2
RECOVERY = 90  # seconds, on a machine that does other things as well
DELAY_MS = 50  # of a nack


class Rig:
    """One cluster, one ledger."""

    def __init__(self, cluster, seed):
        self.cluster, self.seed, self.life = cluster, seed, 0
        self.ledger = Ledger(acks_are_final=False)
        self.workers = []
        client = cluster.instances[0].client()
        for queue in QUEUES:
            client.declare(queue, "crash.#", ordered=queue == "ordered", max_retries=1000, lease_ms=3000, retry_delay_ms=0)
        self.settle_queues(client)

    def settle_queues(self, client):
        """RabbitMQ 3.10 forgets a quorum queue's leader when it is killed soon after the queue was declared. So every queue that a round
        needs is made, and made to last, before anything is killed: the delay queue of nacks as well."""
        client.publish(event_type="crash.first", event_id="first", payload={"n": 1}, ordering_key="first")
        self.ledger.sending("first", [{"event_id": "first", "event_type": "crash.first", "payload": {"n": 1}, "ordering_key": "first"}])
        self.ledger.published("first")
        for queue in QUEUES:
            client.nack(queue, client.receive_one(queue), delay_ms=DELAY_MS)
            delivery = client.receive_one(queue)
            self.ledger.delivered(queue, delivery)
            client.ack(queue, delivery)
        client.close()
        rabbitmq().stop()
        rabbitmq().start()
        self.cluster.until_ready()

    def start_load(self):
        let_go(self.workers)  # of a test that failed
        self.life += 1
        seed = f"{self.seed} {self.life}"
        self.workers = [Publisher(self.cluster, self.ledger, f"p{n}", f"{seed} p{n}") for n in range(PUBLISHERS)]
        self.workers += [Consumer(self.cluster, self.ledger, f"{queue}-{n}", f"{seed} {queue} {n}", queue) for queue in QUEUES for n in range(CONSUMERS)]
        for worker in self.workers:
            worker.start()

    def stop_publishing(self):
        """Nothing is in doubt any more when this returns."""
        for worker in self.workers:
            if isinstance(worker, Publisher):
                worker.finish()

    def expect_recovery(self):
        """Ready again, nothing in doubt, the outbox and the queues empty, all of it without help."""
        self.cluster.until_ready()
        self.stop_publishing()
        self.cluster.until_relayed(RECOVERY)
        client = self.cluster.instances[0].client(timeout=20)
        try:
            eventually(lambda: self.ledger.violations or all(self.empty(client, queue) for queue in QUEUES), RECOVERY, every=0.1)
        finally:
            let_go(self.workers)
        self.expect_no_violation()
        for queue in QUEUES:
            missing = self.ledger.unseen(queue)
            assert not missing, f"{queue}: {len(missing)} acknowledged events were never delivered, e.g. {sorted(missing)[:5]}\n{self.cluster.log()}"

    def empty(self, client, queue):
        try:
            info = client.queue(queue)
        except TimeoutError as error:
            raise AssertionError(f"queue {queue} could not be looked at\n{self.cluster.log()}\n{self.cluster.numbers()}") from error
        assert info["dead_letters"] == 0, info
        return info["ready"] + info["in_flight"] + info["delayed"] == 0 and not self.ledger.unseen(queue)

    def expect_no_violation(self):
        assert not self.ledger.violations, "\n".join(self.ledger.violations[:20]) + "\n" + self.cluster.log()

    def expect_readable(self):
        """Every acknowledged event by its id, with identical content, through each instance in turn."""
        names = sorted(self.ledger.acknowledged)
        for start in range(0, len(names), 100):
            instance = self.cluster.instances[start // 100 % len(self.cluster.instances)]
            part = names[start:start + 100]
            with RawConnection(instance.address, timeout=60) as connection:
                connection.send(b"".join(request(path="/events/" + urllib.parse.quote(name, safe="")) for name in part))
                for name in part:
                    answer = connection.response()
                    assert answer.status == 200, f"acknowledged event {name} is lost: {answer}"
                    event = json.loads(answer.body)
                    differing = [field for field, value in self.ledger.sent[name].items() if event[field] != value]
                    assert not differing, f"{name} differs in {differing}: {event}"
