"""Section 2 of the contract: which events are valid, and that they come back exact."""
import json

import pytest

from support.waiting import unique

NUMBERS = ["9223372036854775807", "-9223372036854775808", "18446744073709551615", "123456789012345678901234567890",
           "3.141592653589793238462643383279502884197", "0.1000000000000000000000000000000000000001",
           "1234567890123456789012345678901234567890", "1e400", "-0", "1E-7"]


def payload_text(bus, raw):
    """Publishes a payload given as JSON text and returns the text that comes back."""
    event_id = unique("exact")
    bus.post("/events", body=f'{{"event_id":"{event_id}","event_type":"a","payload":{raw}}}').ok(201)
    return bus.get(f"/events/{event_id}").body.decode()


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_keep_every_digit(bus, number):
    assert f'"n":{number}' in payload_text(bus, f'{{"n": {number}}}').replace(": ", ":")


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_keep_every_digit_in_deliveries_and_listings(bus, number):
    queue, kind = unique("q"), unique("number")
    bus.declare(queue, kind)
    bus.post("/events", body=f'{{"event_type":"{kind}","payload":{{"n":{number}}}}}').ok(201)
    assert f'"n":{number}' in bus.post(f"/queues/{queue}/receive", {"max": 1, "wait_ms": 10000}).body.decode()
    assert f'"n":{number}' in bus.get(f"/events?event_type={kind}").body.decode()


@pytest.mark.parametrize("text", ["Grüße, 世界 👩‍👩‍👧‍👦 \u202eمرحبا", "\u0001\t\n\"\\/", "\ud7ff\ue000\uffff\U0010ffff", "e\u0301 é"])
def test_unicode_comes_back_intact(bus, text):
    event_id = bus.publish(event_type="a", payload={text: text})
    assert bus.event(event_id)["payload"] == {text: text}


def test_escapes_mean_their_characters(bus):
    assert json.loads(payload_text(bus, r'{"\u00e9":"\ud83d\ude00\/"}'))["payload"] == {"é": "😀/"}


def test_of_a_repeated_key_the_last_wins(bus):
    body = json.loads(payload_text(bus, '{"a":1,"b":{"c":1,"c":2},"a":3}'))
    assert body["payload"] == {"a": 3, "b": {"c": 2}}


def test_a_repeated_top_level_field_counts_once(bus):
    answer = bus.post("/events", body='{"event_type":"a","event_type":"b"}')
    assert bus.event(answer.ok(201)["event_id"])["event_type"] == "b"


@pytest.mark.parametrize("raw", [r'{"a":"\u0000"}', r'{"\u0000":1}', r'{"a":"\ud800"}', r'{"a":"\udc00x"}', r'{"a":"\ud800\u0041"}'])
def test_nul_and_lone_surrogates_are_refused(bus, raw):
    bus.post("/events", body=f'{{"event_type":"a","payload":{raw}}}').problem(422)


def nested(depth):
    """A payload that makes the whole document `depth` levels deep."""
    return '{"a":' * (depth - 2) + "{}" + "}" * (depth - 2)


def test_nesting_has_a_limit(bus):
    bus.post("/events", body=f'{{"event_type":"a","payload":{nested(128)}}}').ok(201)
    bus.post("/events", body=f'{{"event_type":"a","payload":{nested(129)}}}').problem(422)
    bus.post("/events", body='{"event_type":"a","payload":{"a":' + "[" * 100000).problem(422)


@pytest.mark.parametrize("given, utc", [
    ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"), ("2026-03-01T12:00:00+14:00", "2026-02-28T22:00:00Z"),
    ("2026-03-01T12:00:00-09:30", "2026-03-01T21:30:00Z"), ("2024-02-29T23:59:59.5Z", "2024-02-29T23:59:59.5Z"),
    ("2026-03-01t12:00:00z", "2026-03-01T12:00:00Z"), ("2026-03-01T12:00:00.123456+00:00", "2026-03-01T12:00:00.123456Z"),
    ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"), ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"), ("2026-03-01T12:00:00.1234567Z", "2026-03-01T12:00:00.123456Z"),
    ("2026-03-01T12:00:00.123456789+01:00", "2026-03-01T11:00:00.123456Z"), ("2026-03-01T12:00:00.999999999Z", "2026-03-01T12:00:00.999999Z"),
    ("2026-03-01T12:00:00.000000001Z", "2026-03-01T12:00:00Z"),
    ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"), ("2015-06-30T23:59:60.123456789Z", "2015-06-30T23:59:59.999999Z"),
    ("2017-01-01T05:29:60+05:30", "2016-12-31T23:59:59.999999Z"), ("2015-06-30T15:59:60-08:00", "2015-06-30T23:59:59.999999Z")])
