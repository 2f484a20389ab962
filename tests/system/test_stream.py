"""GET /events/stream: catch-up, then live, without gap or repeat; resume."""
import threading

import pytest

from support.sse import EventSource
from support.waiting import unique


def publish(bus, kind, first, count):
    names = [f"{kind}-{n:05}" for n in range(first, first + count)]
    bus.publish_many({"event_id": name, "event_type": kind} for name in names)
    return names


def names_of(messages):
    return [message["data"]["event_id"] for message in messages]


def test_messages_have_id_type_and_data(bus, server):
    kind = unique("sse")
    event_id = bus.publish(event_type=kind, payload={"n": 12345678901234567890})
    with EventSource(server, event_type=kind, **{"from": "beginning"}) as source:
        assert source.response.status == 200
        assert source.response.headers["Content-Type"].startswith("text/event-stream")
        message = source.take(1)[0]
    stored = bus.event(event_id)
    assert message["event"] == kind and message["id"] == stored["cursor"]
    assert message["data"]["event_id"] == event_id and message["data"]["payload"] == stored["payload"]


def test_catch_up_then_live(bus, server):
    kind = unique("sse")
    before = publish(bus, kind, 0, 1500)
    with EventSource(server, event_type=kind, **{"from": "beginning"}) as source:
        assert names_of(source.take(1500)) == before
        after = publish(bus, kind, 1500, 700)
        assert names_of(source.take(700)) == after


def test_from_now_sees_only_what_comes(bus, server):
    kind = unique("sse")
    publish(bus, kind, 0, 5)
    with EventSource(server, event_type=kind, **{"from": "now"}) as source:
        after = publish(bus, kind, 5, 5)
        assert names_of(source.take(5)) == after


def of_day(bus, kind, day):
    bus.publish(event_type=f"{kind}.{day}", timestamp=f"2020-01-{day:02}T00:00:00Z")


@pytest.mark.parametrize("days, seen", [((1, 2, 3, 1, 4), [2, 3, 4]), ((5, 1, 2), [5, 2]), ((1,), []), ((), [])])
def test_from_a_time(bus, server, days, seen):
    """Events with that timestamp or later, stored or live, and after reconnecting too."""
    kind = unique("day")
    for day in days:
        of_day(bus, kind, day)
    begun = {"event_type": f"{kind}.*", "from": "2020-01-02T00:00:00Z"}
    last = None
    with EventSource(server, **begun) as source:
        assert [int(message["event"].rpartition(".")[2]) for message in source.take(len(seen))] == seen
        for day in (1, 7):
            of_day(bus, kind, day)
        message = source.take(1)[0]
        assert message["event"] == f"{kind}.7"
        last = message["id"]
    for day in (1, 8):
        of_day(bus, kind, day)
    with EventSource(server, last, **begun) as source:
        assert source.take(1)[0]["event"] == f"{kind}.8"


def test_a_stream_that_leaves_all_out_stays_alive(start):
    """Comments come although every event is earlier than the stream wants them."""
    server = start(EVENTBUS_HEARTBEAT_MS=50)
    bus = server.client()
    with EventSource(server, **{"from": "2020-01-02T00:00:00Z"}) as source:
        lines = iter(source.response.readline, b"")
        for _ in range(20):
            of_day(bus, "old", 1)
        assert sum(line == b": heartbeat\n" for line, _ in zip(lines, range(6))) >= 2
        of_day(bus, "new", 3)
        assert next(line for line in lines if line.startswith(b"event: ")) == b"event: new.3\n"


def test_proxies_are_told_to_pass_messages_on_and_keep_none(server):
    with EventSource(server) as source:
        assert source.response.headers["X-Accel-Buffering"] == "no"
        assert source.response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", ["error", "open", "message"])
def test_types_that_a_browser_uses_itself(bus, server, kind):
    """They have data, which its own events have not; without the event field they are plain messages."""
    event_id = bus.publish(event_type=kind)
    for field, name in (("type", kind), ("none", None)):
        with EventSource(server, event_type=kind, event_field=field, **{"from": bus.event(event_id)["timestamp"]}) as source:
            message = next(one for one in source if one["data"]["event_id"] == event_id)
        assert message.get("event") == name and message["data"]["event_type"] == kind


def test_from_a_cursor(bus, server):
    kind = unique("sse")
    names = publish(bus, kind, 0, 10)
    with EventSource(server, event_type=kind, **{"from": bus.event(names[3])["cursor"]}) as source:
        assert names_of(source.take(6)) == names[4:]


def test_wildcards(bus, server):
    word = unique("sse")
    wanted = [bus.publish(event_type=f"{word}.a.{n}") for n in range(2)]
    bus.publish(event_type=f"{word}.b.1")
    wanted.append(bus.publish(event_type=f"{word}.a"))
    with EventSource(server, event_type=f"{word}.a.#", **{"from": "beginning"}) as source:
        assert names_of(source.take(3)) == wanted


def test_resume_without_gap_or_repeat_while_others_publish(bus, server):
    """Reconnects every 97 messages with Last-Event-ID; a publisher never pauses."""
    kind, count = unique("sse"), 2000
    client = server.client()
    names = [f"{kind}-{n:05}" for n in range(count)]
    publisher = threading.Thread(target=lambda: [client.publish(event_id=name, event_type=kind) for name in names])
    publisher.start()
    seen, last = [], None
    while len(seen) < count:
        with EventSource(server, last, event_type=kind, **{"from": "beginning"}) as source:
            messages = source.take(min(97, count - len(seen)))
        seen += names_of(messages)
        last = messages[-1]["id"]
    publisher.join(60)
    assert seen == names


def test_many_streams_see_the_same(bus, server):
    kind = unique("sse")
    sources = [EventSource(server, event_type=kind, **{"from": "beginning"}) for _ in range(20)]
    names = publish(bus, kind, 0, 50)
    for source in sources:
        assert names_of(source.take(50)) == names
        source.close()


@pytest.mark.parametrize("query", ["from=yesterday", "event_field=both", "event_type=a..b", "colour=red", "from="])
def test_wrong_streams_are_refused(bus, query):
    answer = bus.get(f"/events/stream?{query}")
    assert answer.status in (400, 422), answer


def test_a_wrong_last_event_id_is_refused(bus):
    answer = bus.get("/events/stream", headers={"Last-Event-ID": "nonsense"})
    assert answer.status in (400, 422), answer


def test_streams_end_when_the_service_stops(start):
    server = start()
    client = server.client()
    client.publish(event_type="a")
    with EventSource(server, **{"from": "beginning"}) as source:
        source.take(1)
        server.stop()
        assert list(source) == []
