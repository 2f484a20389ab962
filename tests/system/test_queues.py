"""Declaring, showing, changing, pausing, purging and deleting queues."""
import pytest

from support.waiting import eventually, unique

BINDINGS = [{"exchange": "events", "routing_key": "user.*"}]
DEFAULTS = {"max_retries": 3, "retry_delay_ms": 1000, "retry_backoff": 2.0, "retry_max_delay_ms": 60000, "message_ttl_ms": None,
            "max_length": None, "overflow": "reject", "lease_ms": 30000, "ordered": False, "start_from": "now"}
COUNTS = ("ready", "in_flight", "delayed", "dead_letters", "consumers")


def test_declare_is_idempotent(bus):
    queue = unique("q")
    assert bus.put(f"/queues/{queue}", {"bindings": BINDINGS}).status == 201
    assert bus.put(f"/queues/{queue}", {"bindings": BINDINGS}).status == 200
    assert bus.put(f"/queues/{queue}", {"bindings": [{"routing_key": "user.*"}], "max_retries": 3}).status == 200


def test_defaults(bus):
    queue = unique("q")
    bus.put(f"/queues/{queue}", {"bindings": BINDINGS}).ok(201)
    shown = bus.queue(queue)
    definition = shown.get("definition", shown)
    assert definition["bindings"] == BINDINGS
    for field, value in DEFAULTS.items():
        assert definition.get(field) == value, field
    assert all(shown[count] == 0 for count in COUNTS) and shown.get("oldest_age_seconds") is None


def test_what_may_change_in_place_changes(bus):
    queue = unique("q")
    bus.put(f"/queues/{queue}", {"bindings": BINDINGS}).ok(201)
    changed = {"bindings": [{"exchange": "shop", "routing_key": "#"}], "max_retries": 7, "lease_ms": 5000, "message_ttl_ms": 60000,
               "max_length": 10, "overflow": "drop_oldest", "retry_backoff": 1.5, "retry_delay_ms": 5, "retry_max_delay_ms": 50}
    assert bus.put(f"/queues/{queue}", changed).status == 200
    shown = bus.queue(queue)
    assert {field: shown.get("definition", shown)[field] for field in changed} == changed


@pytest.mark.parametrize("change", [{"ordered": True}, {"start_from": "beginning"}, {"start_from": "2026-01-01T00:00:00Z"}])
def test_what_may_not_change_in_place_is_a_conflict(bus, change):
    queue = unique("q")
    bus.put(f"/queues/{queue}", {"bindings": BINDINGS}).ok(201)
    bus.put(f"/queues/{queue}", {"bindings": BINDINGS} | change).problem(409, "queue_conflict", next(iter(change)))


@pytest.mark.parametrize("definition", [{}, {"ordered": True, "start_from": "beginning"}, {"start_from": "2020-01-01T00:00:00.123456789+01:00"},
                                        {"max_length": 5, "overflow": "drop_oldest", "message_ttl_ms": 1000, "retry_backoff": 1.1}])
def test_what_get_gave_may_be_put(bus, definition):
    kind, queue, copy = unique("kind"), unique("q"), unique("q")
    bus.put(f"/queues/{queue}", {"bindings": [{"routing_key": kind}]} | definition).ok(201)
    bus.publish(event_type=kind)
    bus.receive_one(queue)
    shown = bus.queue(queue)
    assert bus.put(f"/queues/{queue}", shown).ok(200).keys() == shown.keys()
    listed = next(one for one in bus.get("/queues").ok(200)["queues"] if one["name"] == queue)
    bus.put(f"/queues/{queue}", listed).ok(200)
    copied = bus.put(f"/queues/{copy}", shown | {"name": copy}).ok(201)
    counts = {*COUNTS, "name", "oldest_age_seconds"}
    assert {k: v for k, v in copied.items() if k not in counts} == {k: v for k, v in shown.items() if k not in counts}


def test_counts_are_reported_not_declared(bus):
    queue = unique("q")
    told = {"ready": 7, "in_flight": -1, "delayed": "many", "dead_letters": None, "consumers": [], "oldest_age_seconds": 1e9, "paused": True}
    shown = bus.put(f"/queues/{queue}", {"bindings": BINDINGS} | told).ok(201)
    assert all(shown[count] == 0 for count in COUNTS) and shown["oldest_age_seconds"] is None and shown["paused"] is False


@pytest.mark.parametrize("field, value", [
    ("bindings", []), ("bindings", None), ("bindings", {}), ("bindings", [1]), ("bindings", [{}]), ("max_retries", -1), ("max_retries", "3"),
    ("max_retries", 1.5), ("retry_delay_ms", -1), ("retry_backoff", 0.5), ("retry_backoff", "x"), ("retry_max_delay_ms", -5),
    ("message_ttl_ms", 0), ("message_ttl_ms", -1), ("max_length", 0), ("max_length", -1), ("overflow", "explode"), ("lease_ms", 0),
    ("lease_ms", "long"), ("ordered", "yes"), ("start_from", "tomorrow"), ("start_from", 5), ("colour", "red")])
def test_wrong_definitions_are_named(bus, field, value):
    problem = bus.put(f"/queues/{unique('q')}", {"bindings": BINDINGS} | {field: value}).problem(422)
    assert any(error["field"].startswith(field) for error in problem["errors"]), problem


@pytest.mark.parametrize("pattern", ["us*", "a..b", "", "a b", 5])
def test_wrong_patterns_are_named(bus, pattern):
    bus.put(f"/queues/{unique('q')}", {"bindings": [{"routing_key": pattern}]}).problem(422, None, "bindings[0].routing_key")


