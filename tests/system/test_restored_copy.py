"""A log put back from an older copy: what clients kept of the lost time is refused, never taken for something else, and what the copy has given
goes on working; as it does over restarts of everything."""
import os
import shutil
import subprocess

import pytest

from support import dependencies
from support.server import Server, run
from support.sse import EventSource
from support.waiting import eventually

PRODUCTION = os.environ.get("EVENTBUS_TEST_ENGINE") == "production"
KEPT = [f"e{number}" for number in range(4)]
LOST = [f"e{number}" for number in range(4, 8)]
OTHERS = [f"other-{number}" for number in range(20)]


def publish(bus, names):
    for name in names:
        bus.publish(event_id=name, event_type="t")


def take(bus, queue, names):
    """Deliveries of these events, all of which the queue has, perhaps among others."""
    found = {}
    while not set(names) <= set(found):
        deliveries = bus.receive(queue, wait_ms=20000)
        assert deliveries, f"{queue} has only {sorted(found)}"
        found |= {delivery["event"]["event_id"]: delivery for delivery in deliveries}
    return [found[name] for name in names]


def ids_of(deliveries):
    return [delivery["delivery_id"] for delivery in deliveries]


class DataDirectory:
    """The embedded engine's: the copy is made of, and put in the place of, the files of a service that stands."""

    def __init__(self, folder):
        self.server = Server(folder / "data", EVENTBUS_ENGINE="embedded")
        self.copy = folder / "copy"

    def keep(self):
        self.server.stop()
        shutil.copytree(self.server.directory, self.copy)
        self.server.start()

    def put_back(self):
        self.server.stop()
        shutil.rmtree(self.server.directory)
        shutil.copytree(self.copy, self.server.directory)
        self.server.start()


class Dump:
    """A database that pg_dump reads while it is used, put back under its name."""

    def __init__(self, folder):
        self.postgres = dependencies.postgres()
        self.server = Server(folder / "data")
        self.database = self.server.settings["DATABASE_URL"].rpartition("/")[2]
        self.file = self.postgres.folder / f"{self.database}.dump"

    def program(self, name, *words):
        self.postgres.command(self.postgres.programs / name, "-h", self.postgres.folder, "-p", self.postgres.port, "-U", "postgres", *words)

    def keep(self):
        self.program("pg_dump", "-Fc", "-f", self.file, self.database)

    def put_back(self):
        self.server.stop()
        self.program("dropdb", self.database)
        self.program("createdb", self.database)
        self.program("pg_restore", "-d", self.database, self.file)
        self.server.start()


class DatabaseFiles:
    """All files of a PostgreSQL server, which stands meanwhile: as from a snapshot of its disk."""

    def __init__(self, folder):
        self.postgres = dependencies.Postgres()
        self.server = Server(folder / "data", DATABASE_URL=self.postgres.url(self.postgres.create_database()))

    def move(self, *words):
        self.server.stop()
        self.postgres.stop()
        subprocess.run(words, cwd=self.postgres.folder, check=True, timeout=60)
        self.postgres.start()
        self.server.start()

    def keep(self):
        self.move("cp", "-a", "data", "copy")

    def put_back(self):
        self.move("sh", "-c", "rm -r data && cp -a copy data")


class Kept:
    """What a client holds: the cursors of events and of a listing, and deliveries of a queue."""

    def __init__(self, bus, queue, names):
        self.cursors = {event["event_id"]: event["cursor"] for event in bus.get("/events").ok(200)["events"]}
        self.listing = bus.get("/events", query={"limit": 2}).ok(200)["next_cursor"]
        self.deliveries = ids_of(take(bus, queue, names))


@pytest.fixture(params=[Dump, DatabaseFiles] if PRODUCTION else [DataDirectory], ids=lambda place: place.__name__)
def place(request, tmp_path):
    made = request.param(tmp_path)
    with made.server:
        yield made
    if request.param is DatabaseFiles:
        made.postgres.remove()


@pytest.fixture
def restored(place):
    """A service on a copy, and what clients kept of the time before the copy, and of the lost time behind it. The copy holds the first four
    events; in the lost time there were four more, and another queue."""
    bus = place.server.client()
    bus.declare("q", lease_ms=600000)
    publish(bus, KEPT)
    early = Kept(bus, "q", KEPT)
    place.keep()
    bus = place.server.client()
    bus.declare("later", start_from="beginning", lease_ms=600000)
    publish(bus, LOST)
    late = Kept(bus, "q", LOST)
    late.later = ids_of(take(bus, "later", KEPT + LOST))
    place.put_back()
    return place.server, early, late


