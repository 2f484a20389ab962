"""Death at named points (eventbus/runtime/crash_point.hpp), at an early and at a later pass."""
import signal

import pytest

from recovery import Rig
from support.server import Server

POINTS = ("store.before_commit", "store.after_commit", "publish.before_answer", "broker.before_ack_commit", "broker.after_ack_commit")


@pytest.mark.parametrize("turn", [1, 2, 17, 60])
@pytest.mark.parametrize("point", POINTS)
def test_death_at(tmp_path, point, turn):
    server = Server(tmp_path / "data")
    rig = Rig(server, f"{point}:{turn}")
    workers = rig.start_workers()
    for worker in workers:
        worker.stopping.set()
        worker.join(30)
    server.stop()
    server.settings["EVENTBUS_CRASH_POINT"] = f"{point}:{turn}"
    server.start()
    workers = rig.start_workers()
    assert server.wait(60) == -signal.SIGKILL
    for worker in workers:
        worker.join(30)
    del server.settings["EVENTBUS_CRASH_POINT"]
    server.start()
    rig.expect_no_violation()
    rig.prove_recovery()
