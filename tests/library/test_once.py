"""A handler takes effect once for each event, whenever its program is killed."""
import subprocess

import pytest

from support.children import ending_with_us
from support.programs import run

EVENTS = 40


@pytest.fixture(params=["postgresql", "sqlite"])
def database(request, settings, tmp_path):
    if request.param == "sqlite":
        return str(tmp_path / "handled.db")
    run("psql", settings["DATABASE_URL"], "-qc", "DROP TABLE IF EXISTS balance, eventbus_handled_events, eventbus_schema_versions")
    return settings["DATABASE_URL"]


def outcome(consumer, database):
    """What a whole run says: the events that it did, and the balance."""
    lines = run(consumer / "once", database, EVENTS).splitlines()
    assert len(lines) == EVENTS + 1
    return [line for line in lines if line.startswith("done ")], lines[-1]


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_killed_at_its_commit(consumer, database, point):
    # The first commit is that of the table.
    run(consumer / "once", database, EVENTS, EVENTBUS_CRASH_POINT=f"library.{point}:8", fails=True)
    done, balance = outcome(consumer, database)
    assert len(done) == EVENTS - (6 if point == "before_commit" else 7)
    assert balance == f"balance {EVENTS}"


def test_killed_again_and_again(consumer, database):
    for lines in (1, 3, 5, 9, 13, 21):
        with subprocess.Popen([consumer / "once", database, str(EVENTS)], stdout=subprocess.PIPE, text=True,
                              preexec_fn=ending_with_us()) as process:
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
    assert outcome(consumer, database)[1] == f"balance {EVENTS}"


def test_several_at_a_time(consumer, database):
    run(consumer / "once", database, 0)
    processes = [subprocess.Popen([consumer / "once", database, str(EVENTS)], stdout=subprocess.PIPE, text=True,
                                  preexec_fn=ending_with_us()) for _ in range(3)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum(line.startswith("done ") for output in outputs for line in output.splitlines()) == EVENTS
    assert outcome(consumer, database) == ([], f"balance {EVENTS}")
