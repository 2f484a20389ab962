"""A keep-alive HTTP client with the shapes the tests ask for."""
import http.client
import json as jsonlib
import os
import urllib.parse

RELAYS = os.environ.get("EVENTBUS_TEST_ENGINE") == "production"  # What is stored reaches the queues a little later.


class Answer:
    """One response, read to its end."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return jsonlib.loads(self.body)

    @property
    def lines(self):
        """The documents of an NDJSON body."""
        return [jsonlib.loads(line) for line in self.body.splitlines() if line]

    def ok(self, *statuses):
        """The JSON body; fails with the whole answer unless the status is one of `statuses` (default: any 2xx)."""
        assert self.status in statuses if statuses else 200 <= self.status < 300, self
        return self.json if self.body else None

    def problem(self, status, code=None, *fields):
        """Asserts an RFC 9457 problem with this status, code and at least these fields at fault; returns it."""
        assert self.status == status, self
        assert self.headers["Content-Type"].split(";")[0] == "application/problem+json", self
        body = self.json
        assert body["status"] == status and body["type"] and body["title"] and body["code"], body
        assert body["correlation_id"] == self.headers["X-Correlation-ID"], (body, self.headers.items())
        assert code is None or body["code"] == code, body
        named = [error["field"] for error in body.get("errors", [])]
        assert all(error["message"] for error in body.get("errors", [])), body
        assert set(fields) <= set(named), f"{fields} not all in {body}"
        return body

    def __repr__(self):
        return f"<{self.status} {dict(self.headers.items())} {self.body[:2000]!r}>"


class Client:
    """One connection; reconnects when the server closed it. Not thread-safe."""

    def __init__(self, host, port, timeout=60):
        self.connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def close(self):
        self.connection.close()

    def request(self, method, path, body=None, headers=None, json=None, query=None):
        headers = dict(headers or {})
        if json is not None:
            body = jsonlib.dumps(json, ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        elif body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body.encode() if isinstance(body, str) else body
        if query:
            path += "?" + urllib.parse.urlencode(query)
        response = self._send(method, path, body, headers)
        return Answer(response.status, response.headers, response.read())

    def _send(self, method, path, body, headers):
        fresh = self.connection.sock is None
        try:
            self.connection.request(method, path, body, headers)
            return self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.connection.close()
            if fresh:
                raise
            self.connection.request(method, path, body, headers)
            return self.connection.getresponse()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, json=None, **options):
        return self.request("POST", path, json=json, **options)

    def put(self, path, json=None, **options):
        return self.request("PUT", path, json=json, **options)

    def delete(self, path, json=None, **options):
        return self.request("DELETE", path, json=json, **options)

    def publish(self, **event):
        """Stores one event and brings it to its queues; its id."""
        wait = "?wait=published&timeout_ms=10000" if RELAYS else ""
        return self.post("/events" + wait, event).ok(200, 201)["event_id"]

    def publish_many(self, events):
        """Stores events in one NDJSON request; the totals."""
        body = "".join(jsonlib.dumps(event) + "\n" for event in events)
        totals = self.post("/events/batch", body=body, headers={"Content-Type": "application/x-ndjson"}).ok(201)
        if RELAYS:  # in order: when the last is with the broker, all are
            self.publish(event_type="last", exchange="nobody-listens")
        return totals

    def event(self, event_id):
        return self.get("/events/" + urllib.parse.quote(event_id, safe="")).ok(200)

    def declare(self, queue, pattern="#", **definition):
        """Declares a queue bound to `pattern` with quick retries unless `definition` says otherwise."""
        body = {"bindings": [{"exchange": "events", "routing_key": pattern}], "retry_delay_ms": 1, "retry_max_delay_ms": 2}
        return self.put(f"/queues/{queue}", body | definition).ok(200, 201)

    def queue(self, name):
        return self.get(f"/queues/{name}").ok(200)

    def receive(self, queue, max=100, wait_ms=0):
        return self.post(f"/queues/{queue}/receive", {"max": max, "wait_ms": wait_ms}).ok(200)["deliveries"]

    def receive_one(self, queue, wait_ms=20000):
        deliveries = self.receive(queue, 1, wait_ms)
        assert len(deliveries) == 1, f"nothing came from {queue}"
        return deliveries[0]

    def ack(self, queue, *deliveries):
        """Acknowledges deliveries or delivery ids; the answer."""
        return self.post(f"/queues/{queue}/ack", {"delivery_ids": delivery_ids(deliveries)}).ok(200)

    def nack(self, queue, *deliveries, **options):
        return self.post(f"/queues/{queue}/nack", {"delivery_ids": delivery_ids(deliveries)} | options).ok(200)

    def dead_letters(self, queue, **query):
        return self.get(f"/queues/{queue}/dead-letters", query=query).ok(200)["dead_letters"]

    def take(self, queue, count, wait_ms=20000):
        """Receives exactly `count` deliveries, in the order they came."""
        taken = []
        while len(taken) < count:
            deliveries = self.receive(queue, min(1000, count - len(taken)), wait_ms)
            assert deliveries, f"only {len(taken)} of {count} came from {queue}"
            taken += deliveries
        return taken

    def drain(self, queue, count):
        """Takes and acknowledges exactly `count` deliveries, in the order they came."""
        taken = []
        while len(taken) < count:
            deliveries = self.take(queue, min(1000, count - len(taken)))
            self.ack(queue, *deliveries)
            taken += deliveries
        return taken


def delivery_ids(deliveries):
    return [delivery if isinstance(delivery, str) else delivery["delivery_id"] for delivery in deliveries]
