"""SIGTERM under load: everything accepted is finished, nothing acknowledged is lost, exit 0."""
import http.client
import json
import signal
import threading

import pytest

from support.waiting import eventually

GONE = (ConnectionError, http.client.HTTPException, OSError)


class Load(threading.Thread):
    """Publishes on one connection until it is refused; what was accepted, and answers that should not be."""

    def __init__(self, server, number):
        super().__init__()
        self.server, self.number = server, number
        self.accepted, self.strange = [], []

    def run(self):
        client = http.client.HTTPConnection(*self.server.address, timeout=20)
        for n in range(1_000_000):
            name = f"load-{self.number}-{n}"
            try:
                client.request("POST", "/events", json.dumps({"event_id": name, "event_type": "load"}), {"Content-Type": "application/json"})
                response = client.getresponse()
                response.read()
            except GONE:
                return
            if response.status == 201:
                self.accepted.append(name)
            elif response.status == 503:
                return
            else:
                self.strange.append(response.status)


def test_a_drain_under_load_loses_nothing(start):
    server = start()
    loads = [Load(server, n) for n in range(8)]
    for load in loads:
        load.start()
    eventually(lambda: all(len(load.accepted) > 20 for load in loads))
    server.stop()
    for load in loads:
        load.join(20)
    assert [load.strange for load in loads] == [[]] * 8
    bus = server.start().client()
    for load in loads:
        assert all(bus.get(f"/events/{name}").status == 200 for name in load.accepted)


def test_a_drain_ends_long_polls_at_once(start):
    server = start()
    bus = server.client()
    bus.declare("q")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(server.client().post("/queues/q/receive", {"wait_ms": 30000})))
    waiting.start()
    eventually(lambda: bus.queue("q")["consumers"] == 1)
    server.stop()
    waiting.join(30)
    assert answers[0].status == 503 or answers[0].ok(200)["deliveries"] == []


def test_a_drain_finishes_a_request_that_is_being_read(start):
    server = start()
    client = http.client.HTTPConnection(*server.address, timeout=20)
    body = json.dumps({"event_type": "slow"}).encode()
    client.putrequest("POST", "/events")
    client.putheader("Content-Type", "application/json")
    client.putheader("Content-Length", str(len(body)))
    client.putheader("Expect", "100-continue")
    client.endheaders(body[:5])
    assert client.sock.recv(100).startswith(b"HTTP/1.1 100")
    server.signal(signal.SIGTERM)
    server.wait_for_log(lambda line: "drain" in line.lower() or "stopping" in line.lower() or "SIGTERM" in line)
    client.send(body[5:])
    data = b""
    while piece := client.sock.recv(65536):
        data += piece
    assert data.startswith(b"HTTP/1.1 201"), data
    assert server.wait() == 0
    assert len(server.start().client().get("/events?event_type=slow").ok(200)["events"]) == 1


def test_deliveries_in_flight_come_back_with_the_same_attempt(start):
    server = start()
    bus = server.client()
    bus.declare("q")
    event_id = bus.publish(event_type="a")
    first = bus.receive_one("q")
    server.stop()
    again = server.start().client().receive_one("q")
    assert again["event"]["event_id"] == event_id and again["attempt"] == first["attempt"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_stops_at_once(start, number):
    server = start(EVENTBUS_DRAIN_SECONDS=60)
    idle = server.client()
    idle.get("/health").ok(200)
    server.signal(number)
    assert server.wait(30) == 0


def test_a_second_signal_does_not_wait(start):
    server = start(EVENTBUS_DRAIN_SECONDS=600)
    client = http.client.HTTPConnection(*server.address, timeout=20)
    client.putrequest("POST", "/events")
    client.putheader("Content-Type", "application/json")
    client.putheader("Content-Length", "100")
    client.putheader("Expect", "100-continue")
    client.endheaders()
    assert client.sock.recv(100).startswith(b"HTTP/1.1 100")
    server.signal(signal.SIGTERM)
    server.wait_for_log(lambda line: "drain" in line.lower() or "stopping" in line.lower() or "SIGTERM" in line)
    server.signal(signal.SIGTERM)
    server.wait(30)


def test_the_drain_has_an_end(start):
    server = start(EVENTBUS_DRAIN_SECONDS=1)
    client = http.client.HTTPConnection(*server.address, timeout=20)
    client.putrequest("POST", "/events")
    client.putheader("Content-Type", "application/json")
    client.putheader("Content-Length", "100")
    client.putheader("Expect", "100-continue")
    client.endheaders()
    assert client.sock.recv(100).startswith(b"HTTP/1.1 100")
    server.signal(signal.SIGTERM)
    assert server.wait(30) == 0
