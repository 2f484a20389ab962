"""Runs tests against a program with one fault, or with none to see which faults they come by."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from mutation.tree import ROOT
from support.children import ending_with_us

HOUR = 3600


class Check:
    """A command that fails when it notices a fault. Once it has passed without one, `seconds` is how long that took and `reached` holds the
    numbers of the faults it came by."""

    def __init__(self, name, *command, **environment):
        self.name, self.command, self.environment = name, list(map(str, command)), environment
        self.seconds, self.reached = 0.0, frozenset()

    def learn(self):
        """Whether it passes without a fault."""
        with tempfile.NamedTemporaryFile(prefix="eventbus-mutants-") as reached:
            reached.truncate(65536)
            began = time.monotonic()
            passed = self._passes(HOUR, MUTANTS_REACHED=reached.name)
            self.seconds = time.monotonic() - began
            self.reached = frozenset(number for number, byte in enumerate(pathlib.Path(reached.name).read_bytes()) if byte)
        return passed

    def notices(self, fault):
        """Whether it fails, or hangs, with this fault."""
        return not self._passes(3 * self.seconds + 30, MUTANT=str(fault.number))

    def _passes(self, within, **environment):
        with subprocess.Popen(self.command, cwd=ROOT / "tests", env=os.environ | self.environment | environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=ending_with_us(signal.SIGKILL)) as process:
            try:
                return process.wait(within) == 0
            except subprocess.TimeoutExpired:
                return False
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
