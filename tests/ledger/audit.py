"""The look at the store and at the queues when a history is over."""
import itertools
import json
import time

from ledger.events import KINDS, is_that, number_of

NDJSON = {"Accept": "application/x-ndjson"}


class Audit:
    """`patience`: seconds without anything new until what is missing is lost."""

    def __init__(self, world, books, queues, names, violated, patience):
        self.world, self.client, self.books, self.queues, self.names = world, world.client(0), books, queues, names
        self.violated, self.patience = violated, patience

    def store(self):
        """Each event that was answered with success is there once, with its content; nothing else is."""
        found = {}
        for kind in KINDS:
            for stored in self.listed(self.names.type(kind)):
                number = number_of(stored)
                if number in found:
                    self.violated("stored twice", f"{stored['event_id']} and {found[number]}")
                found[number] = stored["event_id"]
                if not any(is_that(event, stored, self.names) for event in self.books.perhaps(number)):
                    self.violated("refused but stored", f"{str(stored)[:300]}; possible was {self.books.possible.get(number)}")
        lost = [event for event in self.books.certain() if event.number not in found]
        if lost:
            self.violated("lost", f"{len(lost)} events that were answered with success are not in the store, e.g. {lost[0]}")
        for numbers, told in self.books.parts:
            if len(numbers & found.keys()) > told:
                self.violated("stored in silence", f"{len(numbers & found.keys())} events of a refused request are in the store, it spoke of {told}")
        self.hidden(found)

    def hidden(self, found):
        """What was refused for a flaw of its own could hide under another type."""
        refused = [number for number, possible in self.books.possible.items() if possible == {None} and number not in found]
        for number in refused[:20]:
            answer = self.client.get(f"/events/{self.names.prefix}-{number}")
            if answer.status != 404:
                self.violated("refused but stored", f"{answer}")

    def listed(self, kind):
        answer = self.client.get("/events", query={"event_type": kind}, headers=NDJSON)
        assert answer.status == 200, answer
        return [json.loads(line) for line in answer.body.split(b"\n") if line]

    def drain(self):
        """Each event that matches a queue is delivered by it at least once, or is one of its dead letters."""
        for number, queue in self.queues.all.items():
            name = self.names.queue(number)
            self.client.post(f"/queues/{name}/resume").ok()
            queue.paused = False
            if queue.held:
                self.queues.settled(queue, queue.held, self.client.ack(name, *queue.held)["unknown"])
            self.empty(name, queue)

    def empty(self, name, queue):
        """Asks one instance after the other, as behind a load balancer: each may hold some."""
        deadline, turns = time.monotonic() + self.patience, itertools.count()
        while True:
            client, missing = self.world.client(next(turns)), self.queues.missing(queue)
            deliveries = client.receive(name, 1000, 200 if missing else 0)
            for delivery in deliveries:
                self.queues.delivered(queue, delivery)
            if deliveries:
                self.queues.settled(queue, deliveries, client.ack(name, *deliveries)["unknown"])
                deadline = time.monotonic() + self.patience
                continue
            self.dead(name, queue)
            missing = self.queues.missing(queue)
            if not missing:
                return
            if time.monotonic() > deadline:
                return self.violated("never delivered", f"{len(missing)} events, e.g. {sorted(missing)[:5]}, by {self.client.queue(name)}")

    def dead(self, name, queue):
        """Looks through all dead letters."""
        query = {"limit": 1000}
        while query.get("cursor", "") is not None:
            page = self.client.get(f"/queues/{name}/dead-letters", query=query).ok(200)
            for letter in page["dead_letters"]:
                self.queues.told(queue, letter["event"], "dead")
            query["cursor"] = page["next_cursor"]

    def remove(self):
        """Leaves no queue behind."""
        for number in self.queues.all:
            self.client.delete(f"/queues/{self.names.queue(number)}").ok()
