"""A client that asks any instance over HTTP, and writes down what it asked and what came of it."""
import contextlib
import json
import time

from histories.records import ACK, EXTEND, NACK, REJECT, Counts, Delivery, Event, Letter, Look, Publish, Purge, Receive, Removal, Settle, Switch
from support.client import Client
from support.cluster import GONE

MOST = 1000  # dead letters of a look
PATHS = {ACK: "/ack", NACK: "/nack", REJECT: "/nack", EXTEND: "/extend"}
JSON = {"Content-Type": "application/json"}


class Once(Client):
    """Never sends a request twice by itself: the history must know of each."""

    def _send(self, method, path, body, headers):
        self.connection.request(method, path, body, headers)
        return self.connection.getresponse()


def event_of(told):
    payload = told["payload"]
    return Event(told["event_id"], told["event_type"], told.get("ordering_key"), payload.get("n", 0), json.dumps(payload, sort_keys=True))


def document(event):
    """The event as it is published."""
    return {"event_id": event.id, "event_type": event.kind, "payload": json.loads(event.payload)} | ({"ordering_key": event.key} if event.key else {})


class Caller:
    """One connection to each instance. Not thread-safe, but for `requests`, to which many append. `instances` may grow."""

    def __init__(self, name, instances, requests, patience):
        self.name, self.instances, self.requests, self.patience = name, instances, requests, patience
        self.lines = {}  # instance → (port, connection)

    def line(self, instance):
        port = self.instances[instance].port
        if port is None:
            raise ConnectionRefusedError
        if self.lines.get(instance, (None,))[0] != port:
            self.drop(instance)
            self.lines[instance] = (port, Once("127.0.0.1", port, self.patience))
        return self.lines[instance][1]

    def drop(self, instance):
        _, line = self.lines.pop(instance, (None, None))
        if line:
            line.close()

    def close(self):
        for instance in list(self.lines):
            self.drop(instance)

    def ask(self, kind, instance, method, path, body=None, read=lambda _: {}, **fields):
        """Sends one request; its record. One that reached nobody stands in no history."""
        sent, status, told, problem = time.monotonic(), None, {}, None
        try:
            answer = self.line(instance).request(method, path, json=body)
            status, told = answer.status, read(answer.json) if answer.status < 300 else {}
        except GONE as caught:
            self.drop(instance)
            problem = caught
        request = kind(client=self.name, instance=instance, sent=sent, ended=time.monotonic(), status=status, gave_up=isinstance(problem, TimeoutError),
                       **fields, **told)
        if not isinstance(problem, ConnectionRefusedError):
            self.requests.append(request)
        return request

    def publish(self, instance, events, wait=False):
        """One event, or several as a batch."""
        path = "/events/batch" if len(events) > 1 else "/events?wait=published" if wait else "/events"
        body = {"events": list(map(document, events))} if len(events) > 1 else document(events[0])
        return self.ask(Publish, instance, "POST", path, body, events=tuple(events),
                        read=lambda told: {"stored": tuple(one["event_id"] for one in told.get("results", [told]) if "error" not in one)})

    def on(self, kind, instance, queue, path, body=None, method="POST", **more):
        return self.ask(kind, instance, method, f"/queues/{queue}{path}", body, queue=queue, **more)

    def receive(self, instance, queue, most, wait_ms):
        return self.on(Receive, instance, queue, "/receive", {"max": most, "wait_ms": wait_ms}, read=lambda told: {
            "deliveries": tuple(Delivery(one["delivery_id"], event_of(one["event"]), one["attempt"]) for one in told["deliveries"])})

    def walk(self, instance, queue, wait_ms, seconds):
        """Asks for deliveries and hangs up."""
        sent = time.monotonic()
        with contextlib.suppress(*GONE):
            self.line(instance).connection.request("POST", f"/queues/{queue}/receive", json.dumps({"max": 1, "wait_ms": wait_ms}), JSON)
            time.sleep(seconds)
        self.drop(instance)
        request = Receive(client=self.name, instance=instance, queue=queue, sent=sent, ended=time.monotonic(), status=None, gave_up=True)
        self.requests.append(request)
        return request

    def settle(self, how, instance, queue, ids, *, delay_ms=None, reason=None, lease=0.0):
        more = {"requeue": False if how == REJECT else None, "delay_ms": delay_ms, "reason": reason, "lease_ms": round(lease * 1000) or None}
        body = {"delivery_ids": ids} | {name: value for name, value in more.items() if value is not None}
        return self.on(Settle, instance, queue, PATHS[how], body, how=how, ids=tuple(ids), reason=reason, lease=lease,
                       read=lambda told: {"unknown": tuple(told["unknown"])})

    def look(self, instance, queue):
        return self.on(Look, instance, queue, f"/dead-letters?limit={MOST}", method="GET", read=lambda told: {"letters": tuple(
            Letter(event_of(one["event"]), one["reason"], one["attempts"], (one["first_failed_at"], one["last_failed_at"])) for one in told["dead_letters"])})

    def remove(self, instance, queue, redrives, events=None, reason=None):
        """Redrives or deletes dead letters: these events', those of a reason, or all."""
        body = {"event_ids": events} if events else {"reason": reason} if reason else {"all": True}
        return self.on(Removal, instance, queue, "/dead-letters/redrive" if redrives else "/dead-letters", body, "POST" if redrives else "DELETE",
                       redrives=redrives, events=tuple(events) if events else None, reason=reason)

    def switch(self, instance, queue, pauses):
        return self.on(Switch, instance, queue, "/pause" if pauses else "/resume", pauses=pauses)

    def purge(self, instance, queue):
        return self.on(Purge, instance, queue, "/purge")

    def counts(self, instance, queue, quiet=None):
        return self.on(Counts, instance, queue, "", method="GET", quiet=quiet, read=lambda told: {
            name: told[name] for name in ("ready", "in_flight", "delayed", "dead_letters")})
