"""No test and no ring waits for ever, none passes with nothing done, and none leaves processes behind."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from rings.step import Broken, Tally, run
from support.dependencies import alive
from support.waiting import eventually

TESTS = pathlib.Path(__file__).resolve().parents[1]


def gone(process):
    return eventually(lambda: not alive(process), 60)


def test_a_wait_says_what_it_waited_for():
    with pytest.raises(AssertionError, match=r"still 0 after 0.01 s of waiting for .*moon\.count\("):
        moon = []
        eventually(lambda: moon.count("rise"), patience=0.01)


@pytest.mark.parametrize("deaf", ["", "trap '' INT; "])
def test_a_command_that_does_not_end_is_ended_with_what_it_started(capsys, deaf, monkeypatch):
    monkeypatch.setattr("rings.step.GRACE", 1)
    tally = Tally()
    with pytest.raises(Broken):
        run(tally, "bash", "-c", f"{deaf}sleep 600 & echo child $!; while true; do wait; done", show=True, within=2)
    said = capsys.readouterr().out
    assert "not over within 2 s" in said and tally.failed == 1
    assert gone(int(re.search(r"child (\d+)", said)[1]))


def test_a_command_in_time(capsys):
    tally = Tally()
    run(tally, "true", check=True, within=60)
    assert (tally.passed, tally.failed) == (1, 0) and capsys.readouterr().out == ""


@pytest.mark.parametrize("said, passed", [("[  PASSED  ] 0 tests.", 0), ("No tests were found!!!", 0), ("2: [  PASSED  ] 3 tests.", 3), ("4 passed in 0.1s", 4)])
def test_a_command_that_runs_no_test_fails(capsys, said, passed):
    tally = Tally()
    with contextlib.nullcontext() if passed else pytest.raises(Broken):
        run(tally, "echo", said, counts=True)
    assert (tally.passed, tally.failed) == (passed, not passed) and ("no test ran" in capsys.readouterr().out) == (not passed)


@pytest.mark.parametrize("said, name", [
    ("3: [  FAILED  ] A/B.c/d, where GetParam() = d (5 ms)", "A/B.c/d"), ("[  FAILED  ] A.b (5 ms)", "A.b"), ("FAILED tests/a.py::test_b[c] - why", "tests/a.py::test_b[c]"),
    ("ERROR tests/a.py::test_b - why", "tests/a.py::test_b"), ("[  FAILED  ] A.b", None), ("[  FAILED  ] 1 test, listed below:", None)])
def test_what_failed_is_named(said, name):
    tally = Tally()
    tally.count(said)
    assert tally.failures == ([name] if name else [])


STARTER = """
import sys, time
from support.dependencies import Dependency, free_port, programs, server_user
one = Dependency(server_user("nobody"))
one.spawn(programs("/usr/bin") / "epmd", PATH="/usr/bin:/bin", ERL_EPMD_PORT=str(free_port()), ERL_EPMD_ADDRESS="127.0.0.1")
print(one.folder, one.process.pid, flush=True)
time.sleep(600)
"""


def test_a_killed_test_takes_its_servers_with_it(tmp_path):
    os.chmod(tmp_path, 0o700)  # where servers can't go
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE, text=True) as test:
        folder, server = test.stdout.readline().split()
        assert alive(int(server)) and os.readlink(f"/proc/{server}/cwd") == folder
        test.send_signal(signal.SIGKILL)
    assert gone(int(server))
    pathlib.Path(folder, "output.log").unlink()
    pathlib.Path(folder).rmdir()
