"""Plays one history against the running service and keeps the ledger of it."""
import http.client

from ledger import operations
from ledger.audit import Audit
from ledger.books import Books
from ledger.events import Names
from ledger.judge import Judge
from ledger.queues import Queues
from ledger.requests import Request
from ledger.wire import PIPED_BYTES, exchange, final
from support.server import Server

LEASE_MS = 600_000  # nothing comes back because a test was slow


class Player:
    """One play. What was found stands in `violations`, as (claim, text)."""

    def __init__(self, world, prefix, patience):
        self.world, self.names, self.violations = world, Names(prefix), []
        self.books = Books()
        self.queues = Queues(self.books, self.names, not world.production, self.violated)
        self.judge = Judge(self.books, self.queues, self.names, self.violated)
        self.patience, self.current, self.piped = patience, None, []

    def violated(self, claim, text):
        self.violations.append((claim, f"{text[:1500]}\n  at step {self.books.step}: {self.current}"))

    def play(self, history):
        """Plays all of it, then looks at the store and the queues; the violations."""
        self.world.forget(range(self.world.size))
        for operation in history:
            self.books.step += 1
            self.current = operations.shown(operation)
            self.guarded(self.perform, operation)
        self.guarded(self.flush)
        self.current = "the end"
        audit = Audit(self.world, self.books, self.queues, self.names, self.violated, self.patience)
        for look in (audit.store, audit.drain, audit.remove):
            self.guarded(look)
        for server in self.world.dead():
            self.violated("died", server.log[-1500:])
        return self.violations

    def guarded(self, act, *arguments):
        """An answer that no operation may get is a violation as well."""
        try:
            act(*arguments)
        except (AssertionError, OSError, http.client.HTTPException, LookupError, ValueError) as problem:
            self.world.forget(range(self.world.size))
            self.violated("operation", f"{type(problem).__name__}: {problem}")

    def perform(self, operation):
        name = type(operation).__name__.lower()
        if name != "publish":
            self.flush()
        getattr(self, name)(operation)

    def publish(self, publish):
        request = Request(publish, self.names)
        if self.piped and (publish.saying.expects or sum(len(piped.framed) for piped in [*self.piped, request]) > PIPED_BYTES):
            self.flush()
        self.piped.append(request)
        saying = publish.saying
        if not publish.piped or saying.flaw or saying.version == "1.0" or saying.connection == "closing":
            self.flush()

    def flush(self):
        """Sends the requests that wait to be sent together."""
        requests, self.piped = self.piped, []
        for request, answer in zip(requests, exchange(self.world, requests) if requests else ()):
            self.current = operations.shown(request.publish)
            self.judge.judge(request, answer, calm=True)

    def declare(self, declare):
        binding = {"exchange": self.names.exchange if declare.away else "events", "routing_key": f"{self.names.prefix}.{declare.pattern}"}
        bounded = {"max_length": declare.max_length, "overflow": declare.overflow} if declare.max_length else {}
        body = {"bindings": [binding], "ordered": declare.ordered, "start_from": "beginning" if declare.beginning else "now", "max_retries": declare.max_retries,
                "retry_delay_ms": 1, "retry_max_delay_ms": 2, "lease_ms": LEASE_MS}
        self.world.client(declare.instance).put(f"/queues/{self.names.queue(declare.queue)}", body | bounded).ok(200, 201)
        self.queues.declared(declare)

    def consume(self, consume):
        queue = self.queues.all.get(consume.queue)
        if not queue:
            return
        name = self.names.queue(consume.queue)
        deliveries = self.world.client(consume.instance).receive(name, consume.most, 0 if self.queues.exact else 300)
        for delivery in deliveries:
            self.queues.delivered(queue, delivery)
        if consume.answer == "hold":
            queue.held += deliveries
        elif deliveries:
            self.settle(queue, name, consume, deliveries)

    def settle(self, queue, name, consume, deliveries):
        client = self.world.client(consume.through)
        if consume.answer == "ack":
            self.queues.settled(queue, deliveries, client.ack(name, *deliveries)["unknown"])
        else:
            client.nack(name, *deliveries, **({} if consume.answer == "nack" else {"requeue": False}))

    def pause(self, pause):
        if pause.queue in self.queues.all:
            self.world.client(pause.instance).post(f"/queues/{self.names.queue(pause.queue)}/pause").ok()
            self.queues.all[pause.queue].paused = True

    def resume(self, resume):
        if resume.queue in self.queues.all:
            self.world.client(resume.instance).post(f"/queues/{self.names.queue(resume.queue)}/resume").ok()
            self.queues.all[resume.queue].paused = False

    def redrive(self, redrive):
        if redrive.queue in self.queues.all:
            self.queues.all[redrive.queue].in_order = False
            self.world.client(redrive.instance).post(f"/queues/{self.names.queue(redrive.queue)}/dead-letters/redrive", {"all": True}).ok()

    def look(self, look):
        answer = self.world.client(look.instance).get(f"/events/{self.names.id(look.event)}")
        self.judge.looked(look.event.number, answer)

    def kill(self, kill):
        request = Request(kill.publish, self.names)
        data = request.head + request.framed
        connection, answer = self.world.raw(kill.publish.instance, fresh=True), None
        try:
            connection.send(data[:len(data) * kill.sent // 100])
            self.world.server(kill.publish.instance).kill()
            answer = final(connection)
        except (ConnectionError, TimeoutError):
            pass
        self.again(kill.publish.instance, Server.kill)
        self.judge.judge(request, answer, calm=False)

    def restart(self, restart):
        self.again(restart.instance, Server.stop)

    def again(self, instance, end):
        self.world.again(instance, end)
        for queue in self.queues.all.values():
            queue.held, queue.paused = [], False
