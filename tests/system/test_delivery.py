"""Receive, ack, nack, extend: section 4 of the contract."""
import datetime
import threading

import pytest

from support.waiting import eventually, unique


@pytest.fixture
def queue(bus):
    name = unique("q")
    bus.declare(name, name)
    return name


def publish(bus, queue, count=1, **more):
    return [bus.publish(event_type=queue, **more) for _ in range(count)]


def ids(deliveries):
    return [delivery["event"]["event_id"] for delivery in deliveries]


def test_a_delivery_has_its_parts(bus, queue):
    event_id = bus.publish(event_type=queue, payload={"n": 1}, ordering_key="k", correlation_id="c")
    delivery = bus.receive_one(queue)
    assert delivery["delivery_id"] and delivery["attempt"] == 1 and delivery["replayed"] is False
    assert abs(datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(
        delivery["first_attempt_at"].replace("Z", "+00:00"))) < datetime.timedelta(seconds=60)
    event = delivery["event"]
    assert event["event_id"] == event_id and event["payload"] == {"n": 1} and event["correlation_id"] == "c"


def test_delivery_is_in_publish_order(bus, queue):
    published = publish(bus, queue, 50)
    assert ids(bus.drain(queue, 50)) == published


def test_max_bounds_a_receive(bus, queue):
    publish(bus, queue, 5)
    assert len(bus.receive(queue, max=3)) == 3
    assert len(bus.receive(queue, max=3)) == 2
    assert bus.receive(queue, max=3) == []


def test_an_answer_holds_at_most_16_mib(bus, queue):
    """Fewer events than asked for where they are large; nothing is skipped, and none counts as tried."""
    published = [bus.publish(event_type=queue, payload={"text": "x" * 1_000_000}) for _ in range(20)]
    got = []
    while len(got) < len(published):
        answer = bus.post(f"/queues/{queue}/receive", {"max": 1000, "wait_ms": 20000})
        deliveries = answer.ok(200)["deliveries"]
        assert len(answer.body) <= 16 * 2**20 and 1 <= len(deliveries) <= 16
        got += deliveries
    assert ids(got) == published and {delivery["attempt"] for delivery in got} == {1}
    assert bus.ack(queue, *got)["acked"] == 20


def test_an_acknowledged_delivery_is_gone(bus, queue):
    publish(bus, queue)
    delivery = bus.receive_one(queue)
    assert bus.ack(queue, delivery) == {"acked": 1, "unknown": []}
    assert bus.ack(queue, delivery) == {"acked": 0, "unknown": [delivery["delivery_id"]]}
    info = bus.queue(queue)
    assert (info["ready"], info["in_flight"], info["delayed"], info["dead_letters"]) == (0, 0, 0, 0)


def test_unknown_delivery_ids_are_listed(bus, queue):
    publish(bus, queue)
    delivery = bus.receive_one(queue)
    strange = ["nonsense", "", "ü", "x" * 300]
    answer = bus.ack(queue, delivery, *strange)
    assert answer["acked"] == 1 and sorted(answer["unknown"]) == sorted(strange)
    assert sorted(bus.nack(queue, *strange)["unknown"]) == sorted(strange)


def test_a_delivery_belongs_to_its_queue(bus, queue):
    other = unique("q")
    bus.declare(other, queue)
    publish(bus, queue)
    delivery = bus.receive_one(queue)
    assert bus.ack(other, delivery)["acked"] == 0
    assert bus.ack(queue, delivery)["acked"] == 1
    assert len(bus.receive(other)) == 1


def test_long_poll_returns_as_soon_as_there_is_one(bus, server, queue):
    got = []
    waiting = threading.Thread(target=lambda: got.extend(server.client().receive(queue, wait_ms=30000)))
    waiting.start()
    eventually(lambda: bus.queue(queue)["consumers"] == 1)
    published = publish(bus, queue)
    waiting.join(30)
    assert ids(got) == published


def test_a_nacked_delivery_comes_again_with_the_next_attempt(bus, queue):
    published = publish(bus, queue)
    first = bus.receive_one(queue)
    assert bus.nack(queue, first)["unknown"] == []
    second = bus.receive_one(queue)
    assert ids([second]) == published and second["attempt"] == 2
    assert second["delivery_id"] != first["delivery_id"] and second["first_attempt_at"] == first["first_attempt_at"]


def test_a_nack_may_set_its_own_delay(bus, queue):
    publish(bus, queue)
    bus.nack(queue, bus.receive_one(queue), delay_ms=3600000)
    assert bus.queue(queue)["delayed"] == 1
    assert bus.receive(queue, wait_ms=100) == []


