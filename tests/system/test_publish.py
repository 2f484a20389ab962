"""POST /events and GET /events/{id}: the shapes, the defaults, idempotency."""
import datetime
import re
import string
import urllib.parse
import uuid

import pytest

from support.waiting import eventually, unique

FULL = {"event_type": "user.created", "timestamp": "2026-01-02T03:04:05.678901+02:00", "payload": {"user_id": 123},
        "ordering_key": "user-123", "correlation_id": "corr-1", "exchange": "shop", "routing_key": "eu.user"}


def parse_time(text):
    assert text.endswith("Z"), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_an_event_comes_back_as_it_was_published(bus):
    event_id = unique("full")
    answer = bus.post("/events", FULL | {"event_id": event_id})
    assert answer.ok(201) == {"event_id": event_id, "status": "stored"} or answer.json["status"] == "published"
    assert answer.headers["Location"] == f"/events/{event_id}"
    event = bus.event(event_id)
    assert event["timestamp"] == "2026-01-02T01:04:05.678901Z"
    for field in FULL.keys() - {"timestamp"}:
        assert event[field] == FULL[field]
    assert event["cursor"] and parse_time(event["stored_at"])


def test_what_is_left_out_has_its_default(bus):
    before = datetime.datetime.now(datetime.timezone.utc)
    event = bus.event(bus.publish(event_type="a.b"))
    after = datetime.datetime.now(datetime.timezone.utc)
    assert uuid.UUID(event["event_id"]).version == 7
    assert before - datetime.timedelta(seconds=1) <= parse_time(event["timestamp"]) <= after
    assert event["payload"] == {} and event["exchange"] == "events" and event["routing_key"] == "a.b"
    assert event["correlation_id"] and "ordering_key" not in event


def test_generated_ids_sort_by_time(bus):
    ids = [bus.publish(event_type="a") for _ in range(20)]
    assert ids == sorted(ids)


def test_location_is_a_path_that_works(bus):
    event_id = f"repo/{unique('sha')} ü?#%"
    answer = bus.post("/events", {"event_id": event_id, "event_type": "a"})
    assert answer.ok(201)["event_id"] == event_id
    assert bus.get(answer.headers["Location"]).ok(200)["event_id"] == event_id
    assert urllib.parse.unquote(answer.headers["Location"]) == f"/events/{event_id}"


AWKWARD_IDS = ["../queues", ".", "..", "...", "a/b", "a/../b", "a/./b", "/a", "a/", "//", "a//b", "stream", "batch", "by-id", "batch/x",
               "stream/..", "%2F", "%2e%2e", "?", "#", "a?event_id=b&c", "+", " ", "\\", "a:b@c", "é/ü 😀", "by-id?event_id=x", "ü" * 255]


def normalised(location):
    """The address as clients and proxies write it: what needn't be encoded isn't, dot segments and double slashes are gone."""
    path, mark, query = location.partition("?")
    for character in "-._~" + string.ascii_letters + string.digits:
        path = path.replace(f"%{ord(character):02X}", character).replace(f"%{ord(character):02x}", character)
    path = re.sub("//+", "/", path)
    return urllib.parse.urljoin("http://localhost/", path).removeprefix("http://localhost") + mark + query


@pytest.mark.parametrize("event_id", AWKWARD_IDS)
def test_location_leads_to_the_event_whatever_its_id(bus, event_id):
    answer = bus.post("/events", {"event_id": event_id, "event_type": "a"})
    assert answer.status in (200, 201), answer
    location = answer.headers["Location"]
    for address in (location, normalised(location)):
        event = bus.get(address).ok(200)
        assert event.get("event_id") == event_id, (location, address)
    assert bus.request("HEAD", location).status == 200


@pytest.mark.parametrize("event_id", AWKWARD_IDS)
def test_any_event_is_found_by_its_id_as_a_parameter(bus, event_id):
    bus.post("/events", {"event_id": event_id, "event_type": "a"}).ok(200, 201)
    assert bus.get("/events/by-id", query={"event_id": event_id}).ok(200)["event_id"] == event_id
    cloudevent = bus.get("/events/by-id", query={"event_id": event_id}, headers={"Accept": "application/cloudevents+json"})
    assert cloudevent.ok(200)["id"] == event_id


def test_what_by_id_refuses(bus):
    bus.get("/events/by-id").problem(422, "invalid", "event_id")
    bus.get("/events/by-id?event_id=").problem(422, "invalid", "event_id")
    bus.get("/events/by-id?event_id=nobody").problem(404, "unknown_event")


def test_the_detail_of_a_refusal_names_the_fields(bus):
    for path in ("/events?limit=0", "/events/by-id", "/events/stream?from=yesterday", "/events?colour=red", "/events?limit=%zz", "/events/%zz"):
        problem = bus.get(path).problem(422)
        fault = problem["errors"][0]
        assert f"{fault['field']}: {fault['message']}" in problem["detail"], problem
    problem = bus.post("/queues/nobody/receive", {"max": 0}).problem(422, "invalid", "max")
    assert problem["detail"].startswith("max: "), problem


