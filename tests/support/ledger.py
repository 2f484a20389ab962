"""What clients were promised, across crashes of the service: the truth that a recovered service is held against.

Each publisher owns its ordering keys, numbers the events of each, and repeats what was in doubt before it goes on: so the
order of a key is known. All methods are thread-safe.
"""
import collections
import threading

QUEUES = ("all", "ordered")


class Ledger:
    """With `acks_are_final`, an event whose acknowledgement was answered must not come back. A broker on another machine can't
    promise that: it may lose an acknowledgement that it took when it dies."""

    def __init__(self, acks_are_final=True):
        self.acks_are_final = acks_are_final
        self.lock = threading.Lock()
        self.sent = {}  # event id → the event as published
        self.acknowledged = set()  # event ids whose publish was answered
        self.doubtful = collections.defaultdict(list)  # publisher → events sent without an answer, in order
        self.seen = {queue: collections.Counter() for queue in QUEUES}
        self.done = {queue: set() for queue in QUEUES}  # event ids whose ack was answered
        self.maybe_done = {queue: set() for queue in QUEUES}  # event ids whose ack got no answer
        self.finished = collections.defaultdict(int)  # key → its largest number that is done or maybe done
        self.published_by = collections.Counter()  # publisher → how many events it has made
        self.violations = []

    def violated(self, text):
        self.violations.append(text)

    def sending(self, publisher, events):
        with self.lock:
            self.sent.update((event["event_id"], event) for event in events)
            self.doubtful[publisher] = list(events)

    def published(self, publisher):
        with self.lock:
            self.acknowledged.update(event["event_id"] for event in self.doubtful.pop(publisher))

    def delivered(self, queue, delivery):
        event = delivery["event"]
        name = event["event_id"]
        with self.lock:
            sent = self.sent.get(name)
            if sent is None:
                self.violated(f"{queue}: {name} was never published")
            elif any(event[field] != sent[field] for field in ("event_type", "payload", "ordering_key")):
                self.violated(f"{queue}: {name} came back changed: {event}")
            if self.acks_are_final and name in self.done[queue]:
                self.violated(f"{queue}: {name} came back after its acknowledgement was answered")
            if queue == "ordered" and sent and event["payload"]["n"] > self.finished[event["ordering_key"]] + 1:
                self.violated(f"{queue}: {name} overtook number {self.finished[event['ordering_key']] + 1} of its key")
            self.seen[queue][name] += 1

    def acking(self, queue, deliveries):
        with self.lock:
            for delivery in deliveries:
                event = delivery["event"]
                self.maybe_done[queue].add(event["event_id"])
                if queue == "ordered":
                    key = event["ordering_key"]
                    self.finished[key] = max(self.finished[key], event["payload"]["n"])

    def acked(self, queue, deliveries, unknown):
        with self.lock:
            if unknown and self.acks_are_final:
                self.violated(f"{queue}: {len(unknown)} acknowledgements within their lease were unknown")
            names = {d["event"]["event_id"] for d in deliveries if d["delivery_id"] not in unknown}
            self.maybe_done[queue] -= names
            self.done[queue] |= names

    def unseen(self, queue):
        with self.lock:
            return self.acknowledged - self.seen[queue].keys()

    def summary(self):
        return (f"{len(self.acknowledged)} acknowledged, {len(self.sent) - len(self.acknowledged)} in doubt, "
                + ", ".join(f"{queue}: {len(self.done[queue])} done and {sum(self.seen[queue].values())} delivered" for queue in QUEUES))
