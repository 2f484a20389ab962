"""GET /events: filters, order, pages that neither skip nor repeat, NDJSON."""
import json
import threading

import pytest

from support.waiting import unique


@pytest.fixture(scope="module")
def history(server):
    """30 events: 10 seconds apart, three types, two keys, payloads to search."""
    bus = server.client()
    bus.publish_many({"event_id": f"h-{n}", "event_type": ("user.created", "user.deleted", "order.eu.paid")[n % 3],
                      "timestamp": f"2020-01-01T00:{n // 6:02}:{n % 6 * 10:02}Z", "ordering_key": f"k{n % 2}",
                      "correlation_id": f"c{n % 5}", "payload": {"user_id": n, "tags": ["a", f"t{n % 4}"], "deep": {"n": n % 3, "x": 1.0}}}
                     for n in range(30))


def ids(bus, **query):
    answer = bus.get("/events", query={"limit": 1000} | query)
    return [event["event_id"] for event in answer.ok(200)["events"]]


def expected(keep):
    return [f"h-{n}" for n in range(30) if keep(n)]


PAST = {"end_time": "2020-12-31T00:00:00Z"}


@pytest.mark.parametrize("query, keep", [
    ({}, lambda n: True),
    ({"start_time": "2020-01-01T00:01:00Z", "end_time": "2020-01-01T00:02:00Z"}, lambda n: 6 <= n <= 12),
    ({"start_time": "2020-01-01T02:01:00+02:00"}, lambda n: n >= 6),
    ({"event_type": "user.created"}, lambda n: n % 3 == 0),
    ({"event_type": "user.*"}, lambda n: n % 3 != 2),
    ({"event_type": "order.#"}, lambda n: n % 3 == 2),
    ({"event_type": "#.paid"}, lambda n: n % 3 == 2),
    ({"event_type": "#"}, lambda n: True),
    ({"event_type": "*"}, lambda n: False),
    ({"ordering_key": "k1"}, lambda n: n % 2 == 1),
    ({"correlation_id": "c3"}, lambda n: n % 5 == 3),
    ({"payload": '{"user_id":7}'}, lambda n: n == 7),
    ({"payload": '{"user_id":7.0}'}, lambda n: n == 7),
    ({"payload": '{"deep":{"n":1}}'}, lambda n: n % 3 == 1),
    ({"payload": '{"tags":["t2"]}'}, lambda n: n % 4 == 2),
    ({"payload": "{}"}, lambda n: True),
    ({"payload": '{"missing":1}'}, lambda n: False),
    ({"event_type": "user.*", "ordering_key": "k0", "payload": '{"tags":["t0"]}'}, lambda n: n % 3 != 2 and n % 4 == 0)])
def test_filters(bus, history, query, keep):
    assert ids(bus, **PAST | query) == expected(keep)
    assert ids(bus, **PAST | query, order="desc") == expected(keep)[::-1]


def pages(bus, **query):
    """All pages of a listing, following next_cursor."""
    cursor, result = {}, []
    while cursor is not None:
        body = bus.get("/events", query=query | cursor).ok(200)
        result.append([event["event_id"] for event in body["events"]])
        cursor = body["next_cursor"] and {"cursor": body["next_cursor"]}
    return result


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 7, 10, 29, 30, 31])
def test_pages_cover_everything_once(bus, history, limit, order):
    result = pages(bus, **PAST, limit=limit, order=order)
    assert sum(result, []) == expected(lambda n: True)[:: 1 if order == "asc" else -1]
    assert all(len(page) == limit for page in result[:-1])


def test_events_of_one_instant_come_in_order_of_arrival(bus):
    kind = unique("instant")
    names = [f"{kind}-{n}" for n in range(25)]
    for name in names:
        bus.publish(event_id=name, event_type=kind, timestamp="2021-01-01T00:00:00Z")
    assert sum(pages(bus, event_type=kind, limit=4), []) == names
    assert sum(pages(bus, event_type=kind, limit=4, order="desc"), []) == names[::-1]


def test_the_default_page_has_100(bus):
    kind = unique("many")
    bus.publish_many({"event_type": kind} for _ in range(150))
    body = bus.get(f"/events?event_type={kind}").ok(200)
    assert len(body["events"]) == 100 and body["next_cursor"]


def test_a_listing_is_a_snapshot_while_others_publish(bus, server):
    """Events stored during the listing are not in it, even with times before the page that comes next."""
    kind = unique("snapshot")
    before = [f"{kind}-{n:04}" for n in range(300)]
    bus.publish_many({"event_id": name, "event_type": kind, "timestamp": "2022-06-01T00:00:00Z"} for name in before)
    first = bus.get("/events", query={"event_type": kind, "limit": 50}).ok(200)
    stop = threading.Event()

    def publish():
        client = server.client()
        while not stop.is_set():
            for time in ("2022-05-01T00:00:00Z", "2022-06-01T00:00:00Z", "2022-07-01T00:00:00Z"):
                client.publish(event_type=kind, timestamp=time)

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        rest = pages(bus, event_type=kind, limit=50, cursor=first["next_cursor"])
    finally:
        stop.set()
        publisher.join(60)
    assert [event["event_id"] for event in first["events"]] + sum(rest, []) == before