def test_the_same_event_again_is_a_duplicate(bus):
    queue = unique("q")
    bus.declare(queue, "dup.#")
    event = FULL | {"event_id": unique("dup"), "routing_key": "dup.x", "exchange": "events"}
    first = bus.post("/events", event)
    again = bus.post("/events", event)
    assert first.status == 201
    assert again.ok(200) == {"event_id": event["event_id"], "status": "duplicate"}
    last = bus.publish(event_type="dup.last")
    assert [d["event"]["event_id"] for d in bus.drain(queue, 2)] == [event["event_id"], last]


@pytest.mark.parametrize("left_out", ["timestamp", "payload", "ordering_key", "correlation_id", "exchange", "routing_key"])
def test_a_repetition_may_leave_fields_out(bus, left_out):
    event = FULL | {"event_id": unique("less")}
    bus.post("/events", event).ok(201)
    del event[left_out]
    assert bus.post("/events", event).ok(200)["status"] == "duplicate"


@pytest.mark.parametrize("field, value", [("timestamp", "2026-01-02T03:04:05.678902+02:00"), ("payload", {"user_id": 124}),
                                          ("event_type", "user.deleted"), ("ordering_key", "user-124"),
                                          ("correlation_id", "corr-2"), ("exchange", "stop"), ("routing_key", "us.user")])
def test_different_content_under_a_taken_id_is_a_conflict(bus, field, value):
    event = FULL | {"event_id": unique("conflict")}
    bus.post("/events", event).ok(201)
    bus.post("/events", event | {field: value}).problem(409)
    assert bus.event(event["event_id"])["event_type"] == "user.created"


@pytest.mark.parametrize("again", [{"payload": {"b": [1, 2.50], "a": 1}}, {"payload": {"a": 1.0, "b": [1, 25e-1]}}])
def test_equal_json_values_are_the_same_content(bus, again):
    event = {"event_id": unique("same"), "event_type": "a", "payload": {"a": 1, "b": [1, 2.5]}}
    bus.post("/events", event).ok(201)
    assert bus.post("/events", event | again).ok(200)["status"] == "duplicate"


def test_the_same_instant_in_another_offset_is_the_same_content(bus):
    event = {"event_id": unique("time"), "event_type": "a", "timestamp": "2026-01-02T03:04:05Z"}
    bus.post("/events", event).ok(201)
    assert bus.post("/events", event | {"timestamp": "2026-01-02T05:04:05.000+02:00"}).ok(200)["status"] == "duplicate"


def test_wait_published_answers_once_the_broker_has_it(bus):
    answer = bus.post("/events?wait=published&timeout_ms=5000", {"event_type": "a"})
    assert answer.ok(201)["status"] == "published"


@pytest.mark.parametrize("query", ["wait=never", "timeout_ms=x", "timeout_ms=-1"])
def test_wrong_publish_options_are_named(bus, query):
    bus.post(f"/events?{query}", {"event_type": "a"}).problem(422, None, query.split("=")[0])


def test_correlation_id_comes_from_the_header_when_the_body_has_none(bus):
    answer = bus.post("/events", {"event_type": "a"}, headers={"X-Correlation-ID": "from-header"})
    assert answer.headers["X-Correlation-ID"] == "from-header"
    assert bus.event(answer.json["event_id"])["correlation_id"] == "from-header"


def test_correlation_id_of_the_body_wins(bus):
    answer = bus.post("/events", {"event_type": "a", "correlation_id": "body"}, headers={"X-Correlation-ID": "header"})
    assert bus.event(answer.json["event_id"])["correlation_id"] == "body"


def test_every_answer_carries_a_correlation_id(bus):
    for answer in (bus.get("/health"), bus.get("/nowhere"), bus.post("/events", {"event_type": "a"}), bus.get("/events")):
        assert re.fullmatch(r"[\x21-\x7e]{1,255}", answer.headers["X-Correlation-ID"])


def test_traceparent_travels_with_the_event(bus):
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = bus.post("/events", {"event_type": "a"}, headers={"traceparent": traceparent})
    assert bus.event(answer.ok(201)["event_id"])["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_an_unknown_event_is_not_found(bus):
    bus.get("/events/nobody").problem(404)


@pytest.mark.parametrize("query", ["", "?wait=published&timeout_ms=10000"])
def test_a_repetition_is_a_duplicate_while_its_queue_is_full(bus, query):
    queue = unique("full")
    bus.declare(queue, queue, max_length=1)
    event = {"event_id": unique("once"), "event_type": queue, "payload": {"n": 1}}
    bus.publish(**event)
    eventually(lambda: bus.queue(queue)["ready"] == 1)
    bus.post(f"/events{query}", event | {"event_id": unique("other")}).problem(429, "queue_full")
    bus.post(f"/events{query}", {"event_type": queue}).problem(429, "queue_full")
    assert bus.post(f"/events{query}", event).ok(200)["status"] == "duplicate"
    bus.post(f"/events{query}", event | {"payload": {"n": 2}}).problem(409, "event_conflict")
    assert [d["event"]["event_id"] for d in bus.receive(queue, wait_ms=5000)] == [event["event_id"]]
    assert bus.queue(queue)["ready"] == 0
