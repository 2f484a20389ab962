"""POST /events/batch as NDJSON: how the same events are cut into bytes changes nothing."""
import json

import pytest

from support.raw_http import RawConnection, request
from support.waiting import unique

NDJSON = "Content-Type: application/x-ndjson"
MIB = 1 << 20

ENDINGS = {"lf": b"\n", "crlf": b"\r\n"}
LAST = {"ended": True, "open": False}
PADDINGS = {  # before the first, between, and after the last line
    "none": (b"", b"", b""),
    "blank lines": (b"\n\r\n", b"\n", b"\n\n\n"),
    "white space": (b" \n\t\r\n", b"  \t \n", b" \n \t"),
    "indented": (b"", b"  ", b""),
}


def framed(lines, ending, last, padding):
    before, between, after = PADDINGS[padding]
    text = before + (ENDINGS[ending] + between).join(lines)
    return text + ENDINGS[ending] + after if LAST[last] else text


def sized(step):
    def pieces(text, path):
        return [request("POST", path, [NDJSON, f"Content-Length: {len(text)}"]), *cut(text, step)]
    return pieces


def chunked(step):
    def pieces(text, path):
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in cut(text, step))
        return [request("POST", path, [NDJSON, "Transfer-Encoding: chunked"]) + chunks + b"0\r\n\r\n"]
    return pieces


def cut(text, step):
    return [text[start:start + step] for start in range(0, len(text), step)]


TRANSPORTS = {"whole": sized(1 << 30), "in pieces": sized(8191), "one chunk": chunked(1 << 30), "chunks": chunked(1021)}


def publish(server, text, transport, query=""):
    with RawConnection(server.address) as connection:
        for piece in TRANSPORTS[transport](text, f"/events/batch{query}"):
            connection.send(piece)
        return connection.response()


def event_lines(kind, count, payload=None):
    return [json.dumps({"event_id": f"{kind}-{n}", "event_type": kind, "payload": payload or {}}).encode() for n in range(count)]


def stored_count(bus, kind):
    return len(bus.get(f"/events?event_type={kind}", headers={"Accept": "application/x-ndjson"}).lines)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2000, 3000])
def test_every_event_is_stored_however_its_lines_are_framed(bus, server, count, ending, last, transport):
    for padding in PADDINGS:
        kind = unique("framed")
        answer = publish(server, framed(event_lines(kind, count), ending, last, padding), transport).ok(201)
        assert answer == {"total": count, "stored": count, "duplicates": 0, "failed": 0, "results": []}, padding
        assert stored_count(bus, kind) == count, padding


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("count", [4, 5, 8, 9, 10])
def test_groups_that_fill_by_bytes_lose_nothing(bus, server, count, last, transport):
    """Four or five lines of nearly 1 MiB make a group of 4 MiB."""
    kind = unique("large")
    lines = event_lines(kind, count, {"text": "x" * (MIB - 200)})
    body = publish(server, framed(lines, "lf", last, "none"), transport).ok(201)
    assert (body["total"], body["stored"]) == (count, count)
    assert stored_count(bus, kind) == count


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("last", LAST)
def test_an_atomic_batch_does_not_depend_on_framing(bus, server, last, transport):
    kind = unique("atomic")
    text = framed(event_lines(kind, 1000), "lf", last, "none")
    assert publish(server, text, transport, "?atomic=true").ok(201)["stored"] == 1000
    assert stored_count(bus, kind) == 1000


def faulty_lines(kind):
    """2100 lines; four can't become events, the last of them among those."""
    lines = event_lines(kind, 2100)
    lines[3] = b'{"event_type":'
    lines[999] = json.dumps({"event_id": f"{kind}-bad", "event_type": "a b"}).encode()
    lines[1500] = b'{"event_type":"a","payload":{"text":"' + b"x" * MIB + b'"}}'
    lines[2099] = b'{"event_type":"a",}'
    return lines


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("ending", ENDINGS)
def test_faults_do_not_depend_on_framing(server, ending, last, transport):
    kind = unique("faulty")
    body = publish(server, framed(faulty_lines(kind), ending, last, "none"), transport).ok(207)
    assert (body["total"], body["stored"], body["failed"]) == (2100, 2096, 4)
    faults = [(fault["index"], fault["event_id"], fault["error"]["code"], fault["error"]["line"], fault["error"]["column"])
              for fault in body["results"]]
    assert faults == [(3, None, "malformed_json", 4, 15), (999, f"{kind}-bad", "invalid", 1000, 1),
                      (1500, None, "too_large", 1501, 1), (2099, None, "malformed_json", 2100, 19)]


def test_lines_are_those_of_the_body(server):
    """Blank lines count as lines, not as events; columns are characters of the line as it was sent."""
    text = '\n{"event_type":"a"}\r\n \t\r\n   {"event_type":"a","payload":{"ü":x}}\n\n  {"event_type":"a b"}'.encode()
    results = publish(server, text, "in pieces").ok(207)["results"]
    assert [(r["index"], r["error"]["line"], r["error"]["column"]) for r in results] == [(1, 4, 37), (2, 6, 3)]
    assert "line 4, column 37" in results[0]["error"]["detail"].lower()


def test_failures_are_listed_by_index(server):
    """Groups that end in another order than they began don't show in the answer."""
    kind = unique("order")
    lines = event_lines(kind, 3000)
    for n in range(0, 3000, 2):
        lines[n] = json.dumps({"event_id": f"{kind}-bad-{n}", "event_type": "*" if n % 4 else "a b"}).encode()
    body = publish(server, framed(lines, "lf", "open", "none"), "whole").ok(207)
    assert [result["index"] for result in body["results"]] == list(range(0, 2000, 2))
    assert body["results_truncated"] and body["failed"] == 1500


BLANK = {"nothing": b"", "lf": b"\n", "crlf": b"\r\n\r\n", "white space": b"  \n\t", "3 MiB of spaces": b" " * 3 * MIB}


@pytest.mark.parametrize("text", BLANK)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("query", ["", "?atomic=true"])
def test_a_body_without_events_is_an_empty_batch(server, text, transport, query):
    body = publish(server, BLANK[text], transport, query).ok(200)
    assert body == {"total": 0, "stored": 0, "duplicates": 0, "failed": 0, "results": []}
