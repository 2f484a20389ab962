"""PostgreSQL put back from an older copy beneath a service that nobody stopped."""
from support.sse import EventSource


def test_it_ends_and_is_right_when_it_is_started_again(start, postgres):
    server = start()
    bus = server.client()
    database = server.settings["DATABASE_URL"].rpartition("/")[2]
    dump = postgres.folder / f"{database}.dump"

    def program(name, *words):
        postgres.command(postgres.programs / name, "-h", postgres.folder, "-p", postgres.port, "-U", "postgres", *words)

    bus.publish(event_id="kept", event_type="t")
    kept = bus.event("kept")["cursor"]
    program("pg_dump", "-Fc", "-f", dump, database)
    bus.publish(event_id="lost", event_type="t")
    lost = bus.event("lost")["cursor"]
    program("dropdb", "--force", database)
    program("createdb", database)
    program("pg_restore", "-d", database, dump)
    assert server.wait() == 1, server.log
    (line,) = [line for line in server.lines if "CRITICAL" in line]
    assert "put back from an older copy" in line and "tart it again" in line, line
    bus = server.start().client()
    bus.publish(event_id="new", event_type="t")
    bus.get("/events/stream", query={"from": lost}).problem(410, "cursor_lost")
    with EventSource(server, last_event_id=kept) as source:
        assert [message["data"]["event_id"] for message in source.take(1)] == ["new"]
