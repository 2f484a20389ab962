"""EVENTBUS_PAYLOAD_INDEX: an index for payload conditions, built beside everything else."""
import pytest

from support.waiting import eventually

VALID = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('idx_events_payload') AND indisvalid"
ROWS = """
INSERT INTO events (event_id, timestamp, event_type, payload, position)
SELECT 'n-' || n, '2024-01-01'::timestamptz + n * interval '1 second', 'n', jsonb_build_object('user_id', n), n FROM generate_series(1, 200000) n
"""


@pytest.fixture
def database(postgres):
    return postgres.create_database()


def test_is_built_once_whichever_instances_start(start, postgres, database):
    settings = {"DATABASE_URL": postgres.url(database), "EVENTBUS_PAYLOAD_INDEX": "true"}
    buses = [start(**settings).client() for _ in range(3)]
    buses[0].publish(event_type="a", payload={"user_id": 123, "more": 1})
    eventually(lambda: postgres.ask(database, VALID) == "1", 60.0)
    definition = postgres.ask(database, "SELECT indexdef FROM pg_indexes WHERE indexname = 'idx_events_payload'")
    assert "USING gin (payload jsonb_path_ops)" in definition
    for bus in buses:
        assert len(bus.get("/events", query={"payload": '{"user_id":123}'}).ok(200)["events"]) == 1


def test_is_not_there_unless_it_is_asked_for(start, postgres, database):
    bus = start(DATABASE_URL=postgres.url(database)).client()
    bus.publish(event_type="a")
    assert postgres.ask(database, "SELECT to_regclass('idx_events_payload') IS NULL") == "t"


def test_does_not_hold_up_the_start_and_survives_a_broken_build(start, postgres, database):
    """A transaction that stays open holds up the build, not the service; what an interrupted build left is replaced."""
    start(DATABASE_URL=postgres.url(database)).stop()
    postgres.ask(database, ROWS)
    postgres.ask(database, "CREATE INDEX idx_events_payload ON events USING gin (payload jsonb_path_ops)")
    postgres.ask(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_events_payload'::regclass")
    hold = postgres.session(database, "BEGIN; SELECT count(*) FROM events; SELECT txid_current();")
    try:
        server = start(DATABASE_URL=postgres.url(database), EVENTBUS_PAYLOAD_INDEX="true")
        bus = server.client()
        eventually(lambda: "idx_events_payload" in postgres.ask(database, "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE state = 'active' AND "
                                                                          "pid <> pg_backend_pid()"))
        bus.publish(event_type="a", payload={"user_id": -1})
        assert len(bus.get("/events", query={"payload": '{"user_id":-1}', "start_time": "2025-01-01T00:00:00Z"}).ok(200)["events"]) == 1
        assert postgres.ask(database, VALID) == "0"
        server.stop()  # in the middle of it
        bus = start(DATABASE_URL=postgres.url(database), EVENTBUS_PAYLOAD_INDEX="true").client()
    finally:
        hold.communicate("ROLLBACK;\n", timeout=60)
    eventually(lambda: postgres.ask(database, VALID) == "1", 120.0)
    assert bus.get("/events", query={"payload": '{"user_id":199999}'}).ok(200)["events"][0]["event_id"] == "n-199999"
    postgres.ask(database, "ANALYZE events")  # as PostgreSQL does by itself after a while
    plan = postgres.ask(database, "EXPLAIN SELECT event_id FROM events WHERE payload @> '{\"user_id\":199999}' ORDER BY timestamp, coalesce(position, 0) LIMIT 101")
    assert "idx_events_payload" in plan, plan
