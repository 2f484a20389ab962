"""What the dependencies are called, who logs in and where they are is told to the log, never to a client."""
import re

import pytest

from support.dependencies import Postgres
from support.waiting import eventually, unique

ROLE, USER, HOST, SECRET = "billing_owner", "courier_user", "127.0.0.1", "hunter2-s3cret"
PAGES = {"/docs", "/openapi.json"}  # with addresses of their own examples
BODIES = {
    "/events": {"event_type": "a.b"},
    "/events/batch": {"events": [{"event_type": "a.b"}]},
    "receive": {"max": 1, "wait_ms": 100},
    "ack": {"delivery_ids": ["1-1"]},
    "nack": {"delivery_ids": ["1-1"]},
    "extend": {"delivery_ids": ["1-1"], "lease_ms": 1000},
    "redrive": {"all": True},
    "/mode": {"mode": "normal"},
    "dead-letters": {"all": True},
    "/queues/there": {"bindings": [{"routing_key": "a.*"}]},
}


class World:
    """A service with names of its own on its dependencies, and what they must not be told by."""

    def __init__(self, start, postgres, rabbitmq):
        self.postgres, self.rabbitmq = postgres, rabbitmq
        self.database = unique("vault").replace("-", "_")
        access = postgres.folder / "data/pg_hba.conf"
        if ROLE not in access.read_text():
            access.write_text(f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n" + access.read_text())
            postgres.ask("postgres", f"CREATE ROLE {ROLE} LOGIN")
            postgres.ask("postgres", "SELECT pg_reload_conf()")
        postgres.ask("postgres", f"ALTER ROLE {ROLE} PASSWORD '{SECRET}' CONNECTION LIMIT -1")
        postgres.ask("postgres", f"CREATE DATABASE {self.database} OWNER {ROLE}")
        self.depot = unique("depot")
        rabbitmq.control("add_vhost", self.depot)
        rabbitmq.control("add_user", USER, SECRET, check=False)
        self.allow(".*")
        self.server = start(DATABASE_URL=f"postgresql://{ROLE}:{SECRET}@{HOST}:{postgres.port}/{self.database}",
                            RABBITMQ_URL=f"amqp://{USER}:{SECRET}@{HOST}:{rabbitmq.port}/{self.depot}", EVENTBUS_READY_WHEN="accepting")
        self.bus = self.server.client()
        self.bus.declare("there", "a.*")
        self.names = [ROLE, USER, HOST, "localhost", self.database, self.depot, f":{postgres.port}", f":{rabbitmq.port}", SECRET,
                      str(self.server.directory), str(postgres.folder)]

    def allow(self, what):
        self.rabbitmq.control("set_permissions", "-p", self.depot, USER, what, what, what)

    def end_sessions(self):
        self.postgres.ask("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.database}'")

    def requests(self):
        """One of each operation."""
        for path, operations in self.bus.get("/openapi.json").ok(200)["paths"].items():
            where = re.sub(r"\{(\w+)[^}]*\}", lambda name: {"queue": "there", "name": "none"}.get(name[1], "x"), path)
            for method in operations:
                if path in PAGES or path == "/events/stream" or method not in ("get", "post", "put", "delete"):
                    continue
                body = next((body for end, body in BODIES.items() if where.endswith(end)), {}) if method != "get" else None
                yield method.upper(), where, body
        yield "PUT", "/queues/new", BODIES["/queues/there"]
        yield "GET", "/events/stream?from=2020-01-01T00:00:00Z&event_type=never", None
        yield "POST", "/events?wait=published&timeout_ms=100", BODIES["/events"]

    def answers(self):
        for method, path, body in self.requests():
            if path.startswith("/breakers/") or (method, path) == ("DELETE", "/queues/there"):
                continue
            if path.startswith("/events/stream") and self.bus.get("/events?limit=1").status == 200:
                continue  # would go on for ever
            yield method, path, self.bus.request(method, path, json=body)
        ndjson = {"Content-Type": "application/x-ndjson"}
        yield "POST", "/events/batch", self.bus.request("POST", "/events/batch", '{"event_type":"a.b"}\n{"event_type":"a.c"}\n', ndjson)

    def check(self):
        """The statuses of one walk through all operations."""
        statuses = []
        for method, path, answer in self.answers():
            text = answer.body.decode() + repr(answer.headers.items())
            found = [name for name in self.names if name in text]
            assert not found, f"{method} {path} names {found}: {answer}"
            statuses.append(answer.status)
        return statuses


def locked_out(world):
    world.postgres.ask("postgres", f"ALTER ROLE {ROLE} PASSWORD 'wrong'")
    world.end_sessions()


def too_many_sessions(world):
    world.postgres.ask("postgres", f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    world.end_sessions()


def without_tables(world):
    world.postgres.ask(world.database, "ALTER TABLE events RENAME TO other_events")


def read_only(world):
    world.postgres.ask("postgres", f"ALTER DATABASE {world.database} SET default_transaction_read_only = on")
    world.end_sessions()


def postgres_killed(world):
    world.postgres.kill()


def rabbitmq_forbids(world):
    world.allow("^$")
    world.rabbitmq.control("close_all_connections", "--vhost", world.depot, "test")


def virtual_host_deleted(world):
    world.rabbitmq.control("delete_vhost", world.depot)


def user_deleted(world):
    world.rabbitmq.control("delete_user", USER)
    world.rabbitmq.control("close_all_connections", "--vhost", world.depot, "test", check=False)


@pytest.mark.parametrize("trouble", [locked_out, too_many_sessions, without_tables, read_only, postgres_killed, rabbitmq_forbids, virtual_host_deleted,
                                     user_deleted])
def test_no_answer_names_what_is_behind(start, postgres, rabbitmq, trouble):
    world = World(start, Postgres() if trouble is postgres_killed else postgres, rabbitmq)
    trouble(world)
    eventually(lambda: 503 in world.check(), 60.0)
    for _ in range(3):  # failing by itself, and refused by a breaker
        world.check()
    told = [line for line in world.server.lines if any(name in line for name in world.names)]
    assert told, f"the log does not say where:\n{world.server.log}"
    assert SECRET not in world.server.log
    world.server.kill()


def test_the_kept_queue_of_this_test_is_told_by_its_name(start):
    """Names that the client uses itself are in answers."""
    bus = start().client()
    name = unique("mine")
    assert name in bus.get(f"/queues/{name}").problem(404, "unknown_queue")["detail"]
