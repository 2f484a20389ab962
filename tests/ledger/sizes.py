"""Numbers of events and of bytes at and around every constant of the code."""
import dataclasses

from ledger.events import LARGEST, Names, said
from ledger.saying import CONSTANTS

COUNTS = (1000,) * 5 + (2000, 2000, 3000, 256, 500, 2048, 4096)
TOTALS = (4 << 20, 4 << 20, 8 << 20, 1 << 20, 16 << 20)
AROUND = (0, 0, 0, 0, -1, 1)
ENVELOPES = {"ndjson": (0, 0), "batch": (len('{"events":[]}'), 1), "cloud_batch": (len("[]"), 1)}  # bytes around all, between two
ANY = Names("s00000t0000")


def count(dice):
    return dice.choice(COUNTS) + dice.choice(AROUND)


def total(dice):
    return dice.choice(TOTALS) + dice.choice(AROUND)


def events_for(dice, bytes_in_all):
    """How many events may carry so many bytes; the largest have just the size that is allowed, or one byte more."""
    least = -(-bytes_in_all // LARGEST)
    return least + dice.choice((0, 0, 1, 3, 30))


def filling(form, bytes_in_all, events):
    """The events with sizes that make up a body of so many bytes; of NDJSON only the lines themselves count."""
    around, between = ENVELOPES[form]
    left = bytes_in_all - around - between * (len(events) - 1)
    shares = [left // len(events)] * len(events)
    shares[-1] += left - sum(shares)
    return tuple(dataclasses.replace(event, size=share) for event, share in zip(events, shares))


def near_a_constant(dice, events):
    """One of them so large that its text ends at or around a constant."""
    if not events:
        return events
    chosen = dice.randrange(len(events))
    size = dice.choice((*CONSTANTS, LARGEST)) + dice.choice(AROUND)
    if size < len(said(events[chosen], ANY)) + 20:
        return events
    return tuple(dataclasses.replace(event, size=size) if number == chosen and event.flaw is None and event.content == 0 else event
                 for number, event in enumerate(events))
