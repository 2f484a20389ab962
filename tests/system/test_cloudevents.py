"""CloudEvents 1.0 in the three HTTP modes, there and back."""
import json

import pytest

from support.client import RELAYS
from support.sse import EventSource
from support.waiting import eventually, unique

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}


def cloudevent(**more):
    return {"specversion": "1.0", "id": unique("ce"), "source": "/shop/eu", "type": "order.paid", "time": "2026-01-01T01:00:00+01:00",
            "subject": "order-7", "partitionkey": "order-7", "region": "eu-1", "data": {"total": 12}} | more


def expect_stored(bus, event):
    stored = bus.event(event["id"])
    assert stored["event_type"] == event["type"] and stored["payload"] == event["data"]
    assert stored["timestamp"] == "2026-01-01T00:00:00Z" and stored["ordering_key"] == event["partitionkey"]
    kept = stored["cloudevent"]
    assert kept["source"] == event["source"] and kept["subject"] == event["subject"] and kept["region"] == event["region"]


def test_structured_mode(bus):
    event = cloudevent()
    answer = bus.post("/events", body=json.dumps(event), headers=STRUCTURED)
    assert answer.ok(201)["event_id"] == event["id"]
    expect_stored(bus, event)


def test_structured_mode_with_charset(bus):
    bus.post("/events", body=json.dumps(cloudevent()), headers={"Content-Type": "application/cloudevents+json; charset=utf-8"}).ok(201)


def test_batched_mode(bus):
    events = [cloudevent() for _ in range(3)]
    answer = bus.post("/events/batch", body=json.dumps(events), headers=BATCHED)
    assert answer.ok(201)["stored"] == 3
    for event in events:
        expect_stored(bus, event)


def test_batched_mode_reports_each_event(bus):
    answer = bus.post("/events/batch", body=json.dumps([cloudevent(), cloudevent(type="a b")]), headers=BATCHED)
    body = answer.ok(207)
    assert (body["stored"], body["failed"]) == (1, 1)
    assert [result["index"] for result in body["results"] if result.get("error")] == [1]


def binary_headers(event, **more):
    headers = {f"ce-{name}": event[name] for name in ("specversion", "id", "source", "type", "time", "subject", "partitionkey", "region")}
    return headers | {"Content-Type": "application/json"} | more


def test_binary_mode(bus):
    event = cloudevent()
    bus.post("/events", body=json.dumps(event["data"]), headers=binary_headers(event)).ok(201)
    expect_stored(bus, event)


def test_binary_mode_percent_decodes_attributes(bus):
    event = cloudevent()
    headers = binary_headers(event) | {"ce-subject": "Gr%C3%BC%C3%9Fe%20%22x%22"}
    bus.post("/events", body=json.dumps(event["data"]), headers=headers).ok(201)
    assert bus.event(event["id"])["cloudevent"]["subject"] == 'Grüße "x"'


def test_the_same_cloudevent_again_is_a_duplicate(bus):
    event = cloudevent()
    bus.post("/events", body=json.dumps(event), headers=STRUCTURED).ok(201)
    assert bus.post("/events", body=json.dumps(event), headers=STRUCTURED).ok(200)["status"] == "duplicate"
    bus.post("/events", body=json.dumps(event | {"source": "/elsewhere"}), headers=STRUCTURED).problem(409)


@pytest.mark.parametrize("field", ["specversion", "id", "source", "type"])
def test_required_attributes(bus, field):
    event = cloudevent()
    del event[field]
    bus.post("/events", body=json.dumps(event), headers=STRUCTURED).problem(422, None, field)


@pytest.mark.parametrize("field, value", [("specversion", "0.3"), ("type", "a b"), ("time", "now"), ("time", "2024-06-15T12:30:60Z"), ("source", ""),
                                          ("datacontenttype", "text/plain"), ("data_base64", "aGk="), ("Region", "x")])
def test_wrong_attributes_are_named(bus, field, value):
    bus.post("/events", body=json.dumps(cloudevent(**{field: value})), headers=STRUCTURED).problem(422, None, field)


def test_deliveries_carry_what_cloudevents_need(bus):
    queue, event = unique("q"), cloudevent(type=unique("ce-type"))
    bus.declare(queue, event["type"])
    bus.post("/events", body=json.dumps(event), headers=STRUCTURED).ok(201)
    assert bus.receive_one(queue)["event"]["cloudevent"]["source"] == event["source"]


