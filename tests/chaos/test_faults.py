"""Faults of every kind under load, with two and three instances. EVENTBUS_CHAOS_ROUNDS sets how many, EVENTBUS_CHAOS_SEED repeats a run,
EVENTBUS_CHAOS_FAULT chooses one kind."""
import os
import random
import time

import pytest
from rig import Rig
from support import faults
from support.cluster import Cluster

ROUNDS = int(os.environ.get("EVENTBUS_CHAOS_ROUNDS", "8"))
SEED = os.environ.get("EVENTBUS_CHAOS_SEED") or str(time.time_ns())
ONLY = os.environ.get("EVENTBUS_CHAOS_FAULT")


def chosen(chance):
    """Every kind once in random order, then again."""
    kinds = [ONLY] if ONLY else list(faults.FAULTS)
    while True:
        chance.shuffle(kinds)
        yield from kinds


@pytest.mark.timeout(600 + 120 * ROUNDS)
def test_nothing_is_lost_whatever_fails(tmp_path, capsys):
    chance = random.Random(SEED)
    kinds = chosen(chance)
    with Cluster(tmp_path, chance.choice((2, 3))) as cluster:
        rig = Rig(cluster, SEED)
        for number in range(1, ROUNDS + 1):
            kind = next(kinds)
            rig.start_load()
            faults.let_run(chance, 0.3, 1.5)
            with capsys.disabled():
                print(f"\n  round {number}/{ROUNDS}, seed {SEED}: {kind}", end="", flush=True)
            began = time.monotonic()
            faults.FAULTS[kind](cluster, chance)
            over = time.monotonic()
            rig.expect_recovery()
            with capsys.disabled():
                print(f" ({over - began:.1f} s), all well after {time.monotonic() - over:.1f} s; {rig.ledger.summary()}", end="", flush=True)
        rig.expect_readable()
        rig.expect_no_violation()
    with capsys.disabled():
        print(f"\n  {ROUNDS} faults survived: nothing lost, keys in order, no restart but where the fault was one", flush=True)
