"""Makes a failing history small: fewer operations, fewer events, fewer peculiarities."""
import dataclasses
import time

from ledger.operations import Kill, Publish

PARTS = (2, 3, 4, 6, 8, 16)
MOST_PLAYS, MOST_SECONDS = 400, 90


class Shrinker:
    """`fails(history)` plays it and says whether it fails in the same way."""

    def __init__(self, fails):
        self.fails, self.plays, self.deadline = fails, 0, time.monotonic() + MOST_SECONDS

    def shrink(self, history):
        """The smallest failing history found within MOST_PLAYS and MOST_SECONDS."""
        while True:
            before = history
            history = self.fewer(history, lambda operations: operations)
            for place in range(len(history)):
                history = self.simpler(history, place)
            if history == before or self.spent():
                return history

    def spent(self):
        return self.plays >= MOST_PLAYS or time.monotonic() > self.deadline

    def tried(self, history):
        if self.spent():
            return False
        self.plays += 1
        return self.fails(history)

    def fewer(self, items, whole):
        """Leaves out halves, thirds … and single items of few; `whole` makes a history of what is left."""
        for parts in (*PARTS, len(items)) if len(items) <= 32 else PARTS:
            size = max(1, len(items) // parts)
            start = 0
            while start < len(items):
                less = items[:start] + items[start + size:]
                if less != items and self.tried(whole(less)):
                    items = less
                else:
                    start += size
        return items

    def simpler(self, history, place):
        """One operation with fewer events and with more that is as usual."""
        def with_this(operation):
            return history[:place] + (operation,) + history[place + 1:]
        operation = history[place]
        if isinstance(operation, Kill) and self.tried(with_this(operation.publish)):
            operation = operation.publish
        if isinstance(operation, Publish):
            operation = self.simpler_publish(operation, with_this)
        elif isinstance(operation, Kill):
            operation = dataclasses.replace(operation, publish=self.simpler_publish(
                operation.publish, lambda publish: with_this(dataclasses.replace(operation, publish=publish))))
        return with_this(self.usual(operation, with_this))

    def simpler_publish(self, publish, whole):
        def with_events(events):
            return whole(dataclasses.replace(publish, events=events))
        if len(publish.events) > 1:
            publish = dataclasses.replace(publish, events=self.fewer(publish.events, with_events))
        events = publish.events
        for sound in (tuple(event for event in events if not event.flaw), tuple(event for event in events if event.content == 0)):
            if len(sound) < len(events) and self.tried(with_events(sound)):
                events = sound
        for field in ("size", "content", "kind", "away", "key", "flaw", "named"):
            default = type(events[0]).__dataclass_fields__[field].default if events else None
            usual = tuple(dataclasses.replace(event, **{field: default}) for event in events)
            if usual != events and self.tried(with_events(usual)):
                events = usual
        publish = dataclasses.replace(publish, events=events)
        return dataclasses.replace(publish, saying=self.usual(publish.saying, lambda saying: whole(dataclasses.replace(publish, saying=saying))))

    def usual(self, value, whole):
        """Sets field after field to its default where it still fails."""
        for field in dataclasses.fields(value):
            if field.default is dataclasses.MISSING or getattr(value, field.name) == field.default or field.name == "saying":
                continue
            plain = dataclasses.replace(value, **{field.name: field.default})
            if self.tried(whole(plain)):
                value = plain
        return value
