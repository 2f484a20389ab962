"""eventbus queues, subscribe, dead-letters and bench, as somebody types them."""
import json
import re
import subprocess

import pytest

from support.server import BINARY, clean_environment, run
from support.waiting import eventually, unique


@pytest.fixture
def cli(server):
    def call(*arguments, status=0, stdin=None):
        done = run(*arguments, stdin=stdin, EVENTBUS_URL=server.url)
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done
    return call


@pytest.fixture
def queue(cli):
    name = unique("cli-q")
    cli("queues", "declare", name, "--bind", name, "--max-retries", "1", "--retry-delay-ms", "1")
    return name


def test_declare_show_and_list(cli, bus):
    name = unique("cli-q")
    cli("queues", "declare", name, "--bind", "a.*", "--bind", "b.#", "--exchange", "shop", "--ordered", "--start-from", "beginning", "--max-retries",
        "9", "--retry-delay-ms", "5", "--retry-backoff", "1.5", "--retry-max-delay-ms", "50", "--lease-ms", "7000", "--message-ttl-ms", "9000",
        "--max-length", "10", "--overflow", "drop_oldest")
    shown = bus.queue(name)
    assert shown["bindings"] == [{"exchange": "shop", "routing_key": "a.*"}, {"exchange": "shop", "routing_key": "b.#"}]
    assert (shown["ordered"], shown["start_from"], shown["max_retries"], shown["retry_backoff"]) == (True, "beginning", 9, 1.5)
    assert json.loads(cli("queues", "show", name, "--json").stdout)["lease_ms"] == 7000
    assert "drop_oldest" in cli("queues", "show", name).stdout
    assert name in cli("queues", "list").stdout
    assert name in [queue["name"] for queue in json.loads(cli("queues", "list", "--json").stdout)["queues"]]


def test_a_definition_may_be_a_file(cli, bus, tmp_path):
    name = unique("cli-q")
    (tmp_path / "queue.json").write_text('{"bindings":[{"routing_key":"x"}],"max_retries":8}')
    cli("queues", "declare", name, "--definition", tmp_path / "queue.json")
    assert bus.queue(name)["max_retries"] == 8


def test_pause_resume_purge_delete(cli, bus, queue):
    bus.publish(event_type=queue)
    cli("queues", "pause", queue)
    assert bus.queue(queue)["paused"] is True
    cli("queues", "resume", queue)
    assert bus.queue(queue)["paused"] is False
    assert "1 events" in cli("queues", "purge", queue, "--yes").stdout
    cli("queues", "delete", queue, "--yes")
    cli("queues", "show", queue, status=4)


def test_subscribe_prints_and_acknowledges(cli, bus, queue):
    ids = [bus.publish(event_type=queue, payload={"n": n}) for n in range(3)]
    lines = cli("subscribe", queue, "--until-empty", "--json").stdout.splitlines()
    assert [json.loads(line)["event"]["event_id"] for line in lines] == ids
    info = bus.queue(queue)
    assert info["ready"] + info["in_flight"] == 0


def test_subscribe_runs_a_handler_whose_status_decides(cli, bus, queue, tmp_path):
    good, bad = bus.publish(event_type=queue, payload={"ok": True}), bus.publish(event_type=queue, payload={"ok": False})
    handler = f"cat >> {tmp_path}/seen; echo $EVENTBUS_EVENT_ID $EVENTBUS_ATTEMPT >> {tmp_path}/names; test $EVENTBUS_EVENT_ID = {good}"
    cli("subscribe", queue, "--exec", handler, "--max", "3")
    assert sorted((tmp_path / "names").read_text().splitlines()) == sorted([f"{good} 1", f"{bad} 1", f"{bad} 2"])
    assert json.loads((tmp_path / "seen").read_text().splitlines()[0])["event_id"] == good
    letters = eventually(lambda: bus.dead_letters(queue))
    assert [(letter["event"]["event_id"], letter["reason"], letter["attempts"]) for letter in letters] == [(bad, "exit status 1", 2)]


