"""Rows that an earlier service wrote by rules of its own, in the past of a new queue: delivered as they are, or left out and counted."""
import json

from support.waiting import eventually

OLD_TABLE = """
CREATE TABLE events (event_id VARCHAR PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL, event_type VARCHAR NOT NULL, payload JSONB NOT NULL,
                     created_at TIMESTAMPTZ DEFAULT NOW())
"""
TYPES = ["User Created", "order:created", "com.acme/thing", "", "a..b", ".a", "#", "*", "tab\there", "ünï.cödé", "t" * 300]
PAYLOADS = [{}, {"a": 1}, [1, "two", None], "text", 1.5, True, None, {"deep": {"er": [{}]}}]


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def rows():
    """(event_id, event_type, payload) of what can be delivered."""
    yield from ((f"type-{number}", kind, {"number": number}) for number, kind in enumerate(TYPES))
    yield from ((f"payload-{number}", f"odd.{number}", payload) for number, payload in enumerate(PAYLOADS))
    yield from ((f"mixed {number}", "Odd Type", payload) for number, payload in enumerate(PAYLOADS))
    yield "i" * 300, "plain", {}
    yield "big", "plain", {"text": "x" * 1_500_000}


def insert(postgres, database, event_id, kind, payload):
    def quoted(text):
        return "'" + text.replace("'", "''") + "'"

    statement = f"INSERT INTO events VALUES ({quoted(event_id)}, '2024-01-01', {quoted(kind)}, {quoted(json.dumps(payload))})"
    file = postgres.folder / "row.sql"
    file.write_text(statement)
    postgres.command(postgres.programs / "psql", "-h", postgres.folder, "-p", postgres.port, "-U", "postgres", "-d", database, "-qX", "-v", "ON_ERROR_STOP=1",
                     "-f", file)


def test_a_backfilled_queue_gets_them(start, postgres):
    database = postgres.create_database()
    postgres.ask(database, OLD_TABLE)
    expected = {event_id: (kind, payload) for event_id, kind, payload in rows()}
    for event_id, (kind, payload) in expected.items():
        insert(postgres, database, event_id, kind, payload)
    left_out = {"nested too deep": ("plain", nested(200)), "too large": ("plain", {"text": "x" * 3_000_000}), "too long a type": ("t" * 200_000, {})}
    for event_id, (kind, payload) in left_out.items():
        insert(postgres, database, event_id, kind, payload)
    server = start(DATABASE_URL=postgres.url(database))
    bus = server.client()
    bus.declare("all", "#", start_from="beginning")
    eventually(lambda: postgres.ask(database, "SELECT complete FROM eventbus_log") == "t", 60.0)
    got = {}
    while len(got) < len(expected):
        deliveries = bus.receive("all", 100, wait_ms=20000)
        assert deliveries, f"missing {set(expected) - set(got)}"
        got |= {delivery["event"]["event_id"]: (delivery["event"]["event_type"], delivery["event"]["payload"]) for delivery in deliveries}
        bus.ack("all", *deliveries)
    assert got == expected
    eventually(lambda: f'eventbus_deliveries_total{{outcome="left_out",queue="all"}} {len(left_out)}\n' in bus.get("/metrics").body.decode())
    assert bus.dead_letters("all") == []
    bus.publish(event_type="after")
    assert bus.receive_one("all")["event"]["event_type"] == "after"


def test_they_are_tried_again_and_redriven_like_others(start, postgres):
    database = postgres.create_database()
    postgres.ask(database, OLD_TABLE)
    insert(postgres, database, "odd one", "Odd Type", [1, 2])
    bus = start(DATABASE_URL=postgres.url(database)).client()
    bus.declare("all", "#", start_from="beginning", max_retries=1)
    for attempt in (1, 2):
        delivery = bus.receive_one("all")
        assert (delivery["attempt"], delivery["event"]["event_type"], delivery["event"]["payload"]) == (attempt, "Odd Type", [1, 2])
        bus.nack("all", delivery, reason="no use")
    letter = eventually(lambda: bus.dead_letters("all"))[0]
    assert (letter["reason"], letter["event"]["event_id"], letter["event"]["payload"]) == ("no use", "odd one", [1, 2])
    bus.post("/queues/all/dead-letters/redrive", {"all": True}).ok()
    again = bus.receive_one("all")
    assert again["event"]["event_id"] == "odd one" and again["event"]["payload"] == [1, 2]
