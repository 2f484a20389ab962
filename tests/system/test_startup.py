"""What stops a start, and says why: wrong settings, a taken data directory, damage, a newer version."""
import functools
import json
import random
import sqlite3
import subprocess

import pytest

from support.server import BINARY, Server, clean_environment

DATABASE = "eventbus.db"


@pytest.fixture(name="start")
def start_embedded(start):
    """These tests are about the files of the embedded engine."""
    return functools.partial(start, EVENTBUS_ENGINE="embedded")

def refused(directory, *arguments, **settings):
    """Starts the service, expects it to refuse, and returns what it said."""
    environment = clean_environment(**{"EVENTBUS_LISTEN": "127.0.0.1:0", "EVENTBUS_DATA_DIR": directory} | settings)
    done = subprocess.run([BINARY, "serve", *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode not in (0, -6, -11), done
    return done.stderr


@pytest.mark.parametrize("variable, value", [
    ("EVENTBUS_LISTEN", "nonsense"), ("EVENTBUS_LISTEN", "127.0.0.1:99999"), ("LOG_LEVEL", "LOUD"), ("LOG_FORMAT", "xml"),
    ("EVENTBUS_MAX_EVENT_BYTES", "-1"), ("EVENTBUS_MAX_EVENT_BYTES", "many"), ("EVENTBUS_MAX_IN_FLIGHT", "0"),
    ("EVENTBUS_DRAIN_SECONDS", "soon"), ("BATCH_SIZE", "0"), ("EVENTBUS_READY_WHEN", "maybe")])
def test_a_wrong_value_is_named_with_what_is_allowed(tmp_path, variable, value):
    said = refused(tmp_path, **{variable: value})
    assert variable in said and value in said, said


@pytest.mark.parametrize("given, missing", [({"DATABASE_URL": "postgresql://u:hunter2@h/d"}, "RABBITMQ_URL"),
                                            ({"RABBITMQ_URL": "amqp://u:hunter2@h"}, "DATABASE_URL")])
def test_half_of_the_production_engine_is_refused(tmp_path, given, missing):
    said = refused(tmp_path, **given)
    assert missing in said and "hunter2" not in said, said


def test_an_unknown_flag_is_refused(tmp_path):
    assert "--fly" in refused(tmp_path, "--fly")


def test_a_port_in_use_is_named(start, tmp_path):
    server = start()
    said = refused(tmp_path / "other", EVENTBUS_LISTEN=f"127.0.0.1:{server.port}")
    assert str(server.port) in said, said


def test_a_second_process_on_the_same_data_is_refused(start):
    server = start()
    said = refused(server.directory)
    assert str(server.directory) in said, said
    server.client().publish(event_type="a")


def test_the_data_directory_is_made(start, tmp_path):
    start(directory=tmp_path / "deep/er").client().publish(event_type="a")
    assert (tmp_path / "deep/er" / DATABASE).exists()


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused(tmp_path / "file/data")


def filled(start, tmp_path):
    """A stopped server's data with enough events for several pages."""
    server = start()
    server.client().publish_many({"event_type": "a", "payload": {"text": "x" * 500}} for _ in range(2000))
    server.stop()
    return server.directory


@pytest.mark.parametrize("content", [b"this is no database" * 1000, b"SQLite format 3\x00" + b"\xff" * 8192])
def test_a_file_that_is_no_database_is_refused(tmp_path, content):
    (tmp_path / DATABASE).write_bytes(content)
    said = refused(tmp_path)
    assert DATABASE in said, said
    assert (tmp_path / DATABASE).read_bytes() == content


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_database_is_refused(start, tmp_path, seed):
    path = filled(start, tmp_path) / DATABASE
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(random.Random(seed).randbytes(4096 * 8))
    damaged = path.read_bytes()
    said = refused(path.parent)
    assert DATABASE in said or "damaged" in said, said
    assert path.read_bytes() == damaged


def newer_schema(path):
    """Raises every stored schema version, whichever table holds it."""
    with sqlite3.connect(path) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
            for column in {"version", "steps", "step"} & set(columns):
                database.execute(f'UPDATE "{table}" SET "{column}" = "{column}" + 1000')
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version + 1000}")


def test_data_of_a_newer_version_is_refused(start, tmp_path):
    directory = filled(start, tmp_path)
    newer_schema(directory / DATABASE)
    said = refused(directory)
    assert "newer" in said, said


def test_settings_come_from_flag_then_environment_then_file(tmp_path):
    config = tmp_path / "eventbus.toml"
    config.write_text(f'data_dir = "{tmp_path}/from-file"\nlisten = "127.0.0.1:1"\n')
    server = Server(tmp_path / "from-environment", arguments=["--config", config], EVENTBUS_ENGINE="embedded")
    with server:
        server.client().publish(event_type="a")
    assert (tmp_path / "from-environment" / DATABASE).exists() and not (tmp_path / "from-file").exists()


def test_a_wrong_config_file_is_named(tmp_path):
    config = tmp_path / "eventbus.toml"
    for text in ("listen = ", "colour = 'red'\n"):
        config.write_text(text)
        assert "eventbus.toml" in refused(tmp_path, "--config", str(config))
    assert "missing.toml" in refused(tmp_path, "--config", str(tmp_path / "missing.toml"))


def refusal(tmp_path, **settings):
    """What is said of wrong settings: with the documented exit status, each in one line."""
    environment = clean_environment(**{"EVENTBUS_LISTEN": "127.0.0.1:0", "EVENTBUS_DATA_DIR": tmp_path / "data"} | settings)
    for command in ("serve", "config"):
        done = subprocess.run([BINARY, command], env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2 and not done.stdout, done
        assert len(done.stderr.splitlines()) == 1 and "hunter2" not in done.stderr, done.stderr
    assert not (tmp_path / "data").exists()
    return done.stderr


@pytest.mark.parametrize("variable, value, seen", [
    ("BATCH_SIZE", "0", "BATCH_SIZE is '0'"), ("LOG_LEVEL", "INFO\n", "LOG_LEVEL is 'INFO\\n'"), ("EVENTBUS_DATA_DIR", "", "EVENTBUS_DATA_DIR is ''"),
    ("EVENTBUS_DATA_DIR", "/tmp/x ", "white space"), ("EVENTBUS_LISTEN", "", "EVENTBUS_LISTEN is ''")])
def test_a_wrong_value_ends_with_the_status_for_it(tmp_path, variable, value, seen):
    assert seen in refusal(tmp_path, **{variable: value})


@pytest.mark.parametrize("database, broker, seen", [
    ("postgresql://u:hunter2@h/x\n", "amqp://h", "DATABASE_URL is 'postgresql://u:****@h/x\\n'"),
    ("host=h password=hunter2\n", "amqp://h", "DATABASE_URL is 'host=h password=****\\n'"),
    ("", "", "DATABASE_URL is ''"), ("postgresql://h/x", "amqp://u:hunter2@h:port", "a port"), ("postgresql://h/x", "mq://u:hunter2@h", "amqp://"),
    ("postgresql://h/x", "amqp://u:hunter2%@h", "percent"), ("postgresql://h/x", "amqp://u:hunter2@/v", "a host is missing"),
    ("postgresql://u:hunter2@[::1/x", "amqp://h", "IPv6"), ("mysql://u:hunter2@h/x", "amqp://h", "scheme")])
def test_a_wrong_address_says_what_is_wrong_but_not_the_password(tmp_path, database, broker, seen):
    settings = {"DATABASE_URL": database, "RABBITMQ_URL": broker}
    if not database and not broker:
        environment = clean_environment(**settings)
        done = subprocess.run([BINARY, "config"], env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2 and all(f"{name} is ''" in done.stderr for name in settings), done
    else:
        assert seen in refusal(tmp_path, **settings)


def test_a_pool_that_can_not_be_is_refused(tmp_path):
    said = refusal(tmp_path, POOL_MIN_SIZE=10, POOL_MAX_SIZE=5)
    assert "POOL_MIN_SIZE is 10" in said and "POOL_MAX_SIZE" in said and "5" in said


def test_config_masks_the_password_only():
    done = subprocess.run([BINARY, "config", "--json"], capture_output=True, text=True, timeout=30, check=True, env=clean_environment(
        DATABASE_URL="postgresql://ann:hunter2@db1:1,db2:2/d?sslpassword=hunter2&sslmode=require", RABBITMQ_URL="amqp://ann:hunter2@mq1,mq2/v",
        DATABASE_REPLICA_URL="host=db3 password='hunter2 x' dbname=d"))
    values = {name: value["value"] for name, value in json.loads(done.stdout).items()}
    assert values["DATABASE_URL"] == "postgresql://ann:****@db1:1,db2:2/d?sslpassword=****&sslmode=require"
    assert values["RABBITMQ_URL"] == "amqp://ann:****@mq1,mq2/v" and values["DATABASE_REPLICA_URL"] == "host=db3 password=**** dbname=d"


def test_what_kubernetes_sets_for_a_service_is_no_setting(start):
    server = start(EVENTBUS_PORT="tcp://10.0.0.1:8000", EVENTBUS_PORT_8000_TCP="tcp://10.0.0.1:8000", EVENTBUS_PORT_8000_TCP_PORT="8000",
                   EVENTBUS_PORT_8000_TCP_ADDR="10.0.0.1", EVENTBUS_SERVICE_HOST="10.0.0.1", EVENTBUS_SERVICE_PORT="8000")
    assert "EVENTBUS_PORT" not in server.log and "EVENTBUS_SERVICE" not in server.log
    server.client().publish(event_type="a")
