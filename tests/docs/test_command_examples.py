"""Every example of docs/command-line.md runs against a service that holds what it speaks of."""
import gzip
import json
import re
import subprocess

import pytest

from support.server import BINARY, ROOT, Server, clean_environment

PAGE = ROOT / "docs/command-line.md"
ENDLESS = re.compile(r"eventbus (tail|serve)\b|subscribe (?!.*--(until-empty|max))")
NO_BREAKERS = re.compile(r"eventbus breakers (open|close|reset)\b")  # the embedded engine has none, and says so
ELSEWHERE = {"/var/lib/eventbus": "data", "/etc/eventbus.toml": "eventbus.toml", "0.0.0.0:9000": "127.0.0.1:0", "0199f0c2-5f3e-7000-8000-000000000000": "known"}


def examples():
    """The lines of its code blocks that are no synopsis and no comment."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if "eventbus" in line and "[OPTIONS]" not in line and "COMMAND" not in line and not line.startswith("#")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A service with the queues, dead letters and events that the examples name, and the files beside it."""
    place = tmp_path_factory.mktemp("examples")
    (place / "examples").symlink_to(ROOT / "examples")
    (place / "eventbus").symlink_to(BINARY)
    (place / "orders.json").write_text('[{"event_type":"order.paid"}]')
    (place / "send-mail.sh").write_text("#!/bin/sh\ncat > /dev/null\n")
    (place / "send-mail.sh").chmod(0o755)
    (place / "eventbus.toml").write_text('log_level = "INFO"\n')
    (place / ".config/fish/completions").mkdir(parents=True)
    with Server(place / "served") as server:
        bus = server.client()
        bus.put("/queues/audit", {"bindings": [{"routing_key": "#"}], "start_from": "beginning"}).ok(201)
        bus.publish(event_type="user.created", event_id="known")
        with gzip.open(ROOT / "examples/data/commits.ndjson.gz", "rt") as commits:
            bus.publish(**json.loads(commits.readline()))
        yield place, server


@pytest.mark.parametrize("example", examples())
def test_example(place, example):
    folder, server = place
    server.client().declare("mailer", "user.*")
    for theirs, ours in ELSEWHERE.items():
        example = example.replace(theirs, ours)
    example = re.sub(r"--events \d+", "--events 2000", example)
    command = example.replace("watch ", "").replace("source <(eventbus completion zsh", "cat <(eventbus completion zsh")
    if command.startswith("eventbus bench") and "--events" not in command:
        command += " --events 2000"
    if ENDLESS.search(command):
        command = re.sub(r"(?<![\w/-])eventbus (?=\w)", "timeout --signal=INT 1 eventbus ", command, count=1)
    environment = clean_environment(EVENTBUS_URL=server.url, EVENTBUS_LISTEN="127.0.0.1:0", HOME=folder)
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    expected = (0, 124, 130) if ENDLESS.search(command) else (4,) if NO_BREAKERS.search(command) else (0,)
    assert done.returncode in expected, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"


def test_there_are_examples():
    assert len(examples()) > 30
