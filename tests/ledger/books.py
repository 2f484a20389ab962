"""What may be in the store, for each event of a history. A request without an answer leaves more than one possibility."""
import collections


class Books:
    """For each number the set of what may be stored under it: an event, or None for nothing."""

    def __init__(self):
        self.possible = collections.defaultdict(lambda: {None})
        self.since = {}  # number → the first step that may have stored it
        self.order = {}  # number → its place among all that were answered with success, unless it was in doubt before
        self.step = 0
        self.parts = []  # (numbers that only one refused request published, how many of its events the refusal said are stored)

    def published(self, events):
        """These numbers are published, perhaps again."""
        for numbers, _ in self.parts:
            numbers -= {event.number for event in events}

    def in_part(self, events, stored):
        """A request was refused, and said how many of its events are stored nevertheless."""
        self.parts.append(({event.number for event in events} - self.since.keys(), stored))

    def outcomes(self, event):
        """What publishing this event may come to, as far as its id decides: stored, duplicate, conflict."""
        possible = self.possible[event.number]
        return ({"stored"} if None in possible else set()) | ({"duplicate"} if event in possible else set()) | (
            {"conflict"} if possible - {None, event} else set())

    def stored(self, event):
        """Answered with success: it is there now."""
        self.possible[event.number] = {event}
        if event.number not in self.since:
            self.order[event.number] = len(self.order)
        self.since.setdefault(event.number, self.step)

    def doubtful(self, event):
        """Nobody knows whether it was stored."""
        if None in self.possible[event.number]:
            self.possible[event.number].add(event)
            self.since.setdefault(event.number, self.step)

    def conflicting(self, event):
        """Refused because another event has its id."""
        self.possible[event.number] -= {None, event}

    def not_there(self, event):
        """Refused although a repetition would have been a duplicate."""
        self.possible[event.number] -= {event}

    def certain(self):
        """The events that must be there."""
        return [next(iter(possible)) for possible in self.possible.values() if len(possible) == 1 and None not in possible]

    def perhaps(self, number):
        """The events that may be there under this number."""
        return self.possible[number] - {None} if number in self.possible else set()
