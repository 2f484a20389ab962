"""Output that can't be written is a failure: of every command, on every kind of broken standard output."""
import os
import subprocess

import pytest

from support.server import BINARY, clean_environment, run
from support.waiting import unique

PATIENCE = 60

# Without a server, with one, and those that write again and again.
ALONE = [("--help",), ("help",), ("help", "--markdown"), ("serve", "--help"), ("version",), ("version", "--json"), ("--version",), ("config",),
         ("config", "--json"), ("config", "--markdown"), ("completion", "bash"), ("completion", "fish")]
READING = [("events", "list", "--json"), ("events", "list"), ("events", "list", "--all"), ("events", "get", "{event}"),
           ("events", "get", "{event}", "--json"), ("queues", "list"), ("queues", "list", "--json"), ("queues", "show", "{queue}"),
           ("dead-letters", "list", "{queue}"), ("dead-letters", "list", "{queue}", "--json"), ("breakers", "list", "--json"),
           ("publish", "--type", "a"), ("queues", "pause", "{queue}"), ("bench", "--events", "1")]
FOLLOWING = [("tail", "--from", "beginning"), ("tail", "--from", "beginning", "--max", "1", "--json"),
             ("subscribe", "{queue}", "--until-empty"), ("subscribe", "{queue}", "--json")]


@pytest.fixture(name="call")
def call_with(server, bus):
    """Runs a command with this standard output; its exit status and what it said."""
    queue = unique("output")
    bus.declare(queue, bindings=[{"routing_key": queue}])
    bus.publish(event_type=queue)
    bus.nack(queue, bus.receive_one(queue), requeue=False)
    event = bus.publish(event_type=queue)

    def call(arguments, output):
        words = [word.format(event=event, queue=queue) for word in arguments]
        done = subprocess.run([BINARY, *words], env=clean_environment(EVENTBUS_URL=server.url), stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.PIPE, timeout=PATIENCE, text=True, check=False)
        return done.returncode, done.stderr

    return call


@pytest.mark.parametrize("arguments", ALONE + READING + FOLLOWING, ids=" ".join)
def test_a_full_disk_is_told(call, arguments):
    with open("/dev/full", "wb") as full:
        status, said = call(arguments, full)
    assert status == 1 and said.endswith("eventbus: can't write the output: No space left on device\n"), said


@pytest.mark.parametrize("arguments", ALONE + READING + FOLLOWING, ids=" ".join)
def test_a_reader_that_went_away_is_no_news(call, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:
        status, said = call(arguments, closed)
    assert status == 1 and "write" not in said and "ipe" not in said, said


@pytest.mark.parametrize("arguments", [("version",), ("events", "list", "--json"), ("tail", "--from", "beginning")], ids=" ".join)
def test_a_closed_output_is_told(server, arguments):
    server.client().publish(event_type="a")
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", BINARY, *arguments], env=clean_environment(EVENTBUS_URL=server.url),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, text=True, check=False)
    assert done.returncode == 1 and "can't write the output" in done.stderr, done


def test_what_was_not_printed_is_not_acknowledged(server, bus):
    queue = unique("output")
    bus.declare(queue, bindings=[{"routing_key": queue}], lease_ms=500)
    event = bus.publish(event_type=queue)
    with open("/dev/full", "wb") as full:
        subprocess.run([BINARY, "subscribe", queue, "--until-empty"], env=clean_environment(EVENTBUS_URL=server.url), stdout=full,
                       stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    (delivery,) = bus.drain(queue, 1)
    assert delivery["event"]["event_id"] == event


def test_what_can_be_written_is_complete(server, bus):
    kind = unique("output")
    bus.publish_many({"event_type": kind, "payload": {"n": n}} for n in range(3000))
    assert len(run("events", "list", "--type", kind, "--all", EVENTBUS_URL=server.url).stdout.splitlines()) == 3000
