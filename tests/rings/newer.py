"""Rings once more, on newer versions of PostgreSQL and RabbitMQ than the installed ones."""
from argparse import Namespace

from rings.step import run

SERVERS = "/var/cache/eventbus-tests/debian-13/bin"
USUAL_COUNTS = Namespace(full=False)  # what can go wrong there by chance goes wrong on the installed ones


def newer(step):
    """The step on the servers of Debian 13."""
    def again(tally, _):
        run(tally, "script/debian", "13", show=True)
        tally.environment["EVENTBUS_TEST_SERVERS"] = SERVERS
        step(tally, USUAL_COUNTS)

    again.__name__ = f"{step.__name__}_newer"
    again.__doc__ = f"{step.__doc__}; PostgreSQL 17 and RabbitMQ 4"
    return again
