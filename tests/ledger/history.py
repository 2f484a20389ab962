"""Draws a history from a seed. Pure: the same seed, the same history."""
import dataclasses
import random

from ledger import sizes, telling
from ledger.events import FLAWS, KINDS, Event
from ledger.operations import BATCHES, CLOUD, SINGLE, Consume, Declare, Kill, Look, Pause, Publish, Redrive, Restart, Resume

FLAVOURS = dict.fromkeys((3, 6, 13), "many") | {8: "large", 9: "killed", 19: "killed"}  # by the seed modulo 20; the others are plain
PATTERNS = ("#", "*", "a", "b.#", "b.*", "#.c", "*.d.*", "b.d.e", "nothing")
INSTANCES = 6  # divides by 1, 2 and 3


def draw(seed):
    """The operations of this seed's history."""
    return Drawer(seed).history()


class Drawer:
    """Remembers what a history did so far, so that the rest means something."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.flavour = FLAVOURS.get(seed % 20, "plain")
        self.queues = {}  # number → Declare
        self.published = []  # events that carry an id
        self.numbers = 0

    def history(self):
        operations = [self.declare()]
        if self.flavour in ("many", "large"):
            operations += [self.heavy() for _ in range(self.dice.randint(1, 3))]
        operations += [self.operation() for _ in range(self.dice.randint(3, 12))]
        if self.flavour == "killed":
            place = self.dice.randint(len(operations) // 2, len(operations))
            operations.insert(place, self.dice.choice((self.kill, self.kill, self.restart))())
        head, rest = operations[:1], operations[1:]
        if self.flavour in ("many", "large") and self.dice.random() < 0.5:
            self.dice.shuffle(rest)
        return tuple(head + rest)

    def operation(self):
        choices = {self.publish: 12, self.consume: 4, self.declare: 2, self.again: 1, self.pause: 1, self.resume: 1, self.redrive: 1, self.look: 2}
        return self.dice.choices(list(choices), list(choices.values()))[0]()

    def instance(self):
        return self.dice.randrange(INSTANCES)

    def chance(self, probability):
        return self.dice.random() < probability

    def declare(self):
        number = len(self.queues)
        bounded = self.dice.choice((3, 10, 1000)) if self.chance(0.25) else None
        definition = Declare(number, self.dice.choice(PATTERNS), away=self.chance(0.25), ordered=self.chance(0.2), max_length=bounded,
                             overflow=self.dice.choice(("reject", "reject", "drop_oldest")) if bounded else "reject",
                             beginning=not bounded and self.chance(0.4), max_retries=self.dice.choice((0, 1, 3)), instance=self.instance())
        self.queues[number] = definition
        return definition

    def queue(self):
        return self.dice.choice(list(self.queues))

    def again(self):
        return dataclasses.replace(self.queues[self.queue()], instance=self.instance())

    def pause(self):
        return Pause(self.queue(), self.instance())

    def resume(self):
        return Resume(self.queue(), self.instance())

    def redrive(self):
        return Redrive(self.queue(), self.instance())

    def consume(self):
        return Consume(self.queue(), self.dice.choice((1, 3, 10, 1000)), self.dice.choice(("ack", "ack", "nack", "reject", "hold")), self.instance(),
                       self.instance())

    def look(self):
        known = self.dice.choice(self.published) if self.published and self.chance(0.8) else Event(1_000_000)
        return Look(known, self.instance())

    def restart(self):
        return Restart(self.instance())

    def kill(self):
        return Kill(dataclasses.replace(self.publish(), piped=False), self.dice.choice((0, 50, 99, 100, 100, 100)))

    def publish(self):
        form = self.dice.choice(SINGLE + BATCHES * 2)
        count = 1 if form in SINGLE else self.dice.choice((0, 1, 1, 2, 3, 5, 8, 12))
        events = tuple(self.event(form, 0.12, 0.08, 0.1) for _ in range(count))
        if self.chance(0.1):
            events = sizes.near_a_constant(self.dice, events)
        saying = telling.saying(self.dice, form, small=True)
        return self.request(form, events, saying, piped=self.chance(0.2) and not saying.flaw)

    def request(self, form, events, saying, piped=False):
        return Publish(form, events, self.instance(), saying, atomic=form in BATCHES and self.chance(0.15), wait=form in SINGLE and self.chance(0.2), piped=piped)

    def event(self, form, repeats, conflicts, flaws):
        """A new event, or one that was, or one with the number of one that was. CloudEvents and others never share a number."""
        cloud = form in CLOUD
        known = [event for event in self.published[-50:] if event.cloud == cloud]
        fate = self.dice.random()
        if known and fate < repeats:
            return self.dice.choice(known)
        if known and fate < repeats + conflicts:
            known = self.dice.choice(known)
            return dataclasses.replace(known, content=known.content + 1)
        self.numbers += 1
        event = Event(self.numbers, kind=self.dice.choice(KINDS), named=cloud or self.chance(0.8), cloud=cloud, away=not cloud and self.chance(0.3),
                      key=self.dice.choice((None, None, 1, 2)))
        if self.chance(flaws):
            return dataclasses.replace(event, flaw=self.dice.choice(FLAWS))
        if event.named:
            self.published.append(event)
        return event

    def heavy(self):
        """A request with numbers of events, or of bytes, at and around what the code counts in."""
        form = self.dice.choice(("ndjson",) * 4 + ("batch", "cloud_batch"))
        troubled = self.chance(0.3)
        rates = (0.003, 0.001, 0.003) if troubled else (0, 0, 0)
        if self.flavour == "many":
            events = tuple(self.event(form, *rates) for _ in range(sizes.count(self.dice)))
        else:
            total = sizes.total(self.dice)
            events = sizes.filling(form, total, [self.event(form, 0, 0, 0) for _ in range(sizes.events_for(self.dice, total))])
            numbers = {event.number for event in events}
            self.published = [event for event in self.published if event.number not in numbers] + [event for event in events if event.named]
        return self.request(form, events, telling.saying(self.dice, form, small=False))
