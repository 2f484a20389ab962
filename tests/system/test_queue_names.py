"""Names that a queue or an exchange may have: the same on both engines, whatever RabbitMQ would say."""
import contextlib
import sqlite3
import urllib.parse

import pytest

from support.dependencies import postgres, production_settings
from support.waiting import unique

GOOD = ["q" * 200, "bestellungen für Köln", "100%?#&+", "...", "amqp", "x.dlq.y", "x.retry", "x.retry.1s", "ü" * 100]
BAD = ["amq.x", "amq.", ".", "..", "x.dlq", "x.dlx", "x.retry.1000", "x.retry5", "q" * 201, "q" * 250, "q" * 253, "ü" * 101, "a/b", "a\tb", "a\x7fb",
       "a\u0085b"]
BAD_EXCHANGES = ["amq.topic", "amq.x", "events.dlx", "x" * 128]


def path_of(queue):
    """The queue's; dots are escaped too, so that no client takes them for steps."""
    return "/queues/" + urllib.parse.quote(queue, safe="").replace(".", "%2E")


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_no_queue_may_have_is_refused(bus, name):
    bus.put(path_of(name), {"bindings": [{"routing_key": "nobody"}]}).problem(422, "invalid", "queue")
    assert name not in [queue["name"] for queue in bus.get("/queues").ok(200)["queues"]]


@pytest.mark.parametrize("name", GOOD)
def test_a_queue_of_any_other_name_lives_a_whole_life(bus, name):
    key, path = unique("named"), path_of(name)
    bus.put(path, {"bindings": [{"routing_key": key}], "max_retries": 1, "retry_delay_ms": 1, "retry_max_delay_ms": 2}).ok(201)
    event_id = bus.publish(event_type=key)
    for attempt in (1, 2):
        (delivery,) = bus.post(path + "/receive", {"max": 1, "wait_ms": 20000}).ok(200)["deliveries"]
        assert (delivery["event"]["event_id"], delivery["attempt"]) == (event_id, attempt)
        bus.post(path + "/nack", {"delivery_ids": [delivery["delivery_id"]]}).ok(200)
    assert [letter["event"]["event_id"] for letter in bus.get(path + "/dead-letters").ok(200)["dead_letters"]] == [event_id]
    assert bus.get(path).ok(200)["name"] == name
    assert bus.delete(path).status == 204


@pytest.mark.parametrize("exchange", BAD_EXCHANGES)
def test_an_exchange_that_is_not_for_events_is_refused_wherever_it_is_named(bus, exchange):
    bus.post("/events", {"event_type": "a.b", "exchange": exchange}).problem(422, "invalid", "exchange")
    bus.put(f"/queues/{unique('q')}", {"bindings": [{"routing_key": "a", "exchange": exchange}]}).problem(422, "invalid", "bindings[0].exchange")


def rename(server, old, new):
    """Gives a queue of a stopped server a name that it could have had earlier."""
    if "DATABASE_URL" in server.settings:
        database = production_settings(server.directory)["DATABASE_URL"].rpartition("/")[2]
        postgres().ask(database, f"UPDATE eventbus_queues SET name = '{new}', definition = replace(definition, '\"{old}\"', '\"{new}\"')")
        return
    (file,) = server.directory.glob("*.db")
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE queues SET name = ?", (new,))
        connection.execute("UPDATE queue_definitions SET definition = replace(definition, ?, ?)", (f'"{old}"', f'"{new}"'))


@pytest.mark.parametrize("name", ["x.dlq", "q" * 250])
def test_a_queue_that_has_such_a_name_already_is_served_on(start, name):
    server = start()
    key, path = unique("named"), path_of(name)
    server.client().declare(old := unique("old"), key)
    server.stop()
    rename(server, old, name)
    bus = server.start().client()
    event_id = bus.publish(event_type=key)
    for attempt in (1, 2):
        (delivery,) = bus.post(path + "/receive", {"max": 1, "wait_ms": 20000}).ok(200)["deliveries"]
        assert (delivery["event"]["event_id"], delivery["attempt"]) == (event_id, attempt)
        bus.post(path + "/nack", {"delivery_ids": [delivery["delivery_id"]]}).ok(200)
    bus.get(path).ok(200)
    assert bus.delete(path).status == 204
