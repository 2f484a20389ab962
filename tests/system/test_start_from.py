"""Where a new queue begins: now, the beginning, a time; without gap or repeat while others publish."""
import threading

import pytest

from support.waiting import unique


def test_now_takes_only_what_comes(bus):
    kind, queue = unique("from"), unique("q")
    bus.publish(event_type=kind)
    bus.declare(queue, kind, start_from="now")
    after = bus.publish(event_type=kind)
    assert [d["event"]["event_id"] for d in bus.drain(queue, 1)] == [after]
    assert bus.receive(queue) == []


def test_beginning_is_backfilled(bus):
    kind, queue = unique("from"), unique("q")
    before = [bus.publish(event_type=kind) for _ in range(20)]
    bus.publish(event_type="other")
    bus.declare(queue, kind, start_from="beginning")
    after = [bus.publish(event_type=kind) for _ in range(3)]
    assert [d["event"]["event_id"] for d in bus.drain(queue, 23)] == before + after
    assert bus.receive(queue) == []


@pytest.mark.parametrize("time, days", [("2020-01-03T00:00:00Z", [3, 4, 5]), ("2020-01-03T00:00:00.000001Z", [4, 5]), ("2031-01-01T00:00:00Z", [])])
def test_a_time_takes_events_not_earlier_then_everything(bus, time, days):
    kind, queue = unique("from"), unique("q")
    for day in (1, 2, 3, 4, 5):
        bus.publish(event_id=f"{kind}-{day}", event_type=kind, timestamp=f"2020-01-0{day}T00:00:00Z")
    bus.declare(queue, kind, start_from=time)
    late = bus.publish(event_type=kind, timestamp="2020-01-01T12:00:00Z")
    expected = [f"{kind}-{day}" for day in days] + [late]
    assert [d["event"]["event_id"] for d in bus.drain(queue, len(expected))] == expected
    assert bus.receive(queue) == []


def test_backfill_goes_live_without_gap_or_repeat(bus, server):
    kind, queue, count = unique("from"), unique("q"), 3000
    names = [f"{kind}-{n:05}" for n in range(count)]
    half = threading.Event()

    def publish():
        client = server.client()
        for start in range(0, count, 50):
            client.publish_many({"event_id": name, "event_type": kind} for name in names[start:start + 50])
            if start == count // 2:
                half.set()

    publisher = threading.Thread(target=publish)
    publisher.start()
    half.wait(60)
    bus.declare(queue, kind, start_from="beginning")
    taken = [d["event"]["event_id"] for d in bus.drain(queue, count)]
    publisher.join(60)
    assert taken == names
    assert bus.receive(queue) == []


def test_a_recreated_queue_may_begin_again(bus):
    kind, queue = unique("from"), unique("q")
    published = [bus.publish(event_type=kind) for _ in range(3)]
    for _ in range(2):
        bus.declare(queue, kind, start_from="beginning")
        assert [d["event"]["event_id"] for d in bus.drain(queue, 3)] == published
        bus.delete(f"/queues/{queue}")
