"""EVENTBUS_INGEST_QUEUE: what any AMQP client leaves in it is stored once for each event id."""
import json
import re
import signal

import pytest

from support.amqp import Amqp
from support.dependencies import postgres, production_settings
from support.server import Server
from support.waiting import eventually, unique


def ingested(bus, outcome, queue="inbox"):
    """How many messages of the queue became that, as this service counts."""
    found = re.search(rf'^eventbus_events_ingested_total{{outcome="{outcome}",queue="{queue}"}} (\d+)', bus.get("/metrics").body.decode(), re.M)
    return int(found[1]) if found else 0


def body_of(event_id, **fields):
    return json.dumps({"event_id": event_id, "event_type": "order.placed"} | fields)


@pytest.fixture
def own(tmp_path):
    """Starts services with a database and a virtual host of the test's own."""
    servers = []

    def start(**settings):
        servers.append(Server(tmp_path / "data", **production_settings(tmp_path), EVENTBUS_INGEST_QUEUE="inbox", **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def test_an_event_is_stored_once_though_it_came_twice(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    before = ingested(bus, "stored"), ingested(bus, "duplicate")
    for _ in range(2):
        amqp.publish("", "inbox", body_of(queue, payload={"n": 1}, routing_key=queue), correlation_id="c-1")
    eventually(lambda: (ingested(bus, "stored"), ingested(bus, "duplicate")) == (before[0] + 1, before[1] + 1))
    event = bus.event(queue)
    assert (event["event_type"], event["payload"], event["exchange"], event["routing_key"], event["correlation_id"]) == \
        ("order.placed", {"n": 1}, "events", queue, "c-1")
    assert [delivery["event"]["event_id"] for delivery in bus.drain(queue, 1)] == [queue]
    assert bus.receive(queue) == []
    assert amqp.ready("inbox") == 0


def test_an_event_of_the_api_is_not_stored_again(bus, amqp):
    event_id = bus.publish(event_type="order.placed", payload={"n": 1})
    before = ingested(bus, "duplicate")
    amqp.publish("", "inbox", body_of(event_id, payload={"n": 1}))
    eventually(lambda: ingested(bus, "duplicate") == before + 1)


def test_what_is_no_event_or_contradicts_one_rests_with_its_reason(bus, amqp):
    event_id = bus.publish(event_type="order.placed", payload={"n": 1})
    wrong = [("{", "malformed_json"), (json.dumps({"event_type": "a b", "event_id": "e"}), "event_type"), (json.dumps({"event_type": "a"}), "event_id"),
             (body_of(event_id, payload={"n": 2}), "event_conflict")]
    for body, _ in wrong:
        amqp.publish("", "inbox", body, headers={"mine": "kept", "x-odd": None}, app_id="shop", expiration="60000")
    for body, reason in wrong:
        method, properties, found = amqp.get("inbox.dlq")
        amqp.channel.basic_ack(method.delivery_tag)
        assert found.decode() == body and reason in properties.headers["x-eventbus-reason"]
        assert (properties.headers["mine"], properties.app_id, properties.expiration) == ("kept", "shop", None)
    assert bus.event(event_id)["payload"] == {"n": 1}
    assert amqp.ready("inbox") == 0 and amqp.ready("inbox.dlq") == 0


def test_a_message_too_large_to_be_an_event_is_kept(amqp):
    amqp.publish("", "inbox", "x" * (3 << 20), message_id="huge")
    method, properties, body = amqp.get("inbox.dlq")
    amqp.channel.basic_ack(method.delivery_tag)
    assert properties.message_id == "huge" and len(body) == 3 << 20


def test_an_ingest_queue_is_not_delivered_from(bus):
    assert "EVENTBUS_INGEST_QUEUE" in bus.put("/queues/inbox", {"bindings": [{"routing_key": "#"}]}).problem(409, "queue_conflict")["detail"]


def test_an_ingest_queue_bound_to_the_exchange_of_the_events_makes_no_loop(bus, amqp):
    """What the service relays comes back as a duplicate, once."""
    bus.declare(queue := unique("ours"), queue)
    amqp.channel.queue_bind("inbox", "events", queue)
    before = ingested(bus, "stored"), ingested(bus, "duplicate")
    bus.publish(event_id=f"{queue}-a", event_type=queue)
    eventually(lambda: ingested(bus, "duplicate") == before[1] + 1)
    amqp.publish("events", queue, json.dumps({"event_id": f"{queue}-b", "event_type": queue}))  # to the queue, to the store, and relayed
    eventually(lambda: (ingested(bus, "stored"), ingested(bus, "duplicate")) == (before[0] + 1, before[1] + 2))
    assert sorted(delivery["event"]["event_id"] for delivery in bus.drain(queue, 3)) == [f"{queue}-a", f"{queue}-b", f"{queue}-b"]
    assert bus.receive(queue) == [] and amqp.ready("inbox") == 0
    assert (ingested(bus, "stored"), ingested(bus, "duplicate")) == (before[0] + 1, before[1] + 2)


def test_a_queue_that_is_there_is_used_as_it_is(own, tmp_path):
    amqp = Amqp(production_settings(tmp_path)["RABBITMQ_URL"])
    amqp.channel.queue_declare("inbox", durable=True)
    amqp.publish("", "inbox", body_of("early"))
    amqp.publish("", "inbox", "{")
    bus = own().start().client()
    eventually(lambda: bus.get("/events/early").status == 200)
    assert "malformed_json" in amqp.get("inbox.dlq")[1].headers["x-eventbus-reason"]


@pytest.mark.parametrize("point", ["store.before_commit", "store.after_commit", "ingest.before_accept"])
def test_a_crash_between_store_and_acknowledgement_neither_loses_nor_repeats(own, tmp_path, point):
    settings = production_settings(tmp_path)
    dying = own(EVENTBUS_CRASH_POINT=point).start()
    dying.client().declare("q", "order.placed")
    Amqp(settings["RABBITMQ_URL"]).publish("", "inbox", body_of("e-1"))
    assert dying.wait() == -signal.SIGKILL
    bus = own().start().client()
    assert [delivery["event"]["event_id"] for delivery in bus.drain("q", 1)] == ["e-1"]
    eventually(lambda: ingested(bus, "stored") + ingested(bus, "duplicate") == 1)
    assert bus.receive("q") == []
    assert [event["event_id"] for event in bus.get("/events").ok(200)["events"]] == ["e-1"]
    database = settings["DATABASE_URL"].rpartition("/")[2]
    assert postgres().ask(database, "SELECT count(*) FROM events") == "1"


def test_while_the_database_is_down_messages_wait(own, bus, tmp_path):
    amqp = Amqp(production_settings(tmp_path)["RABBITMQ_URL"])
    server = own().start()
    amqp.publish("", "inbox", body_of("before"))
    eventually(lambda: server.client().get("/events/before").status == 200)
    postgres().kill()
    amqp.publish("", "inbox", body_of("meanwhile"))
    server.wait_for_log(lambda line: "events wait in an ingest queue" in line)
    postgres().start()
    eventually(lambda: server.client().get("/events/meanwhile").status == 200, 30)
    assert amqp.ready("inbox.dlq") == 0
    eventually(lambda: bus.post("/events", {"event_type": "back"}).status == 201)  # the other tests' service had the same server


def test_read_only_mode_keeps_messages(bus, amqp):
    bus.put("/mode", {"mode": "read_only"}).ok(200)
    amqp.publish("", "inbox", body_of(event_id := unique("later")))
    bus.put("/mode", {"mode": "normal"}).ok(200)
    eventually(lambda: bus.get(f"/events/{event_id}").status == 200, 30)
