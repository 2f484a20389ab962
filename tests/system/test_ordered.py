"""ordered: true — one at a time and in order for each key, keys in parallel."""
import collections
import threading

import pytest

from support.waiting import eventually, unique


@pytest.fixture
def queue(bus):
    name = unique("ordered")
    bus.declare(name, name, ordered=True, max_retries=5)
    return name


def keys(deliveries):
    return [delivery["event"]["ordering_key"] for delivery in deliveries]


def test_one_key_is_delivered_one_at_a_time(bus, queue):
    published = [bus.publish(event_type=queue, ordering_key="k") for _ in range(4)]
    for event_id in published:
        deliveries = bus.receive(queue, max=10)
        assert [d["event"]["event_id"] for d in deliveries] == [event_id]
        assert bus.receive(queue) == []
        bus.ack(queue, *deliveries)


def test_different_keys_run_in_parallel(bus, queue):
    for n in range(12):
        bus.publish(event_type=queue, ordering_key=f"k{n % 3}")
    assert sorted(keys(bus.receive(queue))) == ["k0", "k1", "k2"]


def test_events_without_a_key_wait_for_nobody(bus, queue):
    for _ in range(5):
        bus.publish(event_type=queue)
    assert len(bus.receive(queue)) == 5


def test_a_failing_event_holds_back_only_its_own_key(bus, queue):
    first = bus.publish(event_type=queue, ordering_key="bad")
    second = bus.publish(event_type=queue, ordering_key="bad")
    for _ in range(3):
        bus.publish(event_type=queue, ordering_key="good")
    held = next(d for d in bus.receive(queue) if d["event"]["event_id"] == first)
    bus.nack(queue, held, delay_ms=3600000)
    assert bus.receive(queue, wait_ms=50) == []
    assert bus.get(f"/events/{second}").status == 200
    bus.post(f"/queues/{queue}/purge")


def test_a_dead_letter_frees_its_key(bus, queue):
    bus.publish(event_type=queue, ordering_key="k")
    second = bus.publish(event_type=queue, ordering_key="k")
    bus.nack(queue, bus.receive_one(queue), requeue=False)
    assert bus.receive_one(queue)["event"]["event_id"] == second


def test_order_holds_over_many_consumers_and_failures(bus, server, queue):
    """Eight consumers, eight keys; every fifth first attempt fails. Acknowledgements of a key follow publish order."""
    count, done, lock = 400, collections.defaultdict(list), threading.Lock()
    bus.publish_many({"event_type": queue, "ordering_key": f"k{n % 8}", "payload": {"n": n}} for n in range(count))

    def consume():
        client = server.client()
        while deliveries := client.receive(queue, max=5, wait_ms=1500):
            for delivery in deliveries:
                n = delivery["event"]["payload"]["n"]
                if n % 5 == 0 and delivery["attempt"] == 1:
                    client.nack(queue, delivery)
                    continue
                with lock:
                    done[delivery["event"]["ordering_key"]].append(n)
                client.ack(queue, delivery)

    consumers = [threading.Thread(target=consume) for _ in range(8)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(60)
    assert {key: numbers for key, numbers in done.items()} == {f"k{k}": list(range(k, count, 8)) for k in range(8)}
    eventually(lambda: bus.queue(queue)["in_flight"] == 0)
