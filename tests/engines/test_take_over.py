"""An `events` table of an earlier service, as large as such tables get, is taken over while everything goes on."""
import os
import time

import pytest

ROWS = int(os.environ.get("EVENTBUS_TAKE_OVER_ROWS") or 100_000)
PATIENCE = 1800.0  # It takes as long as it takes; what matters is that nobody waits for it.

OLD_TABLE = """
CREATE TABLE events (event_id VARCHAR PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL, event_type VARCHAR NOT NULL, payload JSONB NOT NULL,
                     created_at TIMESTAMPTZ DEFAULT NOW());
CREATE INDEX idx_events_timestamp ON events (timestamp);
CREATE INDEX idx_events_event_type ON events (event_type);
CREATE INDEX idx_events_created_at ON events (created_at);
"""
OLD_ROWS = """
INSERT INTO events SELECT 'old-' || n, '2024-01-01'::timestamptz + n * interval '1 second', 'old.' || n % 100,
                          jsonb_build_object('number', n, 'text', repeat('x', 200)), '2024-01-01'::timestamptz + n * interval '1 second'
  FROM generate_series({}, {}) n
"""


@pytest.fixture
def database(postgres):
    """A database with the old table and its rows."""
    name = postgres.create_database()
    postgres.ask(name, OLD_TABLE)
    postgres.ask(name, OLD_ROWS.format(1, ROWS))
    return name


@pytest.mark.timeout(PATIENCE + 600)
def test_goes_on_beside_everything_else(start, postgres, database):
    bus = start(DATABASE_URL=postgres.url(database)).client()
    bus.declare("all", "old.#", start_from="beginning")

    def ask(sql):
        return postgres.ask(database, sql)

    rounds, slowest = 0, 0.0
    deadline = time.monotonic() + PATIENCE
    while ask("SELECT complete FROM eventbus_log") != "t":
        assert time.monotonic() < deadline, "the table is not taken over"
        began = time.monotonic()
        event_id = bus.publish(event_type="old.new", payload={"round": rounds})
        assert bus.event(event_id)["payload"] == {"round": rounds}
        old = rounds % ROWS + 1
        assert bus.event(f"old-{old}")["payload"]["number"] == old
        bus.post("/events", {"event_id": f"old-{old}", "event_type": f"old.{old % 100}"}).ok(200)  # a duplicate of what is there
        ask(OLD_ROWS.format(ROWS + 1 + rounds, ROWS + 1 + rounds))  # the earlier service still runs
        slowest = max(slowest, time.monotonic() - began)
        rounds += 1
    print(f"{ROWS} rows taken over beside {rounds} rounds of publishing and reading, the slowest of {slowest * 1000:.0f} ms")

    # Every event has a position of its own, what the earlier service still inserted at the very end apart; a queue gets them from the beginning.
    late = int(ask("SELECT count(*) FROM events WHERE position IS NULL"))
    assert late <= rounds
    assert ask("SELECT count(*), count(DISTINCT position) FROM events") == f"{ROWS + 2 * rounds}|{ROWS + 2 * rounds - late}"
    assert ask(f"SELECT count(*) FROM events WHERE position IS NULL AND timestamp <= '2024-01-01'::timestamptz + {ROWS} * interval '1 second'") == "0"
    sample = bus.get("/events", query={"event_type": "old.7", "limit": 10000, "end_time": "2025-01-01T00:00:00Z"}).ok(200)["events"]
    assert [event["payload"]["number"] for event in sample[:100]] == list(range(7, 10007, 100))
    assert len(bus.drain("all", 1000)) == 1000
    bus.close()
