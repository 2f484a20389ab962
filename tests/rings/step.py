"""Running the commands of a ring, counting their tests."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from rings.excerpt import excerpt
from support.children import ending_with_us

GRACE = 30  # seconds for a command that is told to end
HOUR = 3600
ROOT = pathlib.Path(__file__).resolve().parents[2]
FAILED = re.compile(r"^\[  FAILED  \] (\S+)(?:, where .*)? \(\d+ ms\)$|^(?:FAILED|ERROR) (\S+::\S+)")  # GoogleTest, pytest
RESULTS = (re.compile(r"^\[  (PASSED|FAILED)  \] (\d+) tests?[.,]"), re.compile(r"^\d+ \w+.* in [\d.:]+s\b"))


def results(line):
    """(passed, failed) that a line of GoogleTest's or pytest's summary tells."""
    if found := RESULTS[0].match(line):
        return (int(found[2]), 0) if found[1] == "PASSED" else (0, int(found[2]))
    if RESULTS[1].match(line):
        words = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", line)}
        return words.get("passed", 0), words.get("failed", 0) + words.get("error", 0)
    return 0, 0


class Broken(Exception):
    """A command failed; its output has been shown."""


class Tally:
    """A ring as it runs: its tests passed and failed, and what it has to say, told at once or, `beside` other rings, in one piece at its end.
    The commands of a ring beside others leave them the processor when there isn't enough of it. All see `environment` besides their own."""

    def __init__(self, beside=False):
        self.passed = self.failed = 0
        self.failures = []  # names of failed tests
        self.prefix = ("nice", "-n", "10") if beside else ()
        self.environment = {}
        self._later = [] if beside else None

    def count(self, line):
        line = re.sub(r"^\d+: ", "", line)  # ctest --verbose numbers its lines
        passed, failed = results(line)
        self.passed += passed
        self.failed += failed
        if name := FAILED.match(line):
            self.failures.append(name[1] or name[2])

    def say(self, text):
        if self._later is None:
            print(text, flush=True)
        else:
            self._later.append(text)

    def told(self):
        """What was kept for the end."""
        return "\n".join(self._later or ())


class Deadline:
    """Ends a command with everything it started, when it isn't over in time."""

    def __init__(self, process, seconds):
        self.process, self.expired = process, False
        self.timer = threading.Timer(seconds, self._expire)

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, kind, *_):
        self.timer.cancel()
        if kind:
            self._end(signal.SIGKILL)

    def _end(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _expire(self):
        self.expired = True
        self._end(signal.SIGINT)  # pytest shows where it was, and ends its servers
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        self._end(signal.SIGKILL)


def run(tally, *command, show=False, counts=False, check=False, within=HOUR, **environment):
    """Runs a command. Output is shown as it comes with `show`, else only when the command fails. With `counts`, lines of
    test programs are counted, and none is a failure; with `check`, the command itself counts as one test. It fails when it isn't over `within`
    so many seconds."""
    began, lines = time.monotonic(), []
    passed, failed = tally.passed, tally.failed
    with subprocess.Popen(list(map(str, (*tally.prefix, *command))), cwd=ROOT, env=os.environ | tally.environment | environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                          preexec_fn=ending_with_us(signal.SIGTERM)) as process, Deadline(process, within) as deadline:
        for line in process.stdout:
            lines.append(line)
            if show:
                tally.say("    " + line.rstrip("\n"))
            if counts:
                tally.count(line.rstrip())
    if check:
        tally.passed += process.returncode == 0 and not deadline.expired
    if deadline.expired:
        tally.say(f"    not over within {within:.0f} s; its last lines:\n" + "".join(lines[-20:]))
    none = counts and (tally.passed, tally.failed) == (passed, failed)
    if process.returncode or deadline.expired or none:
        if not show:
            tally.say("".join(excerpt(lines)))
        if none:
            tally.say("    no test ran")
        if tally.failed == failed:
            tally.failed += 1
        tally.say(f"    FAILED after {time.monotonic() - began:.0f} s, status {process.returncode}: {' '.join(map(str, command))}")
        raise Broken