@pytest.mark.parametrize("gone_on", [False, True], ids=["at the end of the copy", "after it has gone on"])
def test_cursors_of_the_lost_time_are_lost(restored, gone_on):
    server, _, late = restored
    bus = server.client()
    if gone_on:
        publish(bus, OTHERS)
    for name in LOST:
        cursor = late.cursors[name]
        bus.get("/events/stream", query={"from": cursor}).problem(410, "cursor_lost")
        lost = bus.get("/events/stream", headers={"Last-Event-ID": cursor}).problem(410, "cursor_lost")
        assert "from the beginning" in lost["detail"]
        if not PRODUCTION:  # there the dead letters are in RabbitMQ
            bus.get("/queues/q/dead-letters", query={"cursor": cursor}).problem(410, "cursor_lost")
    bus.get("/events", query={"cursor": late.listing}).problem(410, "cursor_lost")
    bus.get("/events", query={"cursor": late.listing}, headers={"Accept": "application/x-ndjson"}).problem(410, "cursor_lost")
    bus.get("/events/stream", query={"from": late.listing}).problem(410, "cursor_lost")
    for words in (["tail", "--from", late.cursors["e5"]], ["events", "list", "--cursor", late.listing]):
        done = run(*words, EVENTBUS_URL=server.url)
        assert done.returncode == 4 and "Begin anew" in done.stderr, done  # a refusal by the service


def test_what_the_copy_has_given_goes_on_working(restored):
    server, early, late = restored
    bus = server.client()
    assert {name: late.cursors[name] for name in KEPT} == early.cursors
    publish(bus, ["new"])
    with EventSource(server, **{"from": early.cursors["e1"]}) as source:
        assert [message["data"]["event_id"] for message in source.take(3)] == ["e2", "e3", "new"]
    with EventSource(server, last_event_id=early.cursors["e3"]) as source:
        (message,) = source.take(1)
    assert (message["data"]["event_id"], message["id"]) == ("new", bus.event("new")["cursor"])
    page = bus.get("/events", query={"cursor": early.listing}).ok(200)
    assert [event["event_id"] for event in page["events"]] == ["e2", "e3"]


def test_deliveries_of_the_lost_time_are_unknown(restored):
    server, _, late = restored
    bus = server.client()
    publish(bus, OTHERS)
    bus.declare("later", start_from="beginning", lease_ms=600000)
    held = {queue: ids_of(take(bus, queue, names)) for queue, names in (("q", OTHERS), ("later", KEPT + OTHERS))}
    in_flight = {queue: bus.queue(queue)["in_flight"] for queue in held}
    for queue in held:
        for verb, body in (("extend", {"lease_ms": 1000}), ("nack", {}), ("ack", {})):
            for ids in (late.deliveries, late.later):
                answer = bus.post(f"/queues/{queue}/{verb}", {"delivery_ids": ids} | body).ok(200)
                assert sorted(answer["unknown"]) == sorted(ids), (queue, verb, answer)
    for queue, ids in held.items():
        assert bus.queue(queue)["in_flight"] == in_flight[queue] >= len(ids)
        assert bus.post(f"/queues/{queue}/ack", {"delivery_ids": ids}).ok(200) == {"acked": len(ids), "unknown": []}


def test_what_is_lost_is_lost_wherever_it_is_seen(restored):
    """RabbitMQ was not put back: it delivers events that the log has no more, with the cursors that they had."""
    server, _, late = restored
    bus = server.client()
    publish(bus, OTHERS)
    seen = take(bus, "q", LOST + OTHERS if PRODUCTION else OTHERS)
    cursors = {delivery["event"]["event_id"]: delivery["event"]["cursor"] for delivery in seen}
    for name, cursor in cursors.items():
        if name in LOST:
            assert cursor == late.cursors[name]
            bus.get(f"/events/{name}").problem(404, "unknown_event")
            bus.get("/events/stream", query={"from": cursor}).problem(410, "cursor_lost")
        else:
            assert cursor == bus.event(name)["cursor"]


def test_cursors_outlive_restarts(place, tmp_path):
    """Whichever ends, in order or not, and whoever gave them."""
    instances = [place.server] + ([Server(tmp_path / "other", **place.server.settings).start()] if PRODUCTION else [])
    held = []
    try:
        for turn in range(6):
            one, other = instances[turn % len(instances)], instances[(turn + 1) % len(instances)]
            publish(one.client(), [f"a{turn}", f"b{turn}", f"c{turn}"])
            held.append(one.client().event(f"a{turn}")["cursor"])
            listing = one.client().get("/events", query={"limit": 3 * turn + 1}).ok(200)["next_cursor"]
            if PRODUCTION and turn % 3 == 2 and place.postgres is not dependencies.postgres():
                place.postgres.stop() if turn == 2 else place.postgres.kill()
                place.postgres.start()
                for instance in instances:
                    eventually(lambda asked=instance: asked.client().get("/events/a0").status == 200, 60.0)
            else:
                one.stop() if turn % 2 else one.kill()
                one.start()
            for instance in (other, one):
                for number, cursor in enumerate(held):
                    with EventSource(instance, **{"from": cursor}) as source:
                        assert [message["data"]["event_id"] for message in source.take(2)] == [f"b{number}", f"c{number}"]
                page = instance.client().get("/events", query={"cursor": listing}).ok(200)
                assert [event["event_id"] for event in page["events"]] == [f"b{turn}", f"c{turn}"]
    finally:
        for instance in instances[1:]:
            instance.stop()
