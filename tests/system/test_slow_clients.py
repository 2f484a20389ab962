"""Slow and idle clients are timed out; others are served meanwhile."""
import resource
import socket
import struct

import pytest

from support.raw_http import RawConnection, request
from support.server import Server
from support.waiting import eventually

JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    timeouts = {"EVENTBUS_HEADER_TIMEOUT_MS": 1000, "EVENTBUS_BODY_TIMEOUT_MS": 1000, "EVENTBUS_IDLE_TIMEOUT_MS": 1500,
                "EVENTBUS_WRITE_TIMEOUT_MS": 1000}
    with Server(tmp_path_factory.mktemp("data"), **timeouts) as running:
        yield running


def expect_timeout(connection):
    """408 or nothing, and the end of the connection."""
    try:
        answer = connection.response()
        assert answer.status == 408, answer
    except ConnectionError:
        pass
    assert connection.closed()


def served(server):
    """Whether a new connection gets an answer other than that there are too many."""
    try:
        return server.client().get("/health").status == 200
    except ConnectionError:
        return False


@pytest.mark.parametrize("data", [b"G", b"GET /health HTTP/1.1\r\nHost: x\r\n", request("POST", "/events", [JSON, "Content-Length: 100"], b"{"),
                                  request("POST", "/events/batch", ["Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"],
                                          b'12\r\n{"event_type":"a"}')])
def test_a_request_that_stalls_is_timed_out(server, data):
    with RawConnection(server.address) as connection:
        expect_timeout(connection.send(data))
    assert server.client().get("/health").status == 200


def test_a_connection_without_a_request_is_closed(server):
    with RawConnection(server.address) as connection:
        assert connection.closed()


def test_an_idle_connection_is_closed(server):
    with RawConnection(server.address) as connection:
        assert connection.send(request()).response().status == 200
        assert connection.closed()


def test_a_client_that_takes_nothing_is_cut_off(server):
    """Asks for far more than socket buffers hold and reads none of it; the service goes on and forgets the connection."""
    bus = server.client()
    bus.publish_many({"event_type": "big", "payload": {"text": "x" * 100_000}} for _ in range(300))
    with RawConnection(server.address, timeout=30) as connection:
        connection.send(request("GET", "/events?limit=10000&event_type=big", ["Accept: application/x-ndjson"]))
        eventually(lambda: b"\neventbus_http_connections 1\n" in bus.get("/metrics").body)
    assert bus.get("/health").status == 200


@pytest.mark.parametrize("how", ["close", "half", "reset"])
def test_a_client_that_hangs_up_behind_a_long_poll_is_noticed(start, how):
    """Although a further request of it lies unread in between; nothing goes to it any more."""
    bus = start().client()
    bus.declare("jobs", "job")
    with RawConnection(bus_address(bus)) as connection:
        connection.send(request("POST", "/queues/jobs/receive", [JSON], '{"max":1,"wait_ms":30000}'))
        eventually(lambda: bus.queue("jobs")["consumers"] == 1)
        connection.send(request("GET", "/health"))
        if how == "reset":
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how == "half":
            connection.socket.shutdown(socket.SHUT_WR)
        else:
            connection.socket.close()
        eventually(lambda: bus.queue("jobs")["consumers"] == 0, 15.0)
    bus.publish(event_type="job")
    assert bus.receive_one("jobs")["attempt"] == 1


def bus_address(bus):
    return (bus.connection.host, bus.connection.port)


def test_without_descriptors_the_log_stays_small(start):
    """A long poll over a connection from before serves as the clock."""
    server = start(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)))
    bus = server.client()
    bus.declare("jobs", "job")
    held = [socket.create_connection(server.address) for _ in range(120)]
    server.wait_for_log(lambda line: "can't be accepted" in line)
    assert bus.receive("jobs", 1, wait_ms=3000) == []
    lines = [line for line in server.lines if "accepted" in line]
    assert len(lines) == 1, "\n".join(lines)
    for one in held:
        one.close()
    assert eventually(lambda: served(server))


def test_connections_have_a_limit(start):
    """Beyond EVENTBUS_MAX_CONNECTIONS a connection is told 503 and closed; once others have left there is room again."""
    server = start(EVENTBUS_MAX_CONNECTIONS=50)
    held = [RawConnection(server.address) for _ in range(50)]
    for connection in held:
        connection.send(request(headers=["X: 1"])[:-2])
    with RawConnection(server.address) as more:
        try:
            assert more.send(request()).response().status == 503
        except ConnectionError:
            pass
        assert more.closed()
    for connection in held:
        connection.socket.close()
    eventually(lambda: served(server))
