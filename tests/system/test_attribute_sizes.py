"""What is large beside an event's payload: it arrives wherever the event does, or it is refused when it is published."""
import json

import pytest

from support.waiting import unique

CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}
MOST_BYTES = 48 << 10  # of all attributes together, as JSON
WIDE = "\U0001f600"  # a character of four bytes


def sized(attributes, filled, total):
    """The attributes, `filled` so large that they have `total` bytes together."""
    small = json.dumps(dict(sorted((attributes | {filled: ""}).items())), separators=(",", ":"))
    return attributes | {filled: "x" * (total - len(small))}


def publish(bus, key, attributes, wait="?wait=published&timeout_ms=30000", **more):
    body = {"specversion": "1.0", "id": unique("large"), "type": key, "data": {"n": 1}} | more | attributes
    return body["id"], bus.request("POST", "/events" + wait, json.dumps(body), headers=CLOUDEVENT)


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 65_500, 65_537, 70_000, 131_072, 200_000])
@pytest.mark.parametrize("name", ["subject", "source", "dataschema", "someextension"])
def test_attributes_that_no_message_can_carry_are_refused_by_name(bus, name, size):
    attributes = sized({"source": "/s"} if name != "source" else {}, name, size)
    _, answer = publish(bus, "a.b", attributes, wait="")
    answer.problem(422, "invalid", name)


def test_many_small_attributes_count_together(bus):
    attributes = {f"extension{n}": "x" * 900 for n in range(60)} | {"source": "/s", "largest": "x" * 1000}
    publish(bus, "a.b", attributes, wait="")[1].problem(422, "invalid", "largest")


def test_a_batch_names_the_event_and_keeps_the_others(bus):
    events = [{"specversion": "1.0", "id": unique("large"), "type": "a.b"} | sized({"source": "/s"}, "subject", size) for size in (MOST_BYTES, MOST_BYTES + 1)]
    answer = bus.request("POST", "/events/batch", json.dumps(events), headers={"Content-Type": "application/cloudevents-batch+json"})
    assert [result["status"] in ("stored", "published") for result in answer.ok(207)["results"]] == [True, False]


def test_the_largest_attributes_travel_all_the_way(bus):
    """With everything else that is as large as it may be: published, retried, given up, redriven."""
    key = unique("large")
    bus.declare(key, f"{key}.#", max_retries=1)
    attributes = sized({"source": "/s"}, "subject", MOST_BYTES)
    large = {"id": WIDE * 240 + unique("large"), "partitionkey": WIDE * 1024}
    _, answer = publish(bus, key + "." + "t" * (254 - len(key)), attributes, **large)
    assert answer.ok(201)["status"] == "published"
    for _ in range(2):
        for attempt in (1, 2):
            delivery = bus.receive_one(key)
            assert (delivery["event"]["event_id"], delivery["attempt"]) == (large["id"], attempt)
            bus.nack(key, delivery, reason="r" * 1024)
        (letter,) = bus.dead_letters(key)
        assert (letter["event"]["event_id"], letter["reason"]) == (large["id"], "r" * 1024)
        bus.post(f"/queues/{key}/dead-letters/redrive", {"all": True}).ok(200, 202)
    event = bus.receive_one(key)["event"]
    assert (event["event_id"], event["ordering_key"]) == (large["id"], large["partitionkey"])
