"""Awaiting what the service does in its own time."""
import inspect
import itertools
import time

_numbers = itertools.count(1)


def unique(word):
    """A name nobody else of this process uses."""
    return f"{word}-{next(_numbers)}"


def wording(check):
    """The source of a condition, as a failure should name it."""
    try:
        return " ".join(inspect.getsource(check).split())
    except (OSError, TypeError):
        return repr(check)


def eventually(check, patience=30.0, every=0.02):
    """Calls `check` until it returns something true, and returns that; when patience ends, fails with what it waited for and the last value."""
    deadline = time.monotonic() + patience
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"still {value!r} after {patience} s of waiting for {wording(check)}"
        time.sleep(every)