def test_after_max_retries_it_is_a_dead_letter(bus):
    queue = unique("q")
    bus.declare(queue, queue, max_retries=2)
    published = publish(bus, queue)
    for attempt in (1, 2, 3):
        delivery = bus.receive_one(queue)
        assert delivery["attempt"] == attempt
        bus.nack(queue, delivery)
    letter = eventually(lambda: bus.dead_letters(queue))[0]
    assert letter["event"]["event_id"] == published[0] and letter["attempts"] == 3 and letter["reason"] == "max_retries"
    assert letter["first_failed_at"] <= letter["last_failed_at"]
    assert bus.receive(queue, wait_ms=50) == []


def test_nack_without_requeue_is_a_dead_letter_at_once(bus, queue):
    publish(bus, queue, 2)
    first, second = bus.receive(queue)
    bus.nack(queue, first, requeue=False)
    bus.nack(queue, second, requeue=False, reason="card declined")
    assert [letter["reason"] for letter in bus.dead_letters(queue)] == ["rejected", "card declined"]


def test_an_expired_lease_brings_it_back(bus):
    queue = unique("q")
    bus.declare(queue, queue, lease_ms=100)
    published = publish(bus, queue)
    first = bus.receive_one(queue)
    second = bus.receive_one(queue)
    assert ids([second]) == published and second["attempt"] == 2
    assert bus.ack(queue, first)["unknown"] == [first["delivery_id"]]


def test_extend_keeps_a_lease(bus):
    queue = unique("q")
    bus.declare(queue, queue, lease_ms=1500)
    publish(bus, queue)
    delivery = bus.receive_one(queue)
    answer = bus.post(f"/queues/{queue}/extend", {"delivery_ids": [delivery["delivery_id"], "x"], "lease_ms": 60000}).ok(200)
    assert answer["unknown"] == ["x"]
    assert bus.receive(queue, wait_ms=2000) == []
    assert bus.ack(queue, delivery)["acked"] == 1


def test_extend_may_shorten_a_lease(bus, queue):
    publish(bus, queue)
    delivery = bus.receive_one(queue)
    bus.post(f"/queues/{queue}/extend", {"delivery_ids": [delivery["delivery_id"]], "lease_ms": 1}).ok(200)
    assert bus.receive_one(queue)["attempt"] == 2


def test_competing_consumers_share_without_overlap(bus, server, queue):
    published = publish(bus, queue, 300)
    taken, lock = [], threading.Lock()

    def consume():
        client = server.client()
        while deliveries := client.receive(queue, max=7, wait_ms=1500):
            client.ack(queue, *deliveries)
            with lock:
                taken.extend(ids(deliveries))

    consumers = [threading.Thread(target=consume) for _ in range(6)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(30)
    assert sorted(taken) == sorted(published)


def test_every_queue_gets_its_own_copy_and_pace(bus, queue):
    slow = unique("q")
    bus.declare(slow, queue)
    published = publish(bus, queue, 20)
    assert len(bus.receive(slow)) == 20
    assert ids(bus.drain(queue, 20)) == published
    assert bus.queue(slow)["in_flight"] == 20


def test_a_consumer_that_hangs_up_while_waiting_takes_nothing(bus, server, queue):
    """What was handed to a connection that is gone goes to the next consumer."""
    gone = server.client()
    gone.connection.request("POST", f"/queues/{queue}/receive", '{"max":1,"wait_ms":30000}', {"Content-Type": "application/json"})
    eventually(lambda: bus.queue(queue)["consumers"] == 1)
    gone.close()
    eventually(lambda: bus.queue(queue)["consumers"] == 0)
    published = publish(bus, queue)
    assert ids([bus.receive_one(queue)]) == published


@pytest.mark.parametrize("path, body, field", [
    ("receive", {"max": 0}, "max"), ("receive", {"max": 1001}, "max"), ("receive", {"max": "x"}, "max"),
    ("receive", {"wait_ms": -1}, "wait_ms"), ("receive", {"wait_ms": 30001}, "wait_ms"), ("receive", {"most": 1}, "most"),
    ("ack", {}, "delivery_ids"), ("ack", {"delivery_ids": "x"}, "delivery_ids"), ("ack", {"delivery_ids": [1]}, "delivery_ids"),
    ("ack", {"delivery_ids": [], "x": 1}, "x"), ("nack", {"delivery_ids": [], "requeue": 1}, "requeue"),
    ("nack", {"delivery_ids": [], "delay_ms": -1}, "delay_ms"), ("nack", {"delivery_ids": [], "reason": 5}, "reason"),
    ("extend", {"delivery_ids": ["x"]}, "lease_ms"), ("extend", {"delivery_ids": ["x"], "lease_ms": 0}, "lease_ms")])
def test_wrong_consumer_requests_are_named(bus, queue, path, body, field):
    problem = bus.post(f"/queues/{queue}/{path}", body).problem(422)
    assert any(error["field"].startswith(field) for error in problem["errors"]), problem


def test_receive_has_defaults(bus, queue):
    publish(bus, queue, 2)
    assert 1 <= len(bus.post(f"/queues/{queue}/receive", {}).ok(200)["deliveries"]) <= 2
