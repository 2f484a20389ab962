"""kill -9 at random moments under load. EVENTBUS_CRASH_ROUNDS sets how often, EVENTBUS_CRASH_SEED repeats a run."""
import os
import random
import time

import pytest
from recovery import Rig
from support.server import Server

ROUNDS = int(os.environ.get("EVENTBUS_CRASH_ROUNDS", "20"))
SEED = os.environ.get("EVENTBUS_CRASH_SEED") or str(time.time_ns())


@pytest.mark.timeout(600 + 60 * ROUNDS)
def test_kill_under_load(tmp_path, capsys):
    moments = random.Random(SEED)
    server = Server(tmp_path / "data")
    rig = Rig(server, SEED)
    for number in range(1, ROUNDS + 1):
        workers = rig.start_workers()
        time.sleep(moments.uniform(0.02, 1.2))  # the load's duration: this is what a round varies
        server.kill()
        for worker in workers:
            worker.join(30)
        server.start()
        rig.expect_no_violation()
        with capsys.disabled():
            if number % 10 == 0 or number == ROUNDS:
                print(f"\n  round {number}/{ROUNDS}, seed {SEED}: {rig.ledger.summary()}", end="", flush=True)
    rig.prove_recovery()
    with capsys.disabled():
        print(f"\n  {ROUNDS} kills survived: {rig.ledger.summary()}; nothing lost, nothing came back", flush=True)
