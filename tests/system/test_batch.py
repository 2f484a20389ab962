"""POST /events/batch: JSON and NDJSON."""
import json

import pytest

from support.waiting import eventually, unique

NDJSON = {"Content-Type": "application/x-ndjson"}


def events(count, **more):
    return [{"event_id": unique("batch"), "event_type": "batch.test", "payload": {"n": n}} | more for n in range(count)]


def ndjson(items):
    return "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in items)


def test_all_stored(bus):
    batch = events(3)
    body = bus.post("/events/batch", {"events": batch}).ok(201)
    assert {key: body[key] for key in ("total", "stored", "duplicates", "failed")} == {"total": 3, "stored": 3, "duplicates": 0, "failed": 0}
    assert [(r["index"], r["event_id"]) for r in body["results"]] == [(n, e["event_id"]) for n, e in enumerate(batch)]
    assert all(bus.event(event["event_id"])["payload"] == event["payload"] for event in batch)


def test_duplicates_count_as_accepted(bus):
    batch = events(2)
    bus.post("/events/batch", {"events": batch[:1]}).ok(201)
    body = bus.post("/events/batch", {"events": batch}).ok(201)
    assert (body["stored"], body["duplicates"]) == (1, 1)
    assert [result["status"] for result in body["results"]][0] == "duplicate"


def test_a_repetition_within_the_batch_is_a_duplicate(bus):
    event = events(1)[0]
    body = bus.post("/events/batch", {"events": [event, event, event | {"payload": {"other": 1}}]}).ok(207)
    assert (body["stored"], body["duplicates"], body["failed"]) == (1, 1, 1)
    assert bus.event(event["event_id"])["payload"] == event["payload"]


def test_some_refused(bus):
    batch = events(3)
    batch[1] = {"event_type": "a b", "colour": 1}
    body = bus.post("/events/batch", {"events": batch}).ok(207)
    assert (body["total"], body["stored"], body["failed"]) == (3, 2, 1)
    error = body["results"][1]["error"]
    assert error["code"] and {"event_type", "colour"} <= {e["field"] for e in error["errors"]}


EMPTY = {"json": ({"Content-Type": "application/json"}, '{"events":[]}'), "ndjson": (NDJSON, "\n"),
         "cloudevents": ({"Content-Type": "application/cloudevents-batch+json"}, " [ ] ")}


@pytest.mark.parametrize("query", ["", "?atomic=true", "?atomic=false"])
@pytest.mark.parametrize("kind", EMPTY)
def test_an_empty_batch_is_fine(bus, kind, query):
    headers, body = EMPTY[kind]
    answer = bus.post(f"/events/batch{query}", body=body, headers=headers)
    assert answer.ok(200) == {"total": 0, "stored": 0, "duplicates": 0, "failed": 0, "results": []}
    assert answer.headers["Content-Type"] == "application/json"


def as_json(events):
    return {"Content-Type": "application/json"}, json.dumps({"events": events})


def as_ndjson(events):
    return NDJSON, ndjson(events)


def as_cloudevents(events):
    return {"Content-Type": "application/cloudevents-batch+json"}, json.dumps([
        {"specversion": "1.0", "source": "/batch", "id": event["event_id"], "type": event["event_type"], "data": event.get("payload", {})}
        for event in events])


FORMATS = {"json": as_json, "ndjson": as_ndjson, "cloudevents": as_cloudevents}


@pytest.fixture(params=FORMATS)
def publish(request, bus):
    """Publishes events in one of the formats of a batch."""
    def send(events, query=""):
        headers, body = FORMATS[request.param](events)
        return bus.post(f"/events/batch{query}", body=body, headers=headers)
    return send


def full_queue(bus):
    """A `reject` queue without room, and the event that fills it."""
    queue = unique("full")
    bus.declare(queue, queue, max_length=1)
    filling = {"event_id": unique("filling"), "event_type": queue, "payload": {"n": 1}}
    bus.publish(**filling)
    eventually(lambda: bus.queue(queue)["ready"] == 1)
    return queue, filling