SHOWN = {"Accept": "application/cloudevents+json"}
VALUES = [[], [1, {"a": [None]}], "", "Grüße \"x\" \\ \n \U0001f600", 0, -7.25, True, False, None, {}, {"a": None}]
EXACT = {"12345678901234567890123": "12345678901234567890123", "1E-7": "1E-7", "-0": "-0", "0.1000": "0.1000", '[1.0, "\\u0041"]': '[1.0,"A"]',
         '"\\u00e9"': '"é"'}


def structured(bus, event, data):
    return bus.post("/events", body=json.dumps(event)[:-1] + f', "data": {data}}}', headers=STRUCTURED)


def batched(bus, event, data):
    return bus.post("/events/batch", body="[" + json.dumps(event)[:-1] + f', "data": {data}}}]', headers=BATCHED)


def binary(bus, event, data):
    return bus.post("/events", body=data, headers=binary_headers(event))


def without_data(**more):
    event = cloudevent(**more)
    del event["data"]
    return event


@pytest.mark.parametrize("data", [json.dumps(value) for value in VALUES] + list(EXACT))
@pytest.mark.parametrize("send", [structured, batched, binary])
def test_data_is_any_json_value(bus, send, data):
    """Stored, shown, listed, delivered, taken back and died as it came; a repetition is a duplicate, another value a conflict."""
    queue, event = unique("q"), without_data(type=unique("any-data"))
    bus.declare(queue, event["type"], max_retries=0)
    assert send(bus, event, data).status == 201
    if RELAYS:
        bus.publish(event_type="last", exchange="nobody-listens")
    if data in EXACT:
        assert f'"data":{EXACT[data]}' in bus.get(f"/events/{event['id']}", headers=SHOWN).body.decode()
    expected = json.loads(data)
    assert bus.event(event["id"])["payload"] == expected
    assert bus.get(f"/events/{event['id']}", headers=SHOWN).ok(200)["data"] == expected
    assert [one["payload"] for one in bus.get("/events", query={"event_type": event["type"]}).ok(200)["events"]] == [expected]
    taken = bus.receive_one(queue)
    assert taken["event"]["payload"] == expected and taken["attempt"] == 1
    bus.nack(queue, taken, requeue=False)
    eventually(lambda: [letter["event"]["payload"] for letter in bus.dead_letters(queue)] == [expected])
    again = send(bus, event, data)
    assert again.status in (200, 201) and '"duplicate' in again.body.decode(), again
    assert send(bus, event, '{"other":1}').status in (409, 422), "another value"


def test_a_stream_shows_any_data(bus, server):
    event = without_data(type=unique("any-data"))
    structured(bus, event, '[1,"\\n\\u2028"]').ok(201)
    with EventSource(server, event_type=event["type"], **{"from": "beginning"}) as stream:
        assert stream.take(1)[0]["data"]["payload"] == [1, "\n\u2028"]


def test_only_objects_contain_a_condition(bus):
    kind, ids = unique("contained"), {}
    for data in ('{"a":1,"b":2}', '[{"a":1}]', '"a"', '["a"]', "1", "null", "{}", "[]"):
        event = without_data(type=kind)
        structured(bus, event, data).ok(201)
        ids[event["id"]] = data
    for condition, expected in (('{"a":1}', ['{"a":1,"b":2}']), ("{}", ['{"a":1,"b":2}', "{}"])):
        page = bus.get("/events", query={"event_type": kind, "payload": condition}).ok(200)
        assert sorted(ids[event["event_id"]] for event in page["events"]) == sorted(expected)


@pytest.mark.parametrize("kind", ["com.acme/thing", "order:created", "com.acme.größe.v1", "https://acme.example/types/sold"])
@pytest.mark.parametrize("send", [structured, batched, binary])
def test_types_of_other_systems(bus, send, kind):
    event = without_data(type=kind)
    if send is binary:
        event["type"] = kind.replace("ö", "%C3%B6").replace("ß", "%C3%9F")
    assert send(bus, event, "{}").status == 201
    assert bus.event(event["id"])["event_type"] == kind


