"""Death of one of two instances at named points (eventbus/runtime/crash_point.hpp) under load. EVENTBUS_CHAOS_SEED repeats the passes."""
import os
import random
import signal
import time

import pytest
from rig import Rig
from support.cluster import Cluster

SEED = os.environ.get("EVENTBUS_CHAOS_SEED") or str(time.time_ns())
POINTS = ("store.before_commit", "store.after_commit", "publish.before_answer", "relay.before_publish", "relay.before_removal", "relay.after_removal",
          "broker.before_delivery", "broker.before_ack_commit", "broker.after_ack_commit", "broker.before_retry_ack")
RARE = "broker.before_retry_ack"  # few deliveries are failed


@pytest.fixture(scope="module", name="rig")
def made_once(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("points"), 2) as cluster:
        rig = Rig(cluster, SEED)
        yield rig
        rig.expect_readable()


@pytest.mark.parametrize("point", POINTS)
def test_the_other_instance_makes_good_a_death_at(rig, point):
    turn = 1 if point == RARE else random.Random(f"{SEED} {point}").choice((1, 2, 5, 15))
    print(f"{point}:{turn}, seed {SEED}")
    victim = rig.cluster.let_lead(rig.cluster.instances[0], EVENTBUS_CRASH_POINT=f"{point}:{turn}")
    rig.start_load()
    assert victim.wait(60) == -signal.SIGKILL
    victim.start()
    rig.expect_recovery()