@pytest.mark.parametrize("query", ["", "?atomic=true"])
def test_nothing_stored_for_want_of_room_is_429(bus, publish, query):
    """Also when some of the events are wrong for good: they don't keep the others from being published later."""
    queue, filling = full_queue(bus)
    batch = [{"event_id": unique("waits"), "event_type": queue} for _ in range(2)]
    answer = publish([*batch, filling | {"payload": {"n": 2}}][:2 if query else 3], query)
    problem = answer.problem(429, "queue_full")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (problem["total"], problem["stored"], problem["duplicates"], problem["failed"]) == (len(problem["results"]), 0, 0, len(problem["results"]))
    for event, result in zip(batch, problem["results"]):
        assert (result["event_id"], result["status"], result["error"]["code"]) == (event["event_id"], "failed", "queue_full")
        assert result["error"]["retryable"] is True and result["error"]["detail"]


@pytest.mark.parametrize("query", ["", "?atomic=true"])
def test_nothing_stored_in_read_only_mode_is_503(bus, publish, query):
    bus.put("/mode", {"mode": "read_only"}).ok(200)
    try:
        answer = publish(events(3), query)
    finally:
        bus.put("/mode", {"mode": "normal"}).ok(200)
    problem = answer.problem(503, "read_only")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (problem["total"], problem["failed"]) == (3, 3) and len(problem["results"]) == 3
    assert all(result["error"]["retryable"] for result in problem["results"])


@pytest.mark.parametrize("query", ["", "?atomic=true"])
def test_nothing_stored_because_of_conflicts_is_409(bus, publish, query):
    taken = events(2)
    assert publish(taken).ok(201)["stored"] == 2
    answer = publish([event | {"payload": {"other": 1}} for event in taken], query)
    problem = answer.problem(409, "event_conflict")
    assert answer.headers["Retry-After"] is None
    assert [(r["event_id"], r["error"]["code"], r["error"]["retryable"]) for r in problem["results"]] == [
        (event["event_id"], "event_conflict", False) for event in taken]


def test_nothing_stored_because_of_conflicts_and_faults_is_409(bus, publish):
    taken, wrong = events(1)[0], {"event_id": unique("wrong"), "event_type": "a b"}
    bus.post("/events", taken).ok(201)
    problem = publish([wrong, taken | {"payload": {"other": 1}, "event_type": "other"}]).problem(409, "event_conflict")
    assert [(r["event_id"], r["error"]["code"]) for r in problem["results"]] == [(wrong["event_id"], "invalid"), (taken["event_id"], "event_conflict")]


def test_a_failed_event_keeps_the_id_it_named(bus, publish):
    good, wrong = events(1)[0], {"event_id": unique("named"), "event_type": "a b"}
    body = publish([good, wrong]).ok(207)
    failed = [result for result in body["results"] if result["status"] == "failed"]
    assert [(result["index"], result["event_id"]) for result in failed] == [(1, wrong["event_id"])]
    assert failed[0]["error"]["retryable"] is False
    assert "a b" in failed[0]["error"]["detail"] or "type" in failed[0]["error"]["detail"], failed


@pytest.mark.parametrize("query", ["", "?atomic=true"])
def test_repetitions_are_duplicates_while_the_queue_is_full(bus, publish, query):
    queue, _ = full_queue(bus)
    bus.ack(queue, bus.receive_one(queue))
    first, elsewhere = {"event_id": unique("first"), "event_type": queue}, *events(1)
    eventually(lambda: publish([first, elsewhere]).status == 201)
    eventually(lambda: bus.queue(queue)["ready"] == 1)
    body = publish([first, elsewhere, first], query).ok(201)
    assert (body["total"], body["stored"], body["duplicates"], body["failed"]) == (3, 0, 3, 0)


def test_places_say_where_in_the_body_an_event_is(bus):
    taken = events(1)[0]
    bus.post("/events", taken).ok(201)
    conflicting = json.dumps(taken | {"payload": {"other": 1}})
    text = '{ "events":\n[ {"event_type":"é ü"}, {"event_type":"fine"},\r\n\t%s,\n\n   7 ]}' % conflicting
    results = bus.post("/events/batch", body=text, headers={"Content-Type": "application/json"}).ok(207)["results"]
    assert [(r["index"], r["error"]["line"], r["error"]["column"]) for r in results if r["status"] == "failed"] == [(0, 2, 3), (2, 3, 2), (3, 5, 4)]


def test_none_valid(bus):
    answer = bus.post("/events/batch", {"events": [{"event_type": ""}, {}, 1]})
    assert answer.status == 422, answer


