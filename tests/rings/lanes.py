"""Rings one after the other, and beside them those that only want the processor."""
import threading
import time

from rings.step import Broken, Tally
from rings.steps import BESIDE, build_release


class Lanes:
    """Runs rings in their order, in two lanes: this thread, and a second one for those that may run beside others once the program is built.
    `options` are those of the command line."""

    def __init__(self, options):
        self.options = options
        self.passed = self.failed = 0
        self.broken, self.not_run = [], []
        self.failures = []  # names of failed tests, with their ring
        self._lock = threading.Lock()

    def run(self, steps):
        """(tests passed, tests failed, names of broken rings). The first broken ring ends both lanes, each behind the ring it is at."""
        first = [step for step in steps if step not in BESIDE]
        beside = [step for step in steps if step in BESIDE]
        start = first.index(build_release) + 1 if build_release in first else 0
        self._lane(first[:start])
        second = threading.Thread(target=self._lane, args=(beside, bool(first[start:])))
        second.start()
        self._lane(first[start:])
        second.join()
        if self.not_run:
            print(f"==> stopped at {', '.join(self.broken)}; not run: {', '.join(self.not_run)}")
        return self.passed, self.failed, self.broken

    def _lane(self, steps, beside=False):
        for step in steps:
            if self.broken and not self.options.keep_going:
                self.not_run.append(step.__name__)
            else:
                self._ring(step, beside)

    def _ring(self, step, beside):
        tally, start, broken = Tally(beside), time.monotonic(), False
        tally.say(f"==> {step.__name__}: {step.__doc__}")
        try:
            step(tally, self.options)
        except Broken:
            broken = True
        except Exception as problem:  # a ring that can't run is broken too, and says so in its lane
            tally.say(f"    FAILED: {type(problem).__name__}: {problem}")
            tally.failed += 1
            broken = True
        tally.say(f"    {step.__name__} took {time.monotonic() - start:.0f} s")
        with self._lock:
            if beside:
                print(tally.told(), flush=True)
            self.passed += tally.passed
            self.failed += tally.failed
            self.failures += (f"{step.__name__}: {name}" for name in tally.failures)
            if broken:
                self.broken.append(step.__name__)
