"""Health, readiness, mode and the readable documentation."""
import pytest

from support.client import RELAYS


def test_health(bus):
    assert bus.get("/health").ok(200) == {"status": "healthy", "service": "event-bus"}


def test_ready(bus):
    parts = {"rabbitmq": "connected", "postgres": "connected"} if RELAYS else {"broker": "embedded", "store": "sqlite"}
    assert bus.get("/ready").ok(200) == {"status": "ready"} | parts


@pytest.mark.parametrize("query", ["probe=1", "probe", "a=1&a=2", "%zz", "=", "x=%00", "?"])
@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_may_add_any_query(bus, path, query):
    assert bus.get(f"{path}?{query}").ok(200) == bus.get(path).ok(200)
    assert bus.request("HEAD", f"{path}?{query}").status == 200


def test_read_only_mode_refuses_publishing_only(start):
    bus = start().client()
    assert bus.get("/mode").ok(200) == {"mode": "normal"}
    bus.declare("q")
    event_id = bus.publish(event_type="a")
    assert bus.put("/mode", {"mode": "read_only"}).ok(200) == {"mode": "read_only"}
    for path, body in (("/events", {"event_type": "a"}), ("/events/batch", {"events": [{"event_type": "a"}]})):
        answer = bus.post(path, body)
        answer.problem(503, "read_only")
        assert int(answer.headers["Retry-After"]) >= 1
    ndjson = bus.post("/events/batch", body='{"event_type":"a"}\n', headers={"Content-Type": "application/x-ndjson"})
    assert ndjson.status == 503
    assert bus.event(event_id)["event_type"] == "a"
    assert bus.ack("q", bus.receive_one("q"))["acked"] == 1
    bus.put("/mode", {"mode": "normal"}).ok(200)
    bus.publish(event_type="a")


def test_the_mode_survives_a_restart_and_a_kill(start):
    server = start()
    server.client().put("/mode", {"mode": "read_only"}).ok(200)
    server.stop()
    bus = server.start().client()
    assert bus.get("/mode").ok(200) == {"mode": "read_only"}
    bus.post("/events", {"event_type": "a"}).problem(503, "read_only")
    bus.put("/mode", {"mode": "normal"}).ok(200)
    server.kill()
    assert server.start().client().post("/events", {"event_type": "a"}).status == 201


@pytest.mark.parametrize("body", [{}, {"mode": "sideways"}, {"mode": 1}, {"mode": "normal", "x": 1}])
def test_wrong_modes_are_refused(bus, body):
    bus.put("/mode", body).problem(422)


def test_docs_are_readable_without_internet(bus):
    answer = bus.get("/docs")
    text = answer.body.decode()
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert "/queues/{queue}/receive" in text
    for tag in ('src="http', "src='http", 'href="http', "@import", "url(http"):
        assert tag not in text, tag
