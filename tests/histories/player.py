"""Plays a plan: clients and faults, then the healing, the counting, the draining."""
import itertools
import random
import time

from histories.caller import Caller
from histories.clients import Consumer, Operator, Publisher
from histories.delivery_rules import lost
from histories.records import ACK, History
from histories.story import Story
from support.waiting import eventually

PATIENCE = 20  # seconds until the player gives up an answer
END = 30  # seconds in which a client ends its turn
CERTAINTY = 60  # seconds until what is in doubt is known
QUIET = 20  # seconds until counts agree and stand still: the longest lease ends, and then ten are enough
STILL = 1.2  # seconds between two rounds of counts, which may be a second old
DRAINING = {True: 15, False: 45}  # seconds without anything new until what is missing is lost, by whether the engine is the embedded one
MOST = 200


class Player:
    """One play, with a prefix of its own for names. `requests` is what all clients write into."""

    def __init__(self, world, prefix):
        self.world, self.prefix, self.instances, self.plan = world, prefix, world.instances, None
        self.requests, self.strikes, self.broken, self.publishers = [], [], [], []
        self.caller = Caller("player", self.instances, self.requests, PATIENCE)

    def play(self, plan):
        self.plan = plan
        for stage in (self.declare, self.load, self.heal, lambda: self.quiet("before draining"), self.drain, lambda: self.quiet("after draining"), self.remove):
            try:
                stage()
            except Exception as problem:  # pylint: disable=broad-except
                self.broken.append(f"the player: {problem!r}")
        self.caller.close()
        return self.history()

    def history(self):
        return History(self.plan.queues, tuple(self.requests), tuple(self.strikes), not self.world.production, tuple(self.broken))

    def declare(self):
        for queue in self.plan.queues:
            bindings = [{"exchange": "events", "routing_key": kind} for kind in queue.kinds]
            self.instances[0].client().declare(queue.name, bindings=bindings, ordered=queue.ordered, max_retries=queue.max_retries,
                                               lease_ms=round(queue.lease * 1000), retry_delay_ms=100, retry_max_delay_ms=400)
            for instance in self.instances:
                eventually(lambda one=instance, name=queue.name: one.client().get(f"/queues/{name}").status == 200)

    def load(self):
        plan, dice = self.plan, random.Random(self.plan.seed)
        self.publishers = [Publisher(f"publisher-{number}", plan, self, habits) for number, habits in enumerate(plan.publishers)]
        workers = [*self.publishers, Operator("operator", plan, self, plan.operator)]
        workers += [Consumer(f"consumer-{number}", plan, self, habits, plan.queues[queue]) for number, (queue, habits) in enumerate(plan.consumers)]
        began = time.monotonic()
        for worker in workers:
            worker.start()
        try:
            for blow in plan.blows:
                time.sleep(max(0, began + blow.after - time.monotonic()))
                self.strikes.append(self.world.strike(blow, dice))
            time.sleep(max(0, began + plan.seconds - time.monotonic()))
        finally:
            for worker in workers:
                worker.stopping.set()
            for worker in workers:
                worker.join(END)
            self.broken += [text for worker in workers for text in (*worker.broken, *([f"{worker.name} does not end"] if worker.is_alive() else []))]
            self.strikes += self.world.leave()

    def heal(self):
        self.broken += self.world.heal()
        for publisher in self.publishers:
            publisher.finish(time.monotonic() + CERTAINTY)
        self.broken += [f"{publisher.name} still does not know what became of {publisher.doubtful}" for publisher in self.publishers if publisher.doubtful]
        for queue in self.plan.queues:
            eventually(lambda name=queue.name: self.caller.switch(0, name, False).done)
        self.broken += self.world.heal()

    def quiet(self, moment):
        """Counts every queue through every instance, and looks at its dead letters. What stands in the history is the last round."""
        size = len(self.instances)
        for queue in self.plan.queues:
            deadline, before = time.monotonic() + QUIET, None
            for turn in itertools.count():
                caller = Caller("player", self.instances, [], PATIENCE)
                counts = [caller.counts(instance, queue.name, moment) for instance in range(size)]
                caller.look(turn % size, queue.name)
                caller.close()
                told = {(one.done, one.ready, one.in_flight, one.delayed, one.dead_letters) for one in counts}
                if (told == before and len(told) == 1 and counts[0].done and not counts[0].in_flight) or time.monotonic() > deadline:
                    break
                before = told
                time.sleep(STILL)
            self.requests += caller.requests

    def drain(self):
        """Receives and acknowledges through all instances in turn, until nothing waits and nothing is missing."""
        size, patience = len(self.instances), DRAINING[not self.world.production]
        for queue in self.plan.queues:
            deadline, idle = time.monotonic() + patience, 0
            for turn in itertools.count():
                got = self.caller.receive(turn % size, queue.name, MOST, 200)
                if got.deliveries:
                    self.caller.settle(ACK, (turn + turn // size) % size, queue.name, [delivery.id for delivery in got.deliveries])
                    deadline, idle = time.monotonic() + patience, 0
                    continue
                idle += 1
                if (idle >= size and self.empty(queue, turn % size)) or time.monotonic() > deadline:
                    break

    def empty(self, queue, instance):
        counts = self.caller.counts(instance, queue.name)
        self.caller.look(instance, queue.name)
        return counts.done and not counts.ready + counts.in_flight + counts.delayed and not list(lost(Story(self.history(), queue)))

    def remove(self):
        for queue in self.plan.queues:
            self.instances[0].client().delete(f"/queues/{queue.name}").ok()
