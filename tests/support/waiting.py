"""Awaiting what the service does in its own time."""
import itertools
import time

_numbers = itertools.count(1)


def unique(word):
    """A name nobody else of this process uses."""
    return f"{word}-{next(_numbers)}"


def eventually(check, patience=30.0, every=0.02):
    """Calls `check` until it returns something true, and returns that; fails with its last value when patience ends."""
    deadline = time.monotonic() + patience
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"still {value!r} after {patience} s"
        time.sleep(every)
