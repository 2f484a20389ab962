"""The clients of a history. Each goes on through every fault, at whichever instance it happens to ask."""
import collections
import json
import random
import threading
import time

from histories.caller import Caller
from histories.records import ACK, EXTEND, NACK, REJECT, Event

REST = 0.05  # seconds, after a request without success
REASONS = (None, "no such user")  # of a consumer that rejects
DELAYS = {"nack": 0, "nack soon": 50, "nack later": 1000}  # milliseconds
LONGER = 2  # leases that an extend asks for
KEYS = 3  # of a publisher, and events without one
PAUSED = 2.6  # seconds: a pause or a purge may need two to hold everywhere


class Worker(threading.Thread):
    """Repeats `turn` until it is told to stop. What keeps it from going on is noted in `broken`."""

    def __init__(self, name, plan, stage, habits):
        super().__init__(name=name, daemon=True)
        self.dice, self.habits, self.stopping, self.broken = random.Random(f"{plan.seed} {name}"), habits, threading.Event(), []
        self.instances = stage.instances
        self.caller = Caller(name, stage.instances, stage.requests, habits.patience)

    def run(self):
        try:
            while not self.stopping.is_set():
                request = self.turn()
                self.stopping.wait(self.habits.pace + (REST if request.doubtful else 0))
        except Exception as problem:  # pylint: disable=broad-except
            self.broken.append(f"{self.name}: {problem!r}")
        self.caller.close()

    def anywhere(self):
        return self.dice.randrange(len(self.instances))

    def habit(self):
        """One of the ways, as often as it has weight."""
        ways, weights = zip(*self.habits.ways)
        return self.dice.choices(ways, weights)[0]


class Publisher(Worker):
    """Publishes numbered events of its own keys; what is in doubt is repeated before anything new."""

    def __init__(self, name, plan, stage, habits):
        super().__init__(name, plan, stage, habits)
        self.kinds = sorted({kind for queue in plan.queues for kind in queue.kinds})
        self.prefix = f"{stage.prefix}-{name}"
        self.count, self.numbers, self.doubtful = 0, collections.Counter(), []

    def turn(self):
        events = self.doubtful or [self.fresh() for _ in range(self.dice.choice((1, 1, 1, 1, 3, 12)))]
        request = self.caller.publish(self.anywhere(), events, wait=self.dice.random() < 0.2)
        self.doubtful = [] if request.refused else [event for event in events if event.id not in request.stored]
        return request

    def fresh(self):
        key = self.dice.randrange(KEYS + 1)
        self.count += 1
        self.numbers[key] += 1
        payload = {"n": self.numbers[key], "text": "grün 🚌 " * self.dice.randrange(5), "exact": 10**17 + self.count}
        return Event(f"{self.prefix}-{self.count}", self.dice.choice(self.kinds), f"{self.prefix}.{key}" if key else None, payload["n"],
                     json.dumps(payload, sort_keys=True))

    def finish(self, deadline):
        """Nothing is in doubt when this returns, unless the deadline passed."""
        self.stopping.set()
        self.join(30)
        while self.doubtful and time.monotonic() < deadline:
            if self.turn().doubtful:
                time.sleep(REST)
        self.caller.close()


class Consumer(Worker):
    """Receives from one queue, and answers what came in one of its ways."""

    def __init__(self, name, plan, stage, habits, queue):
        super().__init__(name, plan, stage, habits)
        self.queue = queue
        self.later = []  # (when, ids): acknowledgements behind an extend

    def turn(self):
        now = time.monotonic()
        for _, ids in [one for one in self.later if one[0] <= now]:
            self.caller.settle(ACK, self.anywhere(), self.queue.name, ids)
        self.later = [one for one in self.later if one[0] > now]
        if self.dice.random() < self.habits.walks:
            return self.caller.walk(self.anywhere(), self.queue.name, 300, self.dice.choice((0, 0.02, 0.1)))
        request = self.caller.receive(self.anywhere(), self.queue.name, self.dice.choice((1, 5, 50)), self.dice.choice((0, 50, 300, 1000)))
        chosen = collections.defaultdict(list)
        for delivery in request.deliveries:
            chosen[self.habit()].append(delivery.id)
        for way, ids in chosen.items():
            self.answer(way, ids, request.instance)
        return request

    def answer(self, way, ids, instance):
        name = self.queue.name
        if way == "ack":
            self.caller.settle(ACK, instance, name, ids)
        elif way == "ack elsewhere":
            self.caller.settle(ACK, (instance + 1) % len(self.instances), name, ids)
        elif way in DELAYS:
            self.caller.settle(NACK, self.anywhere(), name, ids, delay_ms=DELAYS[way])
        elif way == "reject":
            self.caller.settle(REJECT, self.anywhere(), name, ids, reason=self.dice.choice(REASONS))
        elif way == "extend":
            self.caller.settle(EXTEND, self.anywhere(), name, ids, lease=self.queue.lease * LONGER)
            self.later.append((time.monotonic() + self.queue.lease * 1.2, ids))


class Operator(Worker):
    """Looks at dead letters, redrives and deletes them; pauses, and purges what is paused, so that there is something to purge."""

    def __init__(self, name, plan, stage, habits):
        super().__init__(name, plan, stage, habits)
        self.queues, self.dead = [queue.name for queue in plan.queues], {}  # queue → event ids that the last look told

    def turn(self):
        duty, queue, instance = self.habit(), self.dice.choice(self.queues), self.anywhere()
        if duty == "look":
            request = self.caller.look(instance, queue)
            self.dead[queue] = sorted({letter.event.id for letter in request.letters})
            return request
        if duty in ("redrive", "delete"):
            return self.remove(duty == "redrive", queue, instance)
        if duty == "counts":
            return self.caller.counts(instance, queue)
        self.caller.switch(instance, queue, True)
        self.stopping.wait(PAUSED)
        if duty == "purge":
            self.caller.purge(self.anywhere(), queue)
            self.stopping.wait(PAUSED)
        return self.caller.switch(self.anywhere(), queue, False)

    def remove(self, redrives, queue, instance):
        choice, dead = self.dice.random(), self.dead.get(queue)
        if choice < 0.4 and dead:
            return self.caller.remove(instance, queue, redrives, events=self.dice.sample(dead, min(3, len(dead))))
        if choice < 0.8 or not redrives:
            return self.caller.remove(instance, queue, redrives, reason=self.dice.choice((*REASONS[1:], "rejected", "max_retries", "lease_expired")))
        return self.caller.remove(instance, queue, redrives)