def test_times_are_kept_in_utc(bus, given, utc):
    assert bus.event(bus.publish(event_type="a", timestamp=given))["timestamp"] == utc


@pytest.mark.parametrize("time", ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                                  "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:00:00+25:00",
                                  "2026-03-01T12:00:00.1234567890Z", "2026-03-01T12:00:00.Z",
                                  "2024-06-15T12:30:60Z", "2024-06-30T23:59:60+01:00", "2024-03-31T23:59:60Z", "2024-12-30T23:59:60Z",
                                  "2024-07-01T00:59:60Z", "2016-12-31T23:59:61Z", "2026-03-01T12:00:00Zx", 1767225600, None, {}])
def test_wrong_times_are_refused(bus, time):
    bus.post("/events", {"event_type": "a", "timestamp": time}).problem(422, None, "timestamp")


KINDS = ["a", "A-1_b", "a.b.c", "x" * 255, "-", "0.1", "com.acme/thing", "order:created", "urn:x:y/z.v1", "übung.größe", "世界.👩\u200d👧", "é" * 127,
         "50%", "a_b", "it's", 'say"so"', "back\\slash", "a*b", "lang.C#", "**.##", "{a}[b](c)^$|+?", "<b>&amp;", "~!@`;,=", "\U0001f600" * 63]


@pytest.mark.parametrize("kind", KINDS)
def test_valid_event_types(bus, kind):
    """Each comes back from every place that shows it, and the words of its routing key are matched."""
    queue, event_id = unique("q"), unique("kind")
    pattern = ".".join("*" if {"*", "#"} & set(word) else word for word in kind.split("."))
    bus.declare(queue, pattern)
    bus.publish(event_type=kind, event_id=event_id)
    assert bus.event(event_id)["event_type"] == kind and bus.event(event_id)["routing_key"] == kind
    taken = bus.receive_one(queue)
    assert (taken["event"]["event_id"], taken["event"]["event_type"]) == (event_id, kind)
    bus.ack(queue, taken)
    assert event_id in [event["event_id"] for event in bus.get("/events", query={"event_type": pattern, "order": "desc"}).ok(200)["events"]]
    assert bus.post("/events", {"event_type": kind, "event_id": event_id}).ok(200)["status"] == "duplicate"


@pytest.mark.parametrize("kind", ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\nb", "a.*", "#", "*.a", "a.#.b", "x" * 256, "é" * 128, "a\u007f", "a\u0085",
                                  "a\u00a0b", "a\u2003b", "a\u3000b", "a\u2028b", "a\u202eb", "\ufeffa", "a\u200bb", 1, None, []])
@pytest.mark.parametrize("field", ["event_type", "routing_key"])
def test_wrong_event_types(bus, field, kind):
    bus.post("/events", {"event_type": "a"} | {field: kind}).problem(422, None, field)


@pytest.mark.parametrize("field, longest", [("event_id", 255), ("ordering_key", 1024), ("correlation_id", 255)])
def test_text_fields_have_a_longest_value(bus, field, longest):
    text = unique("ü").ljust(longest, "ü")
    event = bus.event(bus.publish(event_type="a", **{field: text}))
    assert event[field] == text
    for wrong in ("", text + "x", 1, None, ["x"]):
        bus.post("/events", {"event_type": "a", field: wrong}).problem(422, None, field)


@pytest.mark.parametrize("character", ["\x01", "\n", "\x7f", "\x1b"])
def test_event_ids_have_no_control_characters(bus, character):
    bus.post("/events", {"event_type": "a", "event_id": f"a{character}b"}).problem(422, None, "event_id")


@pytest.mark.parametrize("payload", [1, "x", None, [], [{}], True])
def test_the_payload_is_an_object(bus, payload):
    bus.post("/events", {"event_type": "a", "payload": payload}).problem(422, None, "payload")


def test_an_unknown_field_is_refused_by_name(bus):
    bus.post("/events", {"event_type": "a", "orderingKey": "x"}).problem(422, None, "orderingKey")


def test_every_bad_field_is_named_at_once(bus):
    bad = {"event_id": "", "timestamp": "no", "payload": 1, "ordering_key": 2, "correlation_id": 3, "exchange": "", "colour": 1}
    bus.post("/events", bad).problem(422, None, "event_type", *bad)


@pytest.mark.parametrize("document", ["[]", "1", '"x"', "null", "[{}]"])
def test_the_document_is_an_object(bus, document):
    bus.post("/events", body=document).problem(422)
