"""Messages as docs/amqp.md describes them, read and written by a client that knows nothing of the service."""
import json

from support.waiting import eventually, unique

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_client_consumes_what_the_service_publishes(bus, amqp):
    amqp.declare(queue := unique("theirs"), routing_key=queue)
    event = {"event_id": queue, "timestamp": "2026-11-23T17:49:13.123456Z", "event_type": "user.created", "payload": {"n": 12345678901234567890, "ß": "ü"},
             "ordering_key": "user-7", "correlation_id": "c-7", "routing_key": queue}
    bus.post("/events", event, headers={"traceparent": TRACE}).ok(201)
    method, properties, body = amqp.get(queue)
    amqp.channel.basic_ack(method.delivery_tag)
    assert (method.exchange, method.routing_key) == ("events", queue)
    del event["routing_key"]
    assert json.loads(body) == event
    assert (properties.content_type, properties.delivery_mode, properties.message_id) == ("application/json", 2, queue)
    assert (properties.type, properties.correlation_id, properties.timestamp) == ("user.created", "c-7", 1795456153)
    contract = {"event_id": queue, "event_type": "user.created", "ordering_key": "user-7", "traceparent": TRACE}
    assert contract.items() <= properties.headers.items()


def test_optional_fields_are_left_out_when_they_are_not_set(bus, amqp):
    amqp.declare(queue := unique("theirs"), routing_key=queue)
    event_id = bus.publish(event_type=queue)
    method, properties, body = amqp.get(queue)
    amqp.channel.basic_ack(method.delivery_tag)
    assert set(json.loads(body)) == {"event_id", "timestamp", "event_type", "payload", "correlation_id"}
    assert properties.message_id == json.loads(body)["event_id"] == event_id
    assert not {"ordering_key", "traceparent"} & properties.headers.keys()


def test_the_client_consumes_a_queue_of_the_service_directly(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    event_id = bus.publish(event_type=queue)
    method, properties, _ = amqp.get(queue)
    assert properties.message_id == event_id
    amqp.channel.basic_ack(method.delivery_tag)
    assert bus.receive(queue) == []


def test_http_consumers_receive_what_the_client_publishes(bus, amqp):
    bus.declare(queue := unique("ours"), f"{queue}.#")
    body = {"event_id": queue, "event_type": "user.created", "payload": {"n": 1}, "ordering_key": "k", "timestamp": "2026-11-23T17:49:13Z"}
    amqp.publish("events", f"{queue}.eu", json.dumps(body), correlation_id="c-9", headers={"traceparent": TRACE})
    delivery = bus.receive_one(queue)
    expected = body | {"correlation_id": "c-9", "traceparent": TRACE, "exchange": "events", "routing_key": f"{queue}.eu"}
    assert expected.items() <= delivery["event"].items()
    assert delivery["attempt"] == 1
    assert bus.ack(queue, delivery)["acked"] == 1
    bus.get(f"/events/{queue}").problem(404, "unknown_event")  # only what was published through the service is stored


def test_the_message_id_may_name_the_event(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    amqp.publish("events", queue, json.dumps({"event_type": "a.b"}), message_id=queue)
    assert bus.receive_one(queue)["event"]["event_id"] == queue


def test_what_the_client_publishes_is_retried_like_any_event(bus, amqp):
    bus.declare(queue := unique("ours"), queue, max_retries=1)
    amqp.publish("events", queue, json.dumps({"event_id": queue, "event_type": "a.b"}))
    bus.nack(queue, bus.receive_one(queue))
    again = bus.receive_one(queue)
    assert (again["event"]["event_id"], again["event"]["routing_key"], again["attempt"]) == (queue, queue, 2)
    bus.nack(queue, again, reason="no")
    assert [(letter["event"]["event_id"], letter["reason"], letter["attempts"]) for letter in bus.dead_letters(queue)] == [(queue, "no", 2)]


def test_what_is_no_event_rests_in_the_dead_letters(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    amqp.publish("events", queue, "hello", message_id="m-1")
    assert bus.receive(queue) == []
    letters = eventually(lambda: bus.dead_letters(queue))
    assert [(letter["event"]["event_id"], letter["event"]["event_type"]) for letter in letters] == [("m-1", "malformed")]


def test_what_the_client_rejects_is_listed_and_redriven(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    event_id = bus.publish(event_type=queue, payload={"n": 1})
    method, _, _ = amqp.get(queue)
    amqp.channel.basic_reject(method.delivery_tag, requeue=False)
    (letter,) = eventually(lambda: bus.dead_letters(queue))
    assert (letter["event"]["event_id"], letter["reason"], letter["attempts"]) == (event_id, "rejected", 1)
    assert letter["event"]["payload"] == {"n": 1}
    assert eventually(lambda: amqp.ready(f"{queue}.dlq") == 0), "it is on its way only"
    assert bus.post(f"/queues/{queue}/dead-letters/redrive", {"event_ids": [event_id]}).ok(200, 202)
    again = bus.receive_one(queue)
    assert (again["event"]["event_id"], again["attempt"]) == (event_id, 1)
    assert bus.ack(queue, again)["acked"] == 1
    assert bus.dead_letters(queue) == []


def test_data_and_type_of_a_cloudevent_are_in_the_message(bus, amqp):
    """Into queues of both sides, and from there into the ingest queue: once stored, it is a duplicate."""
    kind = f"{unique('acme')}.größe/thing:sold"
    amqp.declare(theirs := unique("theirs"), routing_key=kind.split(".", maxsplit=1)[0] + ".#")
    bus.declare(ours := unique("ours"), kind.split(".", maxsplit=1)[0] + ".*")
    event = {"specversion": "1.0", "id": ours, "source": "/s", "type": kind, "data": [1, {"ß": None}], "datacontenttype": "application/x+json"}
    bus.post("/events", event, headers={"Content-Type": "application/cloudevents+json"}).ok(201)
    method, properties, body = amqp.get(theirs)
    amqp.channel.basic_ack(method.delivery_tag)
    assert (method.routing_key, properties.type, json.loads(body)["payload"]) == (kind, kind, event["data"])
    delivery = bus.receive_one(ours)
    assert delivery["event"]["payload"] == event["data"] and delivery["event"]["cloudevent"]["datacontenttype"] == "application/x+json"
    bus.ack(ours, delivery)
    amqp.channel.basic_publish("", "inbox", body, properties)
    eventually(lambda: amqp.ready("inbox") == 0)
    assert amqp.ready("inbox.dlq") == 0


def test_types_of_any_characters_come_over_amqp(bus, amqp):
    kind = f"{unique('acme')}.größe/thing:sold"
    bus.declare(queue := unique("ours"), kind.split(".", maxsplit=1)[0] + ".#")
    amqp.publish("events", kind, json.dumps({"event_type": kind, "event_id": queue}))
    delivery = bus.receive_one(queue)
    assert (delivery["event"]["event_type"], delivery["event"]["routing_key"]) == (kind, kind)
    bus.ack(queue, delivery)
    amqp.publish("", "inbox", json.dumps({"event_type": kind, "event_id": queue + "-2"}))
    assert bus.receive_one(queue)["event"]["event_id"] == queue + "-2"