@pytest.mark.parametrize("header, text", [
    ('"quoted"', "quoted"), ('"two words"', "two words"), ('"say \\"so\\""', 'say "so"'), ('"back\\\\slash"', "back\\slash"),
    ('"\\p\\l\\a\\i\\n"', "plain"), ('"Gr%C3%BC%C3%9Fe"', "Grüße"), ('"100%25"', "100%"), ("%22kept%22", '"kept"'), ('"%22inner%22"', '"inner"'),
    ('a"b', 'a"b'), ('"', '"'), ('"open', '"open'), ('"open\\"', '"open\\"'), ('"a" b', '"a" b'), ("back\\slash", "back\\slash"), ("%25C3", "%C3"),
    ("%e2%82%ac", "€"), ("a%", "a%"), ("a%4", "a%4"), ("a%zz", "a%zz"), ("two  words", "two  words")])
def test_header_values_are_unquoted_and_decoded(bus, header, text):
    event = without_data()
    bus.post("/events", body="{}", headers=binary_headers(event) | {"ce-subject": header, "ce-region": header}).ok(201)
    kept = bus.event(event["id"])["cloudevent"]
    assert (kept["subject"], kept["region"]) == (text, text)


def test_every_attribute_is_unquoted(bus):
    event = without_data()
    quoted = {f"ce-{name}": f'"{event[name]}"' for name in ("specversion", "id", "source", "type", "time", "subject", "partitionkey", "region")}
    bus.post("/events", body='{"total":12}', headers=quoted | {"Content-Type": "application/json"}).ok(201)
    expect_stored(bus, event | {"data": {"total": 12}})


@pytest.mark.parametrize("media_type", ["application/json", "application/x+json", "application/vnd.acme.v2+json; version=1", "Application/Problem+JSON",
                                        "application/json; charset=utf-8", "text/json"])
def test_json_media_types_are_kept(bus, media_type):
    """In all three modes; a repetition in another mode, or without it, is a duplicate."""
    first = without_data(datacontenttype=media_type)
    structured(bus, first, "[1]").ok(201)
    second = without_data()
    bus.post("/events", body="[1]", headers=binary_headers(second) | {"Content-Type": media_type}).ok(201)
    for event in (first, second):
        assert bus.event(event["id"])["cloudevent"]["datacontenttype"] == media_type
        shown = bus.get(f"/events/{event['id']}", headers=SHOWN).ok(200)
        assert shown["datacontenttype"] == media_type and shown["data"] == [1]
        plain = {name: value for name, value in event.items() if name != "datacontenttype"}
        for again in (structured(bus, plain, "[1]"), binary(bus, plain, "[1]"), structured(bus, plain | {"datacontenttype": media_type}, "[1]")):
            assert again.ok(200)["status"] == "duplicate"
        assert bus.post("/events", body=json.dumps(shown), headers=STRUCTURED).ok(200)["status"] == "duplicate"


@pytest.mark.parametrize("media_type", ["text/plain", "application/jsonp", "application/json+xml", "application/xml", "json", "application/octet-stream"])
def test_other_media_types_are_refused(bus, media_type):
    bus.post("/events", body="[1]", headers=binary_headers(without_data()) | {"Content-Type": media_type}).problem(415)
    structured(bus, without_data(datacontenttype=media_type), "[1]").problem(422, None, "datacontenttype")


def test_a_native_event_has_its_own_media_type(bus):
    for media_type in ("application/x+json", "application/problem+json", "text/json"):
        bus.post("/events", body='{"event_type":"a"}', headers={"Content-Type": media_type}).problem(415)


def test_a_content_type_of_cloudevents_decides_the_mode(bus):
    """With ce-* headers beside it the body is still the event (structured), and a batch is still none for this path."""
    event = cloudevent()
    bus.post("/events", body=json.dumps(event), headers=binary_headers(without_data()) | STRUCTURED).ok(201)
    expect_stored(bus, event)
    bus.post("/events", body=json.dumps([event]), headers=binary_headers(without_data()) | BATCHED).problem(415)


@pytest.mark.parametrize("time, utc", [("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456Z"),
                                       ("2026-01-01T01:00:00.1234567+01:00", "2026-01-01T00:00:00.123456Z")])
@pytest.mark.parametrize("send", [structured, batched, binary])
def test_times_have_up_to_nine_digits(bus, send, time, utc):
    event = without_data(time=time)
    assert send(bus, event, "{}").status == 201
    assert bus.event(event["id"])["timestamp"] == utc
    again = send(bus, event, "{}")
    assert '"duplicate' in again.body.decode(), again
