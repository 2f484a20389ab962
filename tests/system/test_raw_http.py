"""HTTP/1.1 as bytes: malformed messages, smuggling shapes, pipelining, Expect, HEAD, chunked bodies."""
import threading

import pytest

from support.raw_http import RawConnection, request

GOOD = b'{"event_type":"a"}'
JSON = "Content-Type: application/json"

MALFORMED = {
    "no version": b"GET /health\r\nHost: x\r\n\r\n",
    "wrong version": b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": request(headers=["Host: other"]),
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "white space before colon": request(headers=["X-Thing : 1"]),
    "folded header": request(headers=["X-Thing: 1", " folded"]),
    "bare cr in header": request(headers=["X-Thing: a\rb"]),
    "nul in header": request(headers=["X-Thing: a\x00b"]),
    "header without colon": request(headers=["nonsense"]),
    "empty header name": request(headers=[": 1"]),
    "space in target": b"GET /health now HTTP/1.1\r\nHost: x\r\n\r\n",
    "control in target": b"GET /hea\x01lth HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare lf": b"GET /health HTTP/1.1\nHost: x\n\n",
}

SMUGGLING = {
    "length and chunked": request("POST", "/events", [JSON, "Content-Length: 5", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    "chunked and length": request("POST", "/events", [JSON, "Transfer-Encoding: chunked", "Content-Length: 5"], b"0\r\n\r\n"),
    "two lengths": request("POST", "/events", [JSON, "Content-Length: 18", "Content-Length: 19"], GOOD),
    "two equal lengths": request("POST", "/events", [JSON, "Content-Length: 18", "Content-Length: 18"], GOOD),
    "list of lengths": request("POST", "/events", [JSON, "Content-Length: 18, 18"], GOOD),
    "signed length": request("POST", "/events", [JSON, "Content-Length: +18"], GOOD),
    "hex length": request("POST", "/events", [JSON, "Content-Length: 0x12"], GOOD),
    "negative length": request("POST", "/events", [JSON, "Content-Length: -1"], GOOD),
    "huge length": request("POST", "/events", [JSON, "Content-Length: 99999999999999999999999"], GOOD),
    "unknown coding": request("POST", "/events", [JSON, "Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
    "gzip, chunked": request("POST", "/events", [JSON, "Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n"),
    "chunked twice": request("POST", "/events", [JSON, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    "chunked, identity": request("POST", "/events", [JSON, "Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
    "hidden chunked": request("POST", "/events", [JSON, "Transfer-Encoding:\x0bchunked"], b"0\r\n\r\n"),
    "chunked in 1.0": b"POST /events HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size with sign": request("POST", "/events", [JSON, "Transfer-Encoding: chunked"], b"+5\r\nhello\r\n0\r\n\r\n"),
    "chunk size not hex": request("POST", "/events", [JSON, "Transfer-Encoding: chunked"], b"xyz\r\nhello\r\n0\r\n\r\n"),
    "chunk size too big": request("POST", "/events", [JSON, "Transfer-Encoding: chunked"], b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "chunk without its end": request("POST", "/events", [JSON, "Transfer-Encoding: chunked"], b"5\r\nhelloX\r\n0\r\n\r\n"),
}


@pytest.fixture
def raw(server):
    with RawConnection(server.address) as connection:
        yield connection
    assert server.client().get("/health").status == 200


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_messages_are_refused_and_the_connection_closed(raw, name):
    answer = raw.send(MALFORMED[name]).response()
    assert answer.status in (400, 505), answer
    assert raw.closed()


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling_shapes_are_refused_and_the_connection_closed(raw, name):
    """Whatever follows on the connection is never taken for a request."""
    answer = raw.send(SMUGGLING[name] + request()).response()
    assert answer.status in (400, 413, 501), answer
    assert raw.closed()


def test_headers_have_a_limit(raw):
    assert raw.send(request(headers=["X-Long: " + "x" * 70000])).response().status == 431


def test_many_headers_have_a_limit(raw):
    assert raw.send(request(headers=[f"X-{n}: {'y' * 50}" for n in range(2000)])).response().status == 431


def test_targets_have_a_limit(raw):
    assert raw.send(request(path="/events/" + "x" * 20000)).response().status == 414


def test_pipelined_requests_are_answered_in_order(raw):
    paths = ["/health", "/ready", "/nowhere", "/health"] * 25
    raw.send(b"".join(request(path=path) for path in paths))
    statuses = [raw.response().status for _ in paths]
    assert statuses == [200, 200, 404, 200] * 25


def test_pipelined_publishes_are_all_stored_in_order(raw, server):
    raw.send(b"".join(request("POST", "/events", [JSON], f'{{"event_type":"pipelined","payload":{{"n":{n}}}}}') for n in range(200)))
    ids = [raw.response().ok(201)["event_id"] for _ in range(200)]
    events = server.client().get("/events?event_type=pipelined&limit=1000").ok(200)["events"]
    assert {event["event_id"] for event in events} == set(ids)


def test_a_request_may_come_byte_by_byte(raw):
    for byte in request("POST", "/events", [JSON], GOOD):
        raw.send(bytes([byte]))
    assert raw.response().status == 201


def test_leading_empty_lines_are_ignored(raw):
    assert raw.send(b"\r\n" + request()).response().status == 200


def test_expect_100_continue(raw):
    raw.send(request("POST", "/events", [JSON, "Expect: 100-continue", f"Content-Length: {len(GOOD)}"]))
    assert raw.response().status == 100
    assert raw.send(GOOD).response().status == 201


def test_expect_is_not_answered_with_continue_when_the_request_is_refused(raw):
    raw.send(request("POST", "/events", [JSON, "Expect: 100-continue", "Content-Length: 99999999"]))
    assert raw.response().status == 413


def test_unknown_expectations_fail(raw):
    assert raw.send(request("POST", "/events", [JSON, "Expect: miracles"], GOOD)).response().status == 417


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/openapi.json", "/docs", "/events", "/queues", "/nowhere"])
def test_head_is_get_without_a_body(raw, path):
    head = raw.send(request("HEAD", path)).response(to="HEAD")
    get = raw.send(request("GET", path)).response()
    assert head.status == get.status and head.headers["Content-Type"] == get.headers["Content-Type"]


def test_chunked_bodies(raw):
    body = b"a;name=value\r\n" + GOOD[:10] + b"\r\n8\r\n" + GOOD[10:] + b"\r\n0\r\nTrailer: x\r\n\r\n"
    assert raw.send(request("POST", "/events", [JSON, "Transfer-Encoding: chunked"], body)).response().status == 201
    assert raw.send(request()).response().status == 200


def test_connection_close_is_honoured(raw):
    answer = raw.send(request(headers=["Connection: close"])).response()
    assert answer.status == 200 and answer.headers["Connection"] == "close"
    assert raw.closed()


def test_http_1_0_closes_unless_asked(raw):
    assert raw.send(b"GET /health HTTP/1.0\r\n\r\n").response().status == 200
    assert raw.closed()


def test_http_1_0_may_keep_alive(raw):
    for _ in range(2):
        answer = raw.send(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").response()
        assert answer.status == 200 and answer.headers["Connection"].lower() == "keep-alive"


def test_absolute_targets_are_understood(raw):
    assert raw.send(request(path="http://localhost/health")).response().status == 200


def test_a_body_that_is_refused_early_leaves_the_connection_in_step(raw):
    """Either the rest of the body is read and the next request answered, or the connection is closed: never misread."""
    raw.send(request("POST", "/nowhere", [JSON], GOOD * 1000) + request())
    assert raw.response().status == 404
    try:
        assert raw.response().status == 200
    except ConnectionError:
        pass


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@pytest.mark.parametrize("size", [1, 4096, 60_000, 65_536, 65_537, 200_000, 5_000_000])
@pytest.mark.parametrize("path, header", [("/events", "Content-Type: text/plain"), ("/events", "Content-Encoding: gzip"), ("/nowhere", JSON)])
@pytest.mark.parametrize("framing", ["chunked", "in many chunks", "length"])
def test_an_early_refusal_closes_the_connection_only_when_it_says_so(raw, size, path, header, framing):
    if framing == "length":
        message = request("POST", path, [header], b"x" * size)
    else:
        pieces = [b"x" * size] if framing == "chunked" else [b"x" * 1000] * (size // 1000) + [b"x" * (size % 1000 or 1)]
        message = request("POST", path, [header, "Transfer-Encoding: chunked"], chunked(*pieces))
    sender = threading.Thread(target=send_what_is_taken, args=(raw.socket, message), daemon=True)
    sender.start()
    answer = raw.response()
    assert answer.status in (404, 415), answer
    sender.join(60)
    if answer.headers["Connection"] != "close":
        assert raw.send(request()).response().status == 200


def send_what_is_taken(socket, message):
    try:
        socket.sendall(message)
    except OSError:
        pass  # closed, as the answer says


def test_half_a_request_and_gone(server):
    for data in (b"", b"GET", b"GET /health HTTP/1.1\r\nHost", request("POST", "/events", [JSON, "Content-Length: 100"], GOOD)):
        with RawConnection(server.address) as connection:
            connection.send(data)
    assert server.client().get("/health").status == 200
