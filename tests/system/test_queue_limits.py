"""message_ttl_ms and max_length with both overflows."""
import json

from support.waiting import eventually, unique


def ids(deliveries):
    return [delivery["event"]["event_id"] for delivery in deliveries]


def test_an_event_that_waits_too_long_is_a_dead_letter(bus):
    queue = unique("ttl")
    bus.declare(queue, queue, message_ttl_ms=100)
    event_id = bus.publish(event_type=queue)
    letter = eventually(lambda: bus.dead_letters(queue))[0]
    assert letter["event"]["event_id"] == event_id and letter["reason"] == "expired"
    assert bus.receive(queue) == []


def test_an_event_in_flight_does_not_expire(bus):
    queue = unique("ttl")
    bus.declare(queue, queue, message_ttl_ms=1500)
    bus.publish(event_type=queue)
    delivery = bus.receive_one(queue)
    late = bus.publish(event_type=queue)
    assert eventually(lambda: bus.dead_letters(queue))[0]["event"]["event_id"] == late
    assert bus.ack(queue, delivery)["acked"] == 1


def test_a_full_queue_that_rejects_refuses_publishes(bus):
    queue = unique("full")
    bus.declare(queue, queue, max_length=3)
    published = [bus.publish(event_type=queue) for _ in range(3)]
    answer = bus.post("/events", {"event_type": queue, "event_id": queue})
    answer.problem(429, "queue_full")
    assert int(answer.headers["Retry-After"]) >= 1
    assert bus.get(f"/events/{queue}").status == 404
    bus.post("/events", {"event_type": "somewhere.else"}).ok(201)
    bus.ack(queue, bus.receive_one(queue))
    published.append(bus.publish(event_type=queue))
    assert ids(bus.drain(queue, 3)) == published[1:]


def test_a_full_queue_refuses_only_its_events_of_a_batch(bus):
    queue = unique("full")
    bus.declare(queue, queue, max_length=2)
    batch = [{"event_type": queue if n % 2 else "other"} for n in range(10)]
    body = bus.post("/events/batch", {"events": batch}).ok(207)
    assert (body["stored"], body["failed"]) == (7, 3)
    assert {result["error"]["code"] for result in body["results"] if result.get("error")} == {"queue_full"}
    eventually(lambda: bus.queue(queue)["ready"] == 2)


def test_a_full_queue_refuses_an_atomic_batch_whole(bus):
    queue = unique("full")
    bus.declare(queue, queue, max_length=2)
    batch = [{"event_type": queue, "event_id": f"{queue}-{n}"} for n in range(3)]
    assert bus.post("/events/batch?atomic=true", {"events": batch}).status == 429
    assert bus.queue(queue)["ready"] == 0 and bus.get(f"/events/{queue}-0").status == 404


def test_a_duplicate_is_no_load_for_a_full_queue(bus):
    queue = unique("full")
    bus.declare(queue, queue, max_length=1)
    event = {"event_type": queue, "event_id": queue}
    bus.post("/events", event).ok(201)
    assert bus.post("/events", event).status in (200, 429)
    bus.drain(queue, 1)
    assert bus.post("/events", event).ok(200)["status"] == "duplicate"
    bus.publish(event_type=queue)


def test_drop_oldest_keeps_the_newest_and_buries_the_rest(bus):
    queue = unique("full")
    bus.declare(queue, queue, max_length=3, overflow="drop_oldest")
    published = [bus.publish(event_type=queue) for _ in range(8)]
    letters = eventually(lambda: len(bus.dead_letters(queue)) == 5 and bus.dead_letters(queue))
    assert ids(letters) == published[:5] and {letter["reason"] for letter in letters} == {"max_length"}
    assert ids(bus.drain(queue, 3)) == published[5:]


def test_max_length_holds_while_ndjson_streams(bus):
    queue = unique("full")
    bus.declare(queue, queue, max_length=500)
    body = "".join(json.dumps({"event_type": queue}) + "\n" for _ in range(3000))
    answer = bus.post("/events/batch", body=body, headers={"Content-Type": "application/x-ndjson"}).ok(207)
    assert (answer["total"], answer["stored"], answer["failed"]) == (3000, 500, 2500)
    eventually(lambda: bus.queue(queue)["ready"] == 500)
