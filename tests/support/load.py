"""Events whose order and completeness can be checked afterwards (see ledger.py)."""

KEYS = 64  # ordering keys of a publisher
KINDS = ("crash.order.paid", "crash.user.created", "crash.x")


def fresh_events(ledger, publisher, random):
    """The next events of a publisher, one or many; those of one key count 1, 2, 3 …"""
    first = ledger.published_by[publisher] + KEYS
    count = random.choice((1, 1, 1, 1, 1, 1, 1, 20, 200))
    ledger.published_by[publisher] += count
    return [{"event_id": f"{publisher}/{number}", "event_type": random.choice(KINDS), "ordering_key": f"{publisher}.{number % KEYS}",
             "payload": {"n": number // KEYS, "text": "grün 🚌 " * random.randrange(20), "exact": number * 10**15 + 1}}
            for number in range(first, first + count)]
