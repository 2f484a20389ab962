"""Outages that the contract gives figures and answers for."""
import pytest
from rig import Rig
from support.client import Client
from support.cluster import Cluster
from support.dependencies import rabbitmq
from support.waiting import eventually

TAKEN_OVER = 10  # seconds
PENDING = 500  # events


@pytest.fixture(scope="module", name="rig")
def made_once(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("outages"), 2) as cluster:
        rig = Rig(cluster, "outages")
        yield rig
        rig.expect_readable()


def test_another_instance_finishes_the_outbox_of_one_that_was_killed(rig):
    victim, other = rig.cluster.let_lead(rig.cluster.instances[0]), rig.cluster.instances[1]
    rig.start_load()
    victim.gates["rabbitmq"].stall()  # so that there is something to finish
    eventually(lambda: other.metric("eventbus_outbox_pending") >= PENDING, 60)
    victim.kill()
    rig.stop_publishing()
    eventually(lambda: other.metric("eventbus_outbox_pending") == 0, TAKEN_OVER)
    victim.gates["rabbitmq"].open()
    victim.start()
    rig.expect_recovery()


def test_publishing_goes_on_without_rabbitmq(rig):
    rabbitmq().stop()
    rig.start_load()
    try:
        for instance in rig.cluster.instances:
            expect_stored_only(instance)
            eventually(lambda one=instance: one.metric("eventbus_outbox_pending") >= PENDING, 60)
    finally:
        rabbitmq().start()
    rig.expect_recovery()
    for instance in rig.cluster.instances:
        eventually(lambda one=instance: one.metric("eventbus_outbox_pending") == 0)


def expect_stored_only(instance):
    client = Client(*instance.address)
    state = client.get("/ready")
    assert (state.status, state.json["rabbitmq"], state.json["postgres"]) == (503, "disconnected", "connected"), state
    event = {"event_type": "elsewhere"}
    assert client.post("/events", event).ok(201)["status"] == "stored"
    assert client.post("/events?wait=published&timeout_ms=100", event).ok(202)["status"] == "stored"
    client.close()
