"""Every row of "What bad input gets", as well-formed HTTP."""
import json

import pytest

from support.raw_http import RawConnection, request
from support.waiting import unique

JSON_ROUTES = [("POST", "/events"), ("POST", "/events/batch"), ("PUT", "/queues/bad"), ("POST", "/queues/bad/receive"),
               ("POST", "/queues/bad/ack"), ("POST", "/queues/bad/nack"), ("POST", "/queues/bad/extend"),
               ("POST", "/queues/bad/dead-letters/redrive"), ("DELETE", "/queues/bad/dead-letters"), ("PUT", "/mode")]
MALFORMED = [b"{", b"nonsense", b'{"event_type":"a"}x', b'{"event_type":"a",}', b"{'event_type':'a'}", b'{"event_type":NaN}', b"\x00", b"\xef\xbb\xbf",
             b'{"event_type":"a"} {"event_type":"b"}', b'{"event_type":01}', b'{"a":"\n"}', b'{"a":"\\x"}', b"{" * 200, b"/**/{}"]


@pytest.fixture(autouse=True, scope="module")
def queue(server):
    server.client().declare("bad", "nothing.comes")


@pytest.fixture(autouse=True)
def still_usable(bus):
    """After any bad request the same connection serves a good one."""
    yield
    bus.post("/events", {"event_type": "a"}).ok(201)
    assert bus.connection.sock is not None


@pytest.mark.parametrize("method, path", JSON_ROUTES)
def test_malformed_json(bus, method, path):
    for body in MALFORMED:
        problem = bus.request(method, path, body=body).problem(400, "malformed_json")
        assert "Line 1" in problem["detail"] and "column" in problem["detail"], (body, problem)


@pytest.mark.parametrize("method, path", JSON_ROUTES)
def test_an_empty_body_lacks_its_fields(bus, method, path):
    answer = bus.request(method, path, body=b"")
    assert answer.status in (400, 422) or path.endswith("/receive"), answer


def test_malformed_json_says_where(bus):
    problem = bus.post("/events", body='{\n  "event_type": "a",\n  "payload": {"x": tru}\n}').problem(400)
    assert "Line 3" in problem["detail"], problem


@pytest.mark.parametrize("body", [b'{"event_type":"a","payload":{"x":"\xff"}}', b'{"event_type":"\xc3\x28"}', b'{"\xed\xa0\x80":1}',
                                  b'{"event_type":"a","event_id":"\xf5\x80\x80\x80"}', b'{"event_type":"a","payload":{"x":"\xc0\xaf"}}'])
def test_bad_utf8(bus, body):
    bus.post("/events", body=body).problem(422)


def test_bad_input_comes_back_as_valid_utf8(bus):
    answer = bus.post("/events", body=b'{"event_type":"a","\xff\xfe":1}')
    json.loads(answer.body.decode("utf-8"))


@pytest.mark.parametrize("path", ["/", "/event", "/events/a/b/c", "/queues/bad/fly", "/EVENTS", "/events//", "/../etc/passwd", "/%00", "/events/batch/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_routes(bus, method, path):
    answer = bus.request(method, path, json={} if method == "POST" else None)
    assert answer.status in (404, 405, 400), answer
    answer.problem(answer.status)


@pytest.mark.parametrize("path", ["/events/%ff", "/events/%zz", "/events/%", "/events/%00", "/queues/%ff", "/events?limit=%zz"])
def test_broken_percent_encoding(bus, path):
    answer = bus.get(path)
    assert answer.status in (400, 404, 422), answer
    answer.problem(answer.status)


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/events", {"GET", "POST", "HEAD"}), ("PUT", "/events/batch", {"POST"}), ("POST", "/events/x", {"GET", "HEAD"}),
    ("POST", "/queues", {"GET", "HEAD"}), ("PATCH", "/queues/bad", {"GET", "HEAD", "PUT", "DELETE"}), ("GET", "/queues/bad/ack", {"POST"}),
    ("POST", "/health", {"GET", "HEAD"}), ("POST", "/mode", {"GET", "HEAD", "PUT"}), ("BREW", "/events", {"GET", "POST", "HEAD"})])
