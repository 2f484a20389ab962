"""Circuit breakers of a real PostgreSQL and a real RabbitMQ: by hand, and when one of them dies and comes back."""
import pytest

from support.waiting import eventually, unique

RECOVERY = 60.0  # The longest cool-down and a slow machine.


def breaker(bus, name):
    return next(one for one in bus.get("/breakers").ok(200)["breakers"] if one["name"] == name)


def outbox(bus):
    lines = bus.get("/metrics").body.decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("eventbus_outbox_pending "))


@pytest.mark.parametrize("name", ["postgres", "rabbitmq"])
def test_held_open_until_it_is_closed(bus, name):
    for ending in ("close", "reset"):
        held = bus.post(f"/breakers/{name}/open").ok(200)
        assert held == breaker(bus, name) == {"name": name, "state": "open", "failures": 0, "next_probe_at": None, "held_open": True}
        assert f'eventbus_breaker_state{{name="{name}"}} 2' in bus.get("/metrics").body.decode()
        readiness = bus.get("/ready")
        assert (readiness.status, readiness.json[name]) == (503, "held open")
        closed = bus.post(f"/breakers/{name}/{ending}").ok(200)
        assert (closed["state"], closed["held_open"]) == ("closed", False)
        assert f'eventbus_breaker_state{{name="{name}"}} 0' in bus.get("/metrics").body.decode()
        assert eventually(lambda: bus.get("/ready").status == 200)


def test_without_the_database_publishing_and_reading_wait(bus):
    queue, kind = unique("q"), unique("held")
    bus.declare(queue, kind)
    bus.post("/breakers/postgres/open").ok(200)
    try:
        answers = [bus.post("/events", {"event_type": kind}), bus.get("/events"), bus.get("/events/x"),
                   bus.put("/queues/other", {"bindings": [{"routing_key": "a"}]})]
        for answer in answers:
            assert "POST /breakers/postgres/close" in answer.problem(503, "unavailable")["detail"]
            assert int(answer.headers["Retry-After"]) >= 1
        assert bus.get("/health").status == 200
    finally:
        bus.post("/breakers/postgres/close").ok(200)
    event_id = bus.publish(event_type=kind)
    assert bus.receive_one(queue)["event"]["event_id"] == event_id


def test_without_rabbitmq_publishing_goes_on_and_relaying_waits(bus):
    queue, kind = unique("q"), unique("held")
    bus.declare(queue, kind)
    bus.post("/breakers/rabbitmq/open").ok(200)
    try:
        event_id = bus.post("/events", {"event_type": kind}).ok(201)["event_id"]
        answer = bus.post("/events?wait=published&timeout_ms=300", {"event_type": kind})
        assert (answer.status, answer.json["status"]) == (202, "stored")
        refused = bus.post(f"/queues/{queue}/receive", {"max": 1, "wait_ms": 5000})
        refused.problem(503, "unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        assert bus.get(f"/events/{event_id}").status == 200
    finally:
        bus.post("/breakers/rabbitmq/close").ok(200)
    assert bus.receive_one(queue)["event"]["event_id"] == event_id


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_postgres_dies_and_comes_back(server, bus, postgres, end):
    kind = unique("pg")
    bus.publish(event_type=kind)
    getattr(postgres, end)()
    try:
        refused = eventually(lambda: (answer := bus.post("/events", {"event_type": kind})).status == 503 and answer)
        assert int(refused.headers["Retry-After"]) >= 1
        assert "log" in bus.get("/events").problem(503, "unavailable")["detail"]
        opened = eventually(lambda: (one := breaker(bus, "postgres"))["state"] == "open" and one)
        assert opened["failures"] >= 5 and opened["next_probe_at"] and not opened["held_open"]
        assert bus.get("/ready").json["postgres"] == "disconnected"
        answers = [bus.post("/events", {"event_type": kind}) for _ in range(50)]
        assert {answer.status for answer in answers} == {503}
    finally:
        postgres.start()
    eventually(lambda: bus.get("/ready").status == 200, RECOVERY)
    assert breaker(bus, "postgres")["state"] == "closed"
    bus.publish(event_type=kind)
    lines = [line for line in server.lines if "DATABASE_URL" in line]
    assert 1 <= len(lines) <= 10, lines


def test_rabbitmq_goes_away_and_comes_back(server, bus, rabbitmq):
    queue, kind = unique("q"), unique("mq")
    bus.declare(queue, kind)
    rabbitmq.stop()
    try:
        eventually(lambda: breaker(bus, "rabbitmq")["state"] == "open")
        published = [bus.post("/events", {"event_type": kind}).ok(201)["event_id"] for _ in range(20)]
        refused = bus.post(f"/queues/{queue}/receive", {"max": 1, "wait_ms": 10000})
        assert "log" in refused.problem(503, "unavailable")["detail"]
        assert int(refused.headers["Retry-After"]) >= 1
        assert bus.get("/ready").json["rabbitmq"] == "disconnected"
        assert eventually(lambda: outbox(bus) == 20)
    finally:
        rabbitmq.start()
    eventually(lambda: bus.get("/ready").status == 200, RECOVERY)
    assert breaker(bus, "rabbitmq")["state"] == "closed"
    eventually(lambda: outbox(bus) == 0, RECOVERY)
    received = [delivery["event"]["event_id"] for delivery in bus.drain(queue, 20)]
    assert received == published and bus.receive(queue) == []
    lines = [line for line in server.lines if "RABBITMQ_URL" in line]
    assert 1 <= len(lines) <= 10, lines
