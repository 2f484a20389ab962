"""Circuit breakers by hand: GET /breakers, POST /breakers/{name}/open|close|reset, and `eventbus breakers`."""
import json

import pytest

from support.client import RELAYS
from support.server import run

NAMES = ["postgres", "rabbitmq"] if RELAYS else []  # the embedded engine depends on nothing
ACTIONS = ("open", "close", "reset")


@pytest.fixture
def cli(server):
    def call(*arguments, status=0):
        done = run("breakers", *arguments, EVENTBUS_URL=server.url)
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done
    return call


def test_list(bus):
    expected = [{"name": name, "state": "closed", "failures": 0, "next_probe_at": None, "held_open": False} for name in NAMES]
    assert bus.get("/breakers").ok(200) == {"breakers": expected}


def test_unknown_names(bus):
    for action in ACTIONS:
        problem = bus.post(f"/breakers/mysql/{action}").problem(404, "not_found")
        assert all(name in problem["detail"] for name in NAMES) and "mysql" in problem["detail"]
    bus.post("/breakers/postgres/explode").problem(404, "not_found")


def test_wrong_methods(bus):
    assert bus.request("PUT", "/breakers").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert bus.get("/breakers/postgres/open").headers["Allow"] == "OPTIONS, POST"


def test_command_line(bus, cli):
    listed = cli("list")
    assert all(name in listed.stdout for name in NAMES)
    assert NAMES or "no circuit breakers" in listed.stderr
    assert json.loads(cli("list", "--json").stdout) == bus.get("/breakers").json
    for name in NAMES:
        assert json.loads(cli("open", name, "--json").stdout)["held_open"] is True
        assert "open, held by hand" in cli("list").stdout
        assert "closed" in cli("close", name).stdout
        assert "reset" in cli("reset", name).stdout
    for action in ACTIONS:
        assert "There is no circuit breaker 'mysql'" in cli(action, "mysql", status=4).stderr
