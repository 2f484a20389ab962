"""Dead letters move from RabbitMQ into PostgreSQL and back: deaths in between, two instances, a database that is away."""
import contextlib
import http.client
import pathlib
import signal

import pytest

from support.dependencies import postgres, production_settings
from support.server import Server
from support.waiting import eventually, unique

ALL = {"all": True}


@pytest.fixture
def place(tmp_path):
    return production_settings(tmp_path)


@pytest.fixture
def one(place, tmp_path):
    with Server(tmp_path / "a", **place) as server:
        yield server


@pytest.fixture
def pair(place, tmp_path):
    with Server(tmp_path / "a", **place) as a, Server(tmp_path / "b", **place) as b:
        yield a, b


def ids(letters):
    return [letter["event"]["event_id"] for letter in letters]


def die_at(server, point, work):
    """The next life of the server ends there."""
    server.stop()
    server.settings["EVENTBUS_CRASH_POINT"] = f"{point}:1"
    client = server.start().client()
    with contextlib.suppress(http.client.HTTPException, OSError):
        work(client)
    assert server.wait() == -signal.SIGKILL
    del server.settings["EVENTBUS_CRASH_POINT"]
    return server.start().client()


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("way", ["rejected", "out of retries", "lease ended"])
def test_killed_before_rabbitmq_forgets_it_it_is_dead_once_and_not_delivered(one, ordered, way):
    bus, queue = one.client(), unique("moves")
    bus.declare(queue, queue, ordered=ordered, max_retries=0, lease_ms=1000 if way == "lease ended" else 60000)
    first, second = (bus.publish(event_type=queue, ordering_key="k") for _ in range(2))

    def end(client):
        delivery = client.receive(queue, max=1, wait_ms=20000)[0]
        if way != "lease ended":
            client.nack(queue, delivery, requeue=way != "rejected")

    bus = die_at(one, "broker.before_dead_ack", end)
    assert bus.receive_one(queue)["event"]["event_id"] == second, "and not the one that is dead"
    assert ids(bus.dead_letters(queue)) == [first]
    counts = bus.queue(queue)
    assert (counts["dead_letters"], counts["ready"], counts["in_flight"]) == (1, 0, 1)


def test_killed_after_a_redrive_was_published_it_is_delivered_and_can_be_deleted(one, place):
    bus, queue = one.client(), unique("moves")
    bus.declare(queue, queue)
    event = bus.publish(event_type=queue)
    bus.nack(queue, bus.receive_one(queue), requeue=False)
    bus = die_at(one, "broker.before_redrive_removal", lambda client: client.post(f"/queues/{queue}/dead-letters/redrive", ALL).ok(200))
    delivery = bus.receive_one(queue)
    assert (delivery["event"]["event_id"], delivery["attempt"]) == (event, 1)
    assert ids(bus.dead_letters(queue)) == [event], "whether it came back, nobody knows; nothing is lost"
    database = place["DATABASE_URL"].rpartition("/")[2]
    postgres().ask(database, "UPDATE eventbus_dead_letters SET taken_until = now()")  # a minute later
    assert bus.delete(f"/queues/{queue}/dead-letters", ALL).ok(200)["matched"] == 1
    assert bus.ack(queue, delivery)["acked"] == 1


def test_any_instance_tells_and_moves_all_dead_letters(pair):
    a, b = (server.client() for server in pair)
    queue = unique("moves")
    a.declare(queue, queue)
    events = [a.publish(event_type=queue) for _ in range(6)]
    for delivery in a.take(queue, 6):
        (a if delivery["event"]["event_id"] in events[:3] else b).nack(queue, delivery, requeue=False)
    for client in (a, b):
        assert ids(client.dead_letters(queue)) == events and client.queue(queue)["dead_letters"] == 6
    assert b.post(f"/queues/{queue}/dead-letters/redrive", {"event_ids": events[:2]}).ok(200)["redriven"] == 2
    assert a.delete(f"/queues/{queue}/dead-letters", {"event_ids": events[2:3]}).ok(200)["matched"] == 1
    for client in (a, b):
        assert ids(client.dead_letters(queue)) == events[3:] and client.queue(queue)["dead_letters"] == 3
    assert sorted(delivery["event"]["event_id"] for delivery in a.take(queue, 2)) == sorted(events[:2])


def test_without_the_database_nothing_becomes_a_dead_letter_and_nothing_is_lost(one):
    bus, queue = one.client(), unique("moves")
    bus.declare(queue, queue, lease_ms=600000)
    for _ in range(2):
        bus.publish(event_type=queue)
    rejected, done = bus.take(queue, 2)
    postgres().stop()
    try:
        bus.post(f"/queues/{queue}/nack", {"delivery_ids": [rejected["delivery_id"]], "requeue": False}).problem(503)
        assert bus.ack(queue, done)["acked"] == 1
    finally:
        postgres().start()
    eventually(lambda: bus.get("/ready").status == 200)

    def buried():
        """Its lease may have ended meanwhile; then it comes again."""
        bus.post(f"/queues/{queue}/nack", {"delivery_ids": [rejected["delivery_id"]], "requeue": False})
        if again := bus.receive(queue):
            bus.nack(queue, *again, requeue=False)
        return bus.dead_letters(queue)

    assert ids(eventually(buried)) == [rejected["event"]["event_id"]]
    assert bus.receive(queue) == []


def test_a_queue_of_the_same_name_has_none_of_the_former_ones(one):
    bus, queue = one.client(), unique("moves")
    for _ in range(2):
        bus.declare(queue, queue)
        assert bus.dead_letters(queue) == [] and bus.queue(queue)["dead_letters"] == 0
        bus.publish(event_type=queue)
        bus.nack(queue, bus.receive_one(queue), requeue=False)
        assert len(bus.dead_letters(queue)) == 1
        bus.delete(f"/queues/{queue}").ok(204)


def test_the_page_tells_how_to_look_at_the_reasons_of_all_queues(one, place):
    bus, queue = one.client(), unique("moves")
    bus.declare(queue, queue)
    bus.publish_many([{"event_type": queue}] * 3)
    bus.nack(queue, *bus.take(queue, 3), requeue=False, reason="no stock")
    page = (pathlib.Path(__file__).parents[2] / "docs/dead-letters.md").read_text(encoding="utf-8")
    query = page.partition("```sql\n")[2].partition("```")[0]
    assert postgres().ask(place["DATABASE_URL"].rpartition("/")[2], query) == f"{queue}|no stock|3"