def test_a_cursor_may_be_followed_twice(bus, history):
    first = bus.get("/events", query=PAST | {"limit": 5}).ok(200)
    again = [ids(bus, **PAST, limit=5, cursor=first["next_cursor"]) for _ in range(2)]
    assert again[0] == again[1] == expected(lambda n: 5 <= n < 10)


def test_ndjson_streams_the_whole_result(bus):
    kind = unique("stream")
    bus.publish_many({"event_id": f"{kind}-{n}", "event_type": kind, "timestamp": "2021-01-01T00:00:00Z"} for n in range(12345))
    answer = bus.get(f"/events?event_type={kind}", headers={"Accept": "application/x-ndjson"})
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert [event["event_id"] for event in answer.lines] == [f"{kind}-{n}" for n in range(12345)]
    assert all(event["cursor"] and event["stored_at"] for event in answer.lines)


def test_ndjson_of_nothing(bus):
    answer = bus.get("/events?event_type=nobody.knows", headers={"Accept": "application/x-ndjson"})
    assert answer.status == 200 and answer.body == b""


def test_ndjson_goes_back_in_as_it_came_out(bus, history):
    """What a client exports and strips of the store's own fields is a publish request."""
    answer = bus.get("/events", query=PAST | {"limit": 5}, headers={"Accept": "application/x-ndjson"})
    events = [{k: v for k, v in e.items() if k not in ("stored_at", "cursor", "traceparent", "cloudevent")} for e in answer.lines[:5]]
    body = "".join(json.dumps(event) + "\n" for event in events)
    assert bus.post("/events/batch", body=body, headers={"Content-Type": "application/x-ndjson"}).ok(201)["duplicates"] == 5


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 10001}, {"limit": "ten"}, {"start_time": "now"}, {"end_time": "2020"},
                                   {"event_type": "us*"}, {"event_type": "a..b"}, {"payload": "[1]"}, {"payload": "{"},
                                   {"cursor": "nonsense"}, {"order": "up"}, {"colour": "red"}, {"limit": -1}])
def test_wrong_queries_are_named(bus, query):
    answer = bus.get("/events", query=query)
    assert answer.status in (400, 422), answer
    assert next(iter(query)) in answer.body.decode()


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("start, end", [("2020-02-01T00:00:00Z", "2020-01-01T00:00:00Z"), ("2020-01-01T00:00:00.000001Z", "2020-01-01T00:00:00Z"),
                                        ("2020-01-01T00:00:00Z", "2020-01-01T00:30:00+01:00")])
def test_a_start_after_the_end_is_named(bus, start, end, accept):
    answer = bus.get("/events", query={"start_time": start, "end_time": end}, headers={"Accept": accept})
    answer.problem(422, "invalid", "start_time")


def test_a_start_at_the_end_is_one_moment(bus, history):
    assert ids(bus, start_time="2020-01-01T00:01:00Z", end_time="2020-01-01T01:01:00+01:00") == ["h-6"]


def test_wildcards_match_types_of_any_characters(bus):
    """What the databases could take for their own: % and _ of LIKE, regular expressions, quotes, several bytes a character."""
    words = ["a_b", "axb", "50%", "500", "x.y/z", "ü", "ÿ", "it's", 'q"q', "b\\d", "b1", "(.+)", "[a-z]", "^$", "a|b", "a*b", "ab", "C#", "世"]
    root = unique("odd").replace(".", "-")
    kinds = {f"{root}.{word}": bus.publish(event_type=f"{root}.{word}") for word in words} | {root: bus.publish(event_type=root)}

    def found(pattern):
        return {event["event_type"] for event in bus.get("/events", query={"event_type": pattern, "limit": 100}).ok(200)["events"]}

    assert found(f"{root}.#") == kinds.keys()
    assert found(f"{root}.*") == {kind for kind in kinds if kind.count(".") == 1 and kind != root}
    for word in words:
        if {"*", "#"} & set(word):
            continue
        for pattern in (f"{root}.{word}", f"*.{word}", f"{root}.{word}.#", f"#.{word}"):
            assert found(pattern) & kinds.keys() == {f"{root}.{word}"}, pattern


@pytest.mark.parametrize("last", ["ÿ", "\u00bf", "\U0001f3ff", "\uffee", "߿"])
def test_a_prefix_may_end_in_any_character(bus, last):
    root = unique("end") + last
    for kind in (root, root + ".a", root + ".a.b"):
        bus.publish(event_type=kind)
    bus.publish(event_type=root + "z")
    kinds = [event["event_type"] for event in bus.get("/events", query={"event_type": root + ".#"}).ok(200)["events"]]
    assert kinds == [root, root + ".a", root + ".a.b"]
