"""What is wrong with PostgreSQL or RabbitMQ is told in one clear line: the variable, the remedy, never the password."""
import json
import os
import subprocess

import pytest

from support.children import ending_with_us
from support.dependencies import free_port
from support.dependencies import Postgres
from support.programs import as_root
from support.server import Server, engine_settings
from support.waiting import eventually, unique

SECRET = "hunter2-s3cret"
REPLICA = "DATABASE_REPLICA_URL"


@pytest.fixture(scope="module", name="world")
def _world(postgres, rabbitmq):
    """Roles and users with too little, beside the good ones."""
    access = postgres.folder / "data/pg_hba.conf"
    access.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + access.read_text())
    postgres.ask("postgres", f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}'")
    postgres.ask("postgres", "CREATE ROLE guest_reader LOGIN")
    postgres.ask("postgres", "SELECT pg_reload_conf()")
    rabbitmq.control("add_vhost", "fenced")
    rabbitmq.control("add_user", "outsider", SECRET)
    rabbitmq.control("add_user", "reader", SECRET)
    rabbitmq.control("set_permissions", "-p", "fenced", "reader", "^$", "^$", ".*")
    return World(postgres, rabbitmq)


class World:
    def __init__(self, postgres, rabbitmq):
        self.postgres, self.rabbitmq = postgres, rabbitmq
        self.there = f"127.0.0.1:{postgres.port}"
        self.broker = f"127.0.0.1:{rabbitmq.port}"
        self.nowhere = f"127.0.0.1:{free_port()}"

    def database(self, readonly=False):
        name = self.postgres.create_database()
        if readonly:
            self.postgres.ask("postgres", f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        return self.postgres.url(name)


# What: the variable, its value, and words of the remedy. Each ends the start with a status other than 0.
REFUSED = {
    "database: no URL": ("DATABASE_URL", lambda world: f"postgresql://ann:{SECRET}@db:notaport/x", ["postgresql://", "a port must be"]),
    "database: wrong password": ("DATABASE_URL", lambda world: f"postgresql://locked:wrong-{SECRET}@{world.there}/postgres", ["user and password"]),
    "database: unknown user": ("DATABASE_URL", lambda world: f"postgresql://nobody:{SECRET}@{world.there}/postgres", ["user"]),
    "database: missing": ("DATABASE_URL", lambda world: f"postgresql://postgres:{SECRET}@{world.there}/nothing", ["createdb"]),
    "database: may not create tables": ("DATABASE_URL", lambda world: f"postgresql://guest_reader:{SECRET}@{world.there}/postgres", ["GRANT CREATE"]),
    "database: read-only": ("DATABASE_URL", lambda world: world.database(readonly=True), ["target_session_attrs=read-write"]),
    "database: nobody listens": ("DATABASE_URL", lambda world: f"postgresql://ann:{SECRET}@{world.nowhere}/x", ["Is the server running"]),
    "database: unknown host": ("DATABASE_URL", lambda world: f"postgresql://ann:{SECRET}@nowhere.invalid/x", ["host and port"]),
    "database: speaks something else": ("DATABASE_URL", lambda world: f"postgresql://ann:{SECRET}@{world.broker}/x", ["host and port"]),
    "replica: no URL": (REPLICA, lambda world: f"postgresql://ann:{SECRET}@db:notaport/x", ["postgresql://", "a port must be"]),
    "replica: wrong password": (REPLICA, lambda world: f"postgresql://locked:wrong-{SECRET}@{world.there}/postgres", ["user and password"]),
    "replica: missing": (REPLICA, lambda world: f"postgresql://postgres:{SECRET}@{world.there}/nothing", ["createdb"]),
    "rabbitmq: no URL": ("RABBITMQ_URL", lambda world: f"http://ann:{SECRET}@mq/", ["amqp://"]),
    "rabbitmq: wrong password": ("RABBITMQ_URL", lambda world: f"amqp://outsider:wrong-{SECRET}@{world.broker}/fenced", ["user and password"]),
    "rabbitmq: unknown user": ("RABBITMQ_URL", lambda world: f"amqp://nobody:{SECRET}@{world.broker}/fenced", ["user and password"]),
    "rabbitmq: missing virtual host": ("RABBITMQ_URL", lambda world: f"amqp://outsider:{SECRET}@{world.broker}/nothing", ["add_vhost"]),
    "rabbitmq: no access to the virtual host": ("RABBITMQ_URL", lambda world: f"amqp://outsider:{SECRET}@{world.broker}/fenced", ["set_permissions"]),
    "rabbitmq: may not declare": ("RABBITMQ_URL", lambda world: f"amqp://reader:{SECRET}@{world.broker}/fenced", ["set_permissions"]),
}

# What may come back doesn't keep the service from starting.
AWAITED = {
    "rabbitmq: nobody listens": ("RABBITMQ_URL", lambda world: f"amqp://ann:{SECRET}@{world.nowhere}/", ["host and port", "runs there"]),
    "rabbitmq: unknown host": ("RABBITMQ_URL", lambda world: f"amqp://ann:{SECRET}@nowhere.invalid/", ["host and port"]),
    "rabbitmq: speaks something else": ("RABBITMQ_URL", lambda world: f"amqp://ann:{SECRET}@{world.there}/", ["RABBITMQ_URL"]),
    "replica: nobody listens": (REPLICA, lambda world: f"postgresql://ann:{SECRET}@{world.nowhere}/x", ["Is the server running"]),
}


def complaints(lines, variable):
    """Log lines, and the last words of a start that failed, that name the variable."""
    return [line for line in lines if variable in line]


def expect_clear(lines, variable, remedy):
    found = complaints(lines, variable)
    assert [line for line in found if all(word in line for word in remedy)], "\n".join(lines)
    logged = [line for line in found if line.startswith("{")]
    assert len(logged) <= 1 and len(found) <= 2, "\n".join(found)
    assert SECRET not in "\n".join(lines)


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_never_work_ends_the_start(tmp_path, world, case):
    variable, value, remedy = REFUSED[case]
    server = Server(tmp_path, **{variable: value(world), "MAX_RETRIES": 1, "RETRY_DELAY": 0.1}).spawn()
    assert server.wait() == (2 if "no URL" in case else 1), server.log
    expect_clear(server.lines, variable, remedy)


@pytest.mark.parametrize("case", AWAITED)
def test_what_may_come_back_is_awaited(tmp_path, world, case):
    variable, value, remedy = AWAITED[case]
    server = Server(tmp_path, **{variable: value(world), "EVENTBUS_READY_WHEN": "accepting"}).start()
    bus = server.client()
    event_id = bus.post("/events", {"event_type": "a"}).ok(201)["event_id"]
    assert bus.get(f"/events/{event_id}").status == 200
    server.wait_for_log(lambda line: variable in line)
    server.stop()
    expect_clear(server.lines, variable, remedy)


def sessions_end(postgres, database):
    postgres.ask("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")


def expect_few(server, variable):
    """However many requests fail, the log tells of it a few times."""
    told = [line for line in complaints(server.lines, variable) if json.loads(line)["level"] != "INFO"]
    assert 1 <= len(told) <= 5, "\n".join(told)
    assert SECRET not in server.log


def publish_until(bus, status):
    return eventually(lambda: (answer := bus.post("/events", {"event_type": "a"})).status == status and answer, 20.0)


def test_the_database_turns_read_only_and_back(server, bus, postgres):
    database = server.settings["DATABASE_URL"].rpartition("/")[2]
    postgres.ask("postgres", f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    sessions_end(postgres, database)
    eventually(lambda: "target_session_attrs" in bus.post("/events", {"event_type": "a"}).body.decode())
    for _ in range(50):
        bus.post("/events", {"event_type": "a"}).problem(503, "unavailable")
    assert bus.get("/events").status == 200, "reading goes on"
    expect_few(server, "DATABASE_URL")
    postgres.ask("postgres", f"ALTER DATABASE {database} RESET default_transaction_read_only")
    sessions_end(postgres, database)
    publish_until(bus, 201)


def test_a_hot_standby_is_told_from_a_primary(tmp_path, world, postgres):
    standby = postgres.folder / unique("standby")
    postgres.command(postgres.programs / "pg_basebackup", "-h", postgres.folder, "-p", postgres.port, "-U", "postgres", "-D", standby, "-R", "-X", "stream", "-c", "fast")
    port = free_port()
    process = subprocess.Popen([postgres.programs / "postgres", "-D", standby, "-p", str(port), "-k", postgres.folder,
                                "-c", "max_connections=300"], user=postgres.user,
                               cwd=postgres.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=ending_with_us())
    try:
        ask = [postgres.programs / "pg_isready", "-h", postgres.folder, "-p", port]
        eventually(lambda: postgres.command(*ask, check=False).returncode == 0, 60.0, every=0.1)
        server = Server(tmp_path, DATABASE_URL=f"postgresql://postgres:{SECRET}@127.0.0.1:{port}/postgres", MAX_RETRIES=0).spawn()
        assert server.wait() == 1
        expect_clear(server.lines, "DATABASE_URL", ["standby", "name the primary"])
    finally:
        process.kill()
        process.wait(60)


def test_the_password_is_changed_and_corrected(tmp_path, world, postgres):
    database = postgres.create_database()
    postgres.ask("postgres", f"ALTER DATABASE {database} OWNER TO locked")
    server = Server(tmp_path, DATABASE_URL=f"postgresql://locked:{SECRET}@{world.there}/{database}").start()
    bus = server.client()
    bus.publish(event_type="a")
    postgres.ask("postgres", "ALTER ROLE locked PASSWORD 'another'")
    sessions_end(postgres, database)
    eventually(lambda: "Check user and password" in publish_until(bus, 503).body.decode())
    for _ in range(50):
        bus.post("/events", {"event_type": "a"}).problem(503, "unavailable")
    expect_few(server, "DATABASE_URL")
    postgres.ask("postgres", f"ALTER ROLE locked PASSWORD '{SECRET}'")
    publish_until(bus, 201)
    server.stop()


def test_the_disk_of_the_database_is_full_and_has_room_again(tmp_path):
    """A tablespace on a small file system, of a server that nobody else needs; its log is elsewhere, so that it lives on."""
    postgres = Postgres()
    disk = postgres.folder / unique("disk")  # which the server's user may reach
    disk.mkdir()
    as_root("mount", "-t", "tmpfs", "-o", "size=20m,mode=0777", "tmpfs", disk)
    postgres.stop()  # The servers of another Debian see what was mounted when they began.
    postgres.start()
    database = unique("full").replace("-", "_")
    try:
        (disk / "space").mkdir()
        os.chown(disk / "space", *owner(postgres))
        postgres.ask("postgres", f"CREATE TABLESPACE {database} LOCATION '{disk}/space'")
        postgres.ask("postgres", f"CREATE DATABASE {database} TABLESPACE {database}")
        server = Server(tmp_path / "data", DATABASE_URL=postgres.url(database)).start()
        bus = server.client()
        accepted = []
        big = {"event_type": "a", "payload": {"text": os.urandom(100_000).hex()}}
        while (answer := bus.post("/events", big)).status == 201:
            accepted.append(answer.json["event_id"])
        assert "free space there" in answer.problem(503, "unavailable")["detail"]
        for _ in range(30):
            bus.post("/events", big).problem(503, "unavailable")
        assert all(bus.get(f"/events/{event_id}").status == 200 for event_id in accepted)
        expect_few(server, "DATABASE_URL")
        as_root("mount", "-o", "remount,size=80m", disk)
        publish_until(bus, 201)
        server.stop()
    finally:
        postgres.kill()
        as_root("umount", "-l", disk)
        postgres.remove()


def owner(postgres):
    entry = (postgres.folder / "data").stat()
    return entry.st_uid, entry.st_gid


@pytest.mark.parametrize("shift, words", [("-90s", "ahead of ours"), ("+90s", "behind ours")])
def test_clocks_that_differ(tmp_path, shift, words):
    library = subprocess.run(["sh", "-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1"], capture_output=True, text=True, check=True).stdout.strip()
    server = Server(tmp_path, LD_PRELOAD=library, FAKETIME=shift, FAKETIME_DONT_FAKE_MONOTONIC=1, **engine_settings(unique("clock"))).start()
    line = server.wait_for_log(lambda text: words in text)
    assert "DATABASE_URL" in line and "NTP" in line
    server.stop()
    assert len(complaints(server.lines, words)) == 1