def test_subscribe_ends_on_ctrl_c(server, bus, queue):
    bus.publish(event_type=queue)
    with subprocess.Popen([BINARY, "subscribe", queue, "--json"], env=clean_environment(EVENTBUS_URL=server.url), stdout=subprocess.PIPE,
                          text=True) as process:
        process.stdout.readline()
        process.send_signal(2)
        assert process.wait(30) in (0, 130)


def test_dead_letters(cli, bus, queue):
    ids = [bus.publish(event_type=queue) for _ in range(3)]
    for delivery in bus.receive(queue):
        bus.nack(queue, delivery, requeue=False, reason="broken")
    assert "broken" in cli("dead-letters", "list", queue).stdout
    listed = json.loads(cli("dead-letters", "list", queue, "--json").stdout)
    assert [letter["event"]["event_id"] for letter in listed["dead_letters"]] == ids
    cli("dead-letters", "redrive", queue, "--all", "--dry-run")
    assert bus.queue(queue)["dead_letters"] == 3
    assert cli("dead-letters", "redrive", queue, "--all").stdout == "3 dead letters redriven\n"
    assert len(bus.drain(queue, 3)) == 3


def test_dead_letters_that_a_full_queue_leaves(cli, bus, queue):
    for _ in range(3):
        bus.publish(event_type=queue)
    for delivery in bus.receive(queue):
        bus.nack(queue, delivery, requeue=False)
    bus.declare(queue, queue, max_length=2, overflow="reject")
    said = "{}\n1 {} left, since the queue takes no more. Redrive them when consumers have caught up.\n"
    assert cli("dead-letters", "redrive", queue, "--all", "--dry-run").stdout == said.format("2 dead letters would be redriven", "would be")
    assert cli("dead-letters", "redrive", queue, "--all").stdout == said.format("2 dead letters redriven", "are")
    assert len(bus.drain(queue, 2)) == 2


def test_bench_checks_its_own_load(cli):
    done = cli("bench", "--events", "2000", "--json")
    report = json.loads(done.stdout)
    assert "lost" in json.dumps(report) and not re.search(r'"(lost|out_of_order|foreign)": *[1-9]', json.dumps(report))


def test_config_shows_values_and_sources():
    done = run("config", "--json", LOG_LEVEL="DEBUG", EVENTBUS_LISTEN="127.0.0.1:1234")
    values = json.loads(done.stdout)
    assert values["LOG_LEVEL"] == {"value": "DEBUG", "source": "environment"} and values["EVENTBUS_LISTEN"]["value"] == "127.0.0.1:1234"
    assert values["EVENTBUS_DRAIN_SECONDS"]["source"] == "default"
    assert "EVENTBUS_DATA_DIR" in run("config").stdout


def test_version():
    assert re.search(r"\d+\.\d+\.\d+", run("version").stdout)
    assert json.loads(run("version", "--json").stdout)["version"]


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", None), ("fish", None)])
def test_completion(shell, check, tmp_path):
    done = run("completion", shell)
    assert done.returncode == 0 and "dead-letters" in done.stdout
    if check:
        (tmp_path / "script").write_text(done.stdout)
        assert subprocess.run([*check, tmp_path / "script"], check=False).returncode == 0


COMMANDS = ["serve", "publish", "subscribe", "tail", "events", "events list", "events get", "queues", "queues list", "queues declare", "queues show",
            "queues delete", "queues purge", "dead-letters", "dead-letters list", "dead-letters redrive", "bench", "config", "version", "completion"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    done = run(*command.split(), "--help")
    assert done.returncode == 0 and not done.stderr
    assert "eventbus " + command in done.stdout and ("xample" in done.stdout or " list" in done.stdout or command in ("version",)), done.stdout


def test_the_program_lists_its_commands():
    done = run("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS if " " not in command)