@pytest.mark.parametrize("body", [{}, {"events": {}}, {"events": 1}, {"events": [], "more": 1}, []])
def test_the_batch_itself_must_be_right(bus, body):
    bus.post("/events/batch", body).problem(422)


def test_malformed_batch(bus):
    bus.post("/events/batch", body='{"events":[{"event_type":"a"},').problem(400)


@pytest.mark.parametrize("spoiler", [{"event_type": "a b"}, "conflict"])
def test_atomic_stores_all_or_none(bus, spoiler):
    batch = events(3)
    if spoiler == "conflict":
        taken = events(1)[0]
        bus.post("/events", taken).ok(201)
        spoiler = taken | {"payload": {"other": True}}
    answer = bus.post("/events/batch?atomic=true", {"events": [*batch, spoiler]})
    assert answer.status in (409, 422), answer
    assert all(bus.get(f"/events/{event['event_id']}").status == 404 for event in batch)
    assert bus.post("/events/batch?atomic=true", {"events": batch}).ok(201)["stored"] == 3


def test_ndjson(bus):
    batch = events(2500)
    body = bus.post("/events/batch", body=ndjson(batch), headers=NDJSON).ok(201)
    assert {key: body[key] for key in ("total", "stored", "duplicates", "failed")} == {"total": 2500, "stored": 2500, "duplicates": 0, "failed": 0}
    assert body.get("results", []) == []
    assert bus.event(batch[-1]["event_id"])["payload"] == {"n": 2499}


def test_ndjson_names_only_the_failures(bus):
    batch = events(5)
    batch[3] = '{"event_type":'
    body = bus.post("/events/batch", body=ndjson(batch), headers=NDJSON).ok(207)
    assert (body["total"], body["stored"], body["failed"]) == (5, 4, 1)
    assert [result["index"] for result in body["results"]] == [3]
    assert body["results"][0]["error"]


@pytest.mark.parametrize("room", [500, 1500, 2050])
def test_ndjson_keeps_its_order_where_there_is_room_for_a_part(bus, room):
    """Looking for repetitions takes longer for some lines than for the rest, which are not stored before them."""
    bus.declare(queue := unique("q"), queue, max_length=room)
    body = "".join(json.dumps({"event_type": queue, "event_id": f"{queue}-{number:04}"}) + "\n" for number in range(2100))
    stored = bus.post("/events/batch", body=body, headers={"Content-Type": "application/x-ndjson"}).ok(207)["stored"]
    assert 0 < stored < 2100
    taken = [delivery["event"]["event_id"] for delivery in bus.drain(queue, stored)]
    assert taken == sorted(taken)


def test_ndjson_none_valid(bus):
    assert bus.post("/events/batch", body="nonsense\n", headers=NDJSON).status == 422


def test_ndjson_takes_blank_lines_crlf_and_no_last_newline(bus):
    first, second = events(2)
    text = f"\n{json.dumps(first)}\r\n\n{json.dumps(second)}"
    assert bus.post("/events/batch", body=text, headers=NDJSON).ok(201)["stored"] == 2


def test_ndjson_atomic(bus):
    batch = events(3)
    text = ndjson([*batch, {"event_type": "a b"}])
    answer = bus.post("/events/batch?atomic=true", body=text, headers=NDJSON)
    assert 400 <= answer.status < 500, answer
    assert bus.get(f"/events/{batch[0]['event_id']}").status == 404


def test_ndjson_streams_chunked_bodies_of_any_length(bus, server):
    """Above the 16 MiB of a JSON batch, in pieces that split lines anywhere."""
    line = json.dumps({"event_type": "batch.big", "payload": {"text": "x" * 1000}}).encode() + b"\n"
    count = (17 << 20) // len(line)
    data = line * count
    pieces = (data[start:start + 60001] for start in range(0, len(data), 60001))
    bus.connection.request("POST", "/events/batch", body=pieces, headers=NDJSON | {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    response = bus.connection.getresponse()
    body = json.loads(response.read())
    assert response.status == 201 and body["stored"] == count, body


def test_an_ndjson_line_above_the_event_limit_fails_alone(bus):
    good = events(1)[0]
    long = json.dumps({"event_type": "a", "payload": {"text": "x" * (1 << 20)}})
    body = bus.post("/events/batch", body=ndjson([long, good]), headers=NDJSON).ok(207)
    assert (body["stored"], body["failed"]) == (1, 1)
    assert body["results"][0]["index"] == 0