def test_wrong_method(bus, method, path, allowed):
    answer = bus.request(method, path, json={} if method in ("POST", "PUT", "PATCH") else None)
    answer.problem(405, "method_not_allowed")
    assert {name.strip() for name in answer.headers["Allow"].split(",")} - {"OPTIONS"} == allowed


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonx", "multipart/form-data; boundary=x", "nonsense", "*/*"])
@pytest.mark.parametrize("method, path", JSON_ROUTES)
def test_wrong_content_type(bus, method, path, kind):
    bus.request(method, path, body="{}", headers={"Content-Type": kind}).problem(415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON ;charset=UTF-8"])
def test_right_content_types(bus, kind):
    bus.post("/events", body='{"event_type":"a"}', headers={"Content-Type": kind}).ok(201)


def test_other_charsets_are_refused(bus):
    answer = bus.post("/events", body='{"event_type":"a"}'.encode("utf-16"), headers={"Content-Type": "application/json; charset=utf-16"})
    answer.problem(415)


def test_content_encodings_are_refused(bus):
    bus.post("/events", body='{"event_type":"a"}', headers={"Content-Encoding": "gzip"}).problem(415)


def sized(size):
    """A publish request of exactly `size` bytes."""
    frame = '{"event_type":"a","payload":{"x":""}}'
    return frame.replace('""', '"' + "x" * (size - len(frame)) + '"')


def test_events_have_a_size_limit(bus):
    bus.post("/events", body=sized((1 << 20) - 100)).ok(201)
    bus.post("/events", body=sized((1 << 20) + 1)).problem(413)


def test_batches_have_a_size_limit(bus):
    event = sized(1 << 19)
    bus.post("/events/batch", body=f'{{"events":[{",".join([event] * 31)}]}}').ok(201)
    bus.post("/events/batch", body=f'{{"events":[{",".join([event] * 33)}]}}').problem(413)


def test_an_event_of_a_batch_above_the_limit_fails_alone(bus):
    body = bus.post("/events/batch", body=f'{{"events":[{sized((1 << 20) + 1)},{{"event_type":"a"}}]}}').ok(207)
    assert (body["stored"], body["failed"]) == (1, 1) and body["results"][0]["error"]["code"] == "too_large"


@pytest.mark.parametrize("path", ["/queues/bad/ack", "/queues/bad/receive", "/mode"])
def test_other_bodies_have_a_size_limit(bus, path):
    method = "PUT" if path == "/mode" else "POST"
    bus.request(method, path, body='{"x":"' + "x" * (1 << 20) + '"}').problem(413)


@pytest.mark.parametrize("query", ["a=1", "limit=1&limit=2", "="])
def test_unknown_and_repeated_parameters(bus, query):
    answer = bus.get(f"/events?{query}")
    assert answer.status in (400, 422), answer


@pytest.mark.parametrize("value", ["x" * 256, "a b\x7f", "ü"])
def test_a_wrong_correlation_id_does_no_harm(bus, value):
    answer = bus.get("/health", headers={"X-Correlation-ID": value.encode()})
    assert answer.status in (200, 400, 422) and answer.headers["X-Correlation-ID"].isascii()


def test_nothing_is_stored_of_a_refused_request(bus):
    kind = unique("refused")
    for body in (f'{{"event_type":"{kind}","x":1}}', f'{{"event_type":"{kind}"', f'{{"event_type":"{kind}","payload":[]}}'):
        assert bus.post("/events", body=body).status in (400, 422)
    assert bus.get(f"/events?event_type={kind}").ok(200)["events"] == []


def test_too_many_events_waiting(start):
    """With room for one event, publishes at the same time are refused with Retry-After; what was accepted is stored."""
    server = start(EVENTBUS_MAX_WAITING_EVENTS=1)
    publish = request("POST", "/events", ["Content-Type: application/json"], b'{"event_type":"a"}')
    connections = [RawConnection(server.address) for _ in range(16)]
    answers = []
    while not any(answer.status == 429 for answer in answers):
        for connection in connections:
            connection.send(publish)
        answers += [connection.response() for connection in connections]
    for connection in connections:
        connection.socket.close()
    for answer in answers:
        if answer.status != 201:
            answer.problem(429, "too_many_requests")
            assert int(answer.headers["Retry-After"]) >= 1
    accepted = {answer.json["event_id"] for answer in answers if answer.status == 201}
    assert {event["event_id"] for event in server.client().get("/events?limit=10000").ok(200)["events"]} == accepted


def test_too_many_requests_in_flight(start):
    """While one request is being read, others are told 429; but for health, and the connection stays usable."""
    server = start(EVENTBUS_MAX_IN_FLIGHT=1)
    bus = server.client()
    with RawConnection(server.address) as slow:
        slow.send(request("POST", "/events", ["Content-Type: application/json", "Content-Length: 18", "Expect: 100-continue"]))
        assert slow.response().status == 100
        answer = bus.post("/events", {"event_type": "a"})
        answer.problem(429, "too_many_requests")
        assert int(answer.headers["Retry-After"]) >= 1
        assert bus.get("/health").status == 200
        assert slow.send(b'{"event_type":"a"}').response().status == 201
    bus.post("/events", {"event_type": "a"}).ok(201)
