"""The queues of a history: what must have reached each of them, and what may have."""
from ledger.events import KINDS, is_that, number_of


def matches(pattern, words):
    """Whether an AMQP topic pattern takes these words."""
    if not pattern:
        return not words
    if pattern[0] == "#":
        return matches(pattern[1:], words) or (bool(words) and matches(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and matches(pattern[1:], words[1:])


class QueueBook:
    """One queue since its declaration."""

    def __init__(self, definition, step):
        self.definition, self.declared = definition, step
        self.seen, self.done = set(), set()  # numbers delivered or dead; numbers whose acknowledgement was answered
        self.held = []  # deliveries nobody answered, with the instance that made them
        self.last = {}  # ordering key → the place of its event that was seen last for the first time
        self.in_order = definition.ordered and definition.overflow == "reject"  # what is redriven comes after the others
        self.paused = False
        self.kinds = {kind for kind in KINDS if matches(definition.pattern.split("."), kind.split("."))}

    def takes(self, event):
        return event.away == self.definition.away and event.kind in self.kinds


class Queues:
    """All of them. `exact`: one process that forgets nothing, so what is acknowledged is gone and what is paused is silent."""

    def __init__(self, books, names, exact, violated):
        self.books, self.names, self.exact, self.violated = books, names, exact, violated
        self.all = {}  # number → QueueBook

    def declared(self, definition):
        self.all.setdefault(definition.queue, QueueBook(definition, self.books.step))

    def room(self, events):
        """Whether an event of these, sent together, surely finds room in every queue that it is for."""
        full = []
        for queue in self.all.values():
            if queue.definition.max_length and queue.definition.overflow == "reject":
                arriving = sum(map(queue.takes, events))
                if self.most_waiting(queue) + arriving > queue.definition.max_length:
                    full.append(queue)
        return lambda event: not any(queue.takes(event) for queue in full)

    def most_waiting(self, queue):
        gone = queue.done if self.exact else set()
        return sum(any(event and queue.takes(event) for event in possible) for number, possible in self.books.possible.items() if number not in gone)

    def delivered(self, queue, delivery):
        """A delivery of the service; the number of its event."""
        known = number_of(delivery["event"]) in queue.seen
        number = self.told(queue, delivery["event"], "delivered")
        if queue.in_order and not known:
            self.follows(queue, number, delivery["event"].get("ordering_key"))
        if self.exact and number in queue.done:
            self.violated("came back", f"{delivery['event']['event_id']} was acknowledged in {self.names.queue(queue.definition.queue)}")
        if self.exact and queue.paused:
            self.violated("paused", f"{delivery['event']['event_id']} was delivered by {self.names.queue(queue.definition.queue)}")
        return number

    def follows(self, queue, number, key):
        """Events of one key come in the order of publishing."""
        place = self.books.order.get(number)
        if key is None or place is None:
            return
        if place < queue.last.get(key, -1):
            self.violated("order", f"number {number} of {key} came behind a later one in {self.names.queue(queue.definition.queue)}")
        queue.last[key] = place

    def told(self, queue, event, how):
        number = number_of(event)
        queue.seen.add(number)
        if not any(queue.takes(meant) and is_that(meant, event, self.names) for meant in self.books.perhaps(number)):
            self.violated("never stored", f"{how} by {self.names.queue(queue.definition.queue)}: {str(event)[:300]}")
        return number

    def settled(self, queue, deliveries, unknown):
        """Acknowledgements that were answered."""
        if self.exact and unknown:
            self.violated("unknown", f"{len(unknown)} acknowledgements within their lease in {self.names.queue(queue.definition.queue)}")
        queue.done |= {number_of(delivery["event"]) for delivery in deliveries if delivery["delivery_id"] not in unknown}

    def missing(self, queue):
        """Numbers that must have reached the queue and were not seen."""
        def due(event):
            return queue.takes(event) and (queue.definition.beginning or self.books.since[event.number] > queue.declared)
        return {event.number for event in self.books.certain() if due(event)} - queue.seen