def test_bindings_are_required(bus):
    bus.put(f"/queues/{unique('q')}", {}).problem(422, None, "bindings")


@pytest.mark.parametrize("name", ["a%09b", "x" * 256, "%C2%85", "a%2Fb"])
def test_wrong_names_are_refused(bus, name):
    answer = bus.put(f"/queues/{name}", {"bindings": BINDINGS})
    assert answer.status in (404, 422), answer


def test_all_queues_are_listed(bus):
    names = {unique("listed") for _ in range(3)}
    for name in names:
        bus.declare(name)
    listed = bus.get("/queues").ok(200)["queues"]
    assert names <= {queue.get("name") or queue["definition"]["name"] for queue in listed}


@pytest.mark.parametrize("method, path, body", [
    ("GET", "", None), ("DELETE", "", None), ("POST", "/purge", None), ("POST", "/pause", None), ("POST", "/resume", None),
    ("POST", "/receive", {"max": 1}), ("POST", "/ack", {"delivery_ids": ["x"]}), ("POST", "/nack", {"delivery_ids": ["x"]}),
    ("POST", "/extend", {"delivery_ids": ["x"], "lease_ms": 1000}), ("GET", "/dead-letters", None),
    ("POST", "/dead-letters/redrive", {"all": True}), ("DELETE", "/dead-letters", {"all": True})])
def test_an_unknown_queue_is_not_found(bus, method, path, body):
    bus.request(method, f"/queues/nobody{path}", json=body).problem(404)


def test_bindings_route_by_exchange_and_pattern(bus):
    word, queue = unique("route"), unique("q")
    bus.put(f"/queues/{queue}", {"bindings": [{"routing_key": f"{word}.*.eu"}, {"exchange": word, "routing_key": "#"},
                                              {"routing_key": f"{word}.#"}]}).ok(201)
    wanted = [bus.publish(event_type=f"{word}.paid.eu"), bus.publish(event_type="a", exchange=word, routing_key="x.y"),
              bus.publish(event_type="b", routing_key=f"{word}.other")]
    bus.publish(event_type="a", exchange=word + "x")
    bus.publish(event_type=f"{word}x.paid.eu")
    assert [d["event"]["event_id"] for d in bus.drain(queue, 3)] == wanted
    assert bus.receive(queue) == []


def test_changed_bindings_apply_to_what_comes(bus):
    word, queue = unique("rebind"), unique("q")
    bus.declare(queue, f"{word}.a")
    first = bus.publish(event_type=f"{word}.a")
    bus.declare(queue, f"{word}.b")
    bus.publish(event_type=f"{word}.a")
    second = bus.publish(event_type=f"{word}.b")
    assert [d["event"]["event_id"] for d in bus.drain(queue, 2)] == [first, second]


def test_a_paused_queue_keeps_but_does_not_deliver(bus):
    kind, queue = unique("paused"), unique("q")
    bus.declare(queue, kind)
    assert bus.post(f"/queues/{queue}/pause").status in (200, 204)
    event_id = bus.publish(event_type=kind)
    assert bus.receive(queue, wait_ms=50) == []
    assert bus.queue(queue)["paused"] is True and bus.queue(queue)["ready"] == 1
    assert bus.post(f"/queues/{queue}/resume").status in (200, 204)
    assert bus.receive_one(queue)["event"]["event_id"] == event_id


def test_resume_wakes_a_waiting_consumer(bus, server):
    import threading
    kind, queue = unique("paused"), unique("q")
    bus.declare(queue, kind)
    bus.post(f"/queues/{queue}/pause")
    bus.publish(event_type=kind)
    got = []
    waiting = threading.Thread(target=lambda: got.extend(server.client().receive(queue, wait_ms=20000)))
    waiting.start()
    eventually(lambda: bus.queue(queue)["consumers"] == 1)
    bus.post(f"/queues/{queue}/resume")
    waiting.join(30)
    assert len(got) == 1


def test_purge_empties_but_leaves_what_is_in_flight(bus):
    kind, queue = unique("purge"), unique("q")
    bus.declare(queue, kind)
    for _ in range(5):
        bus.publish(event_type=kind)
    held = bus.receive_one(queue)
    assert bus.post(f"/queues/{queue}/purge").ok(200)["purged"] == 4
    assert bus.receive(queue) == [] and bus.queue(queue)["in_flight"] == 1
    assert bus.ack(queue, held)["acked"] == 1


def test_delete_forgets_the_queue_but_not_the_events(bus):
    kind, queue = unique("delete"), unique("q")
    bus.declare(queue, kind)
    event_id = bus.publish(event_type=kind)
    assert bus.delete(f"/queues/{queue}").status in (200, 204)
    bus.get(f"/queues/{queue}").problem(404)
    bus.declare(queue, kind)
    assert bus.receive(queue, wait_ms=50) == []
    assert bus.event(event_id)["event_type"] == kind


def test_queues_survive_a_restart(start):
    server = start()
    bus = server.client()
    bus.declare("kept", "kept.#", max_retries=9, lease_ms=100000)
    bus.declare("paused", "kept.#")
    bus.post("/queues/paused/pause")
    ids = [bus.publish(event_type="kept.it") for _ in range(10)]
    bus.ack("kept", *bus.receive("kept", max=4))
    before = bus.queue("kept")
    server.stop()
    bus = server.start().client()
    assert {k: v for k, v in bus.queue("kept").items() if k != "oldest_age_seconds"} == \
           {k: v for k, v in before.items() if k != "oldest_age_seconds"}
    assert bus.queue("paused")["paused"] is True and bus.queue("paused")["ready"] == 10
    assert [d["event"]["event_id"] for d in bus.drain("kept", 6)] == ids[4:]
