"""A fault of the program itself in work that nobody waits for: the process ends and says so, and its next life goes on."""
import http.client
import os

import pytest

from support.waiting import eventually

GONE = (http.client.HTTPException, OSError)
ENGINE = os.environ.get("EVENTBUS_TEST_ENGINE", "embedded")


def fill(bus):
    bus.declare("late", "#", start_from="beginning")


def acknowledge(bus):
    bus.ack("q", *bus.receive("q", max=10, wait_ms=20000))


def publish(bus):
    bus.publish(event_id="three", event_type="t")


def let_a_lease_end(bus):
    bus.receive("q", max=10, wait_ms=20000)


FAULTS = {"embedded": [("broker.before_fill", fill), ("broker.before_ack_commit", acknowledge)],
          "production": [("relay.before_publish", publish), ("relay.before_removal", publish), ("broker.before_retry_ack", let_a_lease_end)]}


@pytest.mark.parametrize("point, provoke", FAULTS[ENGINE], ids=[point for point, _ in FAULTS[ENGINE]])
def test_the_process_ends_and_its_next_life_goes_on(start, point, provoke):
    server = start()
    bus = server.client()
    bus.declare("q", "#", lease_ms=1000)
    for name in ("one", "two"):
        bus.publish(event_id=name, event_type="t")
    server.stop()

    server.settings["EVENTBUS_CRASH_POINT"] = f"{point}:1:throw"
    try:
        server.start()
        provoke(server.client())
    except (*GONE, AssertionError):
        pass  # it may end before it answers, or has started; how it ended is told below
    assert server.wait() == 1
    assert "asked for at " + point in server.log and "start it again" in server.log

    del server.settings["EVENTBUS_CRASH_POINT"]
    bus = server.start().client()
    seen = set()

    def arrived():
        seen.update(delivery["event"]["event_id"] for delivery in bus.receive("q", max=10, wait_ms=1000))
        return {"one", "two"} <= seen

    eventually(arrived)

