"""The disk is full: 503 and nothing half stored; it works again when there is space."""
import functools
import os
import resource
import signal
import subprocess

import pytest

ROOM = 24 << 20


@pytest.fixture(name="start")
def start_embedded(start):
    """These tests are about the files of the embedded engine."""
    return functools.partial(start, EVENTBUS_ENGINE="embedded")


@pytest.fixture
def disk(tmp_path):
    """A small file system: a directory on it, and a way to fill and to empty it. Needs root."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def may_mount():
    """Whether this process may mount (root, and not confined)."""
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return os.geteuid() == 0 and probe.returncode == 0


def publish_until_refused(bus):
    """Publishes 100 KB events until 503; the ids that were accepted."""
    accepted = []
    for _ in range(2000):
        answer = bus.post("/events", {"event_type": "big", "payload": {"text": "x" * 100_000}})
        if answer.status != 201:
            answer.problem(503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            return accepted
        accepted.append(answer.json["event_id"])
    raise AssertionError("the disk never was full")


def expect_intact(bus, accepted):
    assert all(bus.get(f"/events/{event_id}").status == 200 for event_id in accepted)
    assert {event["event_id"] for event in every_event(bus, "big")} >= set(accepted)


def every_event(bus, event_type):
    """All of a type; pages of large events are shorter than their limit."""
    events, cursor = [], ""
    while cursor is not None:
        page = bus.get(f"/events?event_type={event_type}&limit=10000{cursor and '&cursor=' + cursor}").ok(200)
        events += page["events"]
        cursor = page["next_cursor"]
    return events


def expect_whole_batches(bus):
    """Batches until one is refused: each is stored whole or not at all."""
    batch, stored = [{"event_type": "batch", "payload": {"text": "x" * 400_000}}] * 8, 0
    while (answer := bus.post("/events/batch", {"events": batch})).status == 201:
        stored += 1
    answer.problem(503, "unavailable")
    assert len(every_event(bus, "batch")) == 8 * stored


def limited():
    """For the child: no file may grow past ROOM, and writing there fails instead of killing."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_file_size_limit_reached_and_lifted(start):
    """As any user: the limit of the running process is lifted with prlimit."""
    server = start(before=limited)
    bus = server.client()
    accepted = publish_until_refused(bus)
    expect_intact(bus, accepted)
    expect_whole_batches(bus)
    assert bus.get("/health").status == 200
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    accepted.append(bus.publish(event_type="big"))
    server.stop()
    expect_intact(server.start().client(), accepted)


def full_disk_and_room_again(start, disk):
    """As root: a real file system that is full."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * (8 << 20))
    server = start(directory=disk / "data")
    bus = server.client()
    bus.declare("q", "#")
    accepted = publish_until_refused(bus)
    expect_intact(bus, accepted)
    ballast.unlink()
    accepted.append(bus.publish(event_type="big"))
    assert [d["event"]["event_id"] for d in bus.drain("q", len(accepted))] == accepted
    server.stop()
    expect_intact(server.start().client(), accepted)
    server.stop()


if may_mount():
    test_a_full_disk_and_room_again = full_disk_and_room_again
