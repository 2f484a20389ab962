"""Rings once more, on newer versions of PostgreSQL and RabbitMQ than the installed ones."""
from rings.step import run

SERVERS = "/var/cache/eventbus-tests/debian-13/bin"


def newer(step):
    """The step on the servers of Debian 13."""
    def again(tally, options):
        run(tally, "script/debian", "13", show=True)
        tally.environment["EVENTBUS_TEST_SERVERS"] = SERVERS
        step(tally, options)

    again.__name__ = f"{step.__name__}_newer"
    again.__doc__ = f"{step.__doc__}; PostgreSQL 17 and RabbitMQ 4"
    return again
