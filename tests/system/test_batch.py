"""POST /events/batch: JSON and NDJSON."""
import json

import pytest

from support.waiting import unique

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
