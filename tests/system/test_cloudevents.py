"""CloudEvents 1.0 in the three HTTP modes, there and back."""
import json

import pytest

from support.waiting import unique

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}


def cloudevent(**more):
    return {"specversion": "1.0", "id": unique("ce"), "source": "/shop/eu", "type": "order.paid", "time": "2026-01-01T01:00:00+01:00",
            "subject": "order-7", "partitionkey": "order-7", "region": "eu-1", "data": {"total": 12}} | more


def expect_stored(bus, event):
    stored = bus.event(event["id"])
    assert stored["event_type"] == event["type"] and stored["payload"] == event["data"]
    assert stored["timestamp"] == "2026-01-01T00:00:00Z" and stored["ordering_key"] == event["partitionkey"]
    kept = stored["cloudevent"]
    assert kept["source"] == event["source"] and kept["subject"] == event["subject"] and kept["region"] == event["region"]


def test_structured_mode(bus):
    event = cloudevent()
    answer = bus.post("/events", body=json.dumps(event), headers=STRUCTURED)
    assert answer.ok(201)["event_id"] == event["id"]
    expect_stored(bus, event)


def test_structured_mode_with_charset(bus):
    bus.post("/events", body=json.dumps(cloudevent()), headers={"Content-Type": "application/cloudevents+json; charset=utf-8"}).ok(201)


def test_batched_mode(bus):
    events = [cloudevent() for _ in range(3)]
    answer = bus.post("/events/batch", body=json.dumps(events), headers=BATCHED)
    assert answer.ok(201)["stored"] == 3
    for event in events:
        expect_stored(bus, event)


def test_batched_mode_reports_each_event(bus):
    answer = bus.post("/events/batch", body=json.dumps([cloudevent(), cloudevent(type="a b")]), headers=BATCHED)
    body = answer.ok(207)
    assert (body["stored"], body["failed"]) == (1, 1)
    assert [result["index"] for result in body["results"] if result.get("error")] == [1]


def binary_headers(event, **more):
    headers = {f"ce-{name}": event[name] for name in ("specversion", "id", "source", "type", "time", "subject", "partitionkey", "region")}
    return headers | {"Content-Type": "application/json"} | more


def test_binary_mode(bus):
    event = cloudevent()
    bus.post("/events", body=json.dumps(event["data"]), headers=binary_headers(event)).ok(201)
    expect_stored(bus, event)


def test_binary_mode_percent_decodes_attributes(bus):
    event = cloudevent()
    headers = binary_headers(event) | {"ce-subject": "Gr%C3%BC%C3%9Fe%20%22x%22"}
    bus.post("/events", body=json.dumps(event["data"]), headers=headers).ok(201)
    assert bus.event(event["id"])["cloudevent"]["subject"] == 'Grüße "x"'


def test_the_same_cloudevent_again_is_a_duplicate(bus):
    event = cloudevent()
    bus.post("/events", body=json.dumps(event), headers=STRUCTURED).ok(201)
    assert bus.post("/events", body=json.dumps(event), headers=STRUCTURED).ok(200)["status"] == "duplicate"
    bus.post("/events", body=json.dumps(event | {"source": "/elsewhere"}), headers=STRUCTURED).problem(409)


@pytest.mark.parametrize("field", ["specversion", "id", "source", "type"])
def test_required_attributes(bus, field):
    event = cloudevent()
    del event[field]
    bus.post("/events", body=json.dumps(event), headers=STRUCTURED).problem(422, None, field)


@pytest.mark.parametrize("field, value", [("specversion", "0.3"), ("type", "a b"), ("time", "now"), ("data", [1]), ("source", ""),
                                          ("datacontenttype", "text/plain"), ("data_base64", "aGk="), ("Region", "x")])
def test_wrong_attributes_are_named(bus, field, value):
    bus.post("/events", body=json.dumps(cloudevent(**{field: value})), headers=STRUCTURED).problem(422, None, field)


def test_deliveries_carry_what_cloudevents_need(bus):
    queue, event = unique("q"), cloudevent(type=unique("ce-type"))
    bus.declare(queue, event["type"])
    bus.post("/events", body=json.dumps(event), headers=STRUCTURED).ok(201)
    assert bus.receive_one(queue)["event"]["cloudevent"]["source"] == event["source"]
