"""Nothing can be read before it is on disk, however it is read: the disk is held still, and nobody sees the event meanwhile."""
import subprocess
import threading

import pytest

from support.sse import EventSource
from support.waiting import eventually

HELD_FDATASYNC = """
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int fdatasync(int file) {
  const char* hold = getenv("TEST_HOLD_FLUSH");
  char arrived[4096];
  snprintf(arrived, sizeof arrived, "%s.arrived", hold);
  if (access(hold, F_OK) == 0) close(open(arrived, O_CREAT | O_WRONLY, 0600));
  while (access(hold, F_OK) == 0) usleep(1000);
  return syscall(SYS_fdatasync, file);
}
"""


@pytest.fixture
def held_disk(tmp_path):
    """A library that keeps each flush waiting while the file `hold` is there, and makes `hold.arrived` when one waits."""
    library = tmp_path / "held.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", library], input=HELD_FDATASYNC, text=True, check=True)
    return library


def by_id(server):
    return server.client().get("/events/second").status == 200


def by_query(server):
    return "second" in [event["event_id"] for event in server.client().get("/events").ok(200)["events"]]


def by_stream(server):
    with EventSource(server, **{"from": "beginning"}) as source:
        return any(message["data"]["event_id"] == "second" for message in source)


def by_queue(server):
    return [delivery["event"]["event_id"] for delivery in server.client().receive("q", wait_ms=20000)] == ["second"]


def test_nobody_reads_what_is_not_on_disk(start, tmp_path, held_disk):
    hold = tmp_path / "hold"
    server = start(EVENTBUS_ENGINE="embedded", LD_PRELOAD=held_disk, TEST_HOLD_FLUSH=hold)
    bus = server.client()
    bus.declare("q", "held")
    bus.publish(event_id="first", event_type="first")
    hold.touch()
    publishing = threading.Thread(target=lambda: server.client().publish(event_id="second", event_type="held"))
    publishing.start()
    try:
        eventually((tmp_path / "hold.arrived").exists)
        seen = []
        readers = [threading.Thread(target=lambda read=read: eventually(lambda: read(server)) and seen.append(read.__name__))
                   for read in (by_id, by_query, by_stream, by_queue)]
        for reader in readers:
            reader.start()
        for _ in range(200):  # while it answers whatever doesn't need the disk
            bus.get("/health").ok(200)
        early = list(seen)
    finally:
        hold.unlink()
    assert early == []
    publishing.join(60)
    for reader in readers:
        reader.join(60)
    assert sorted(seen) == ["by_id", "by_query", "by_queue", "by_stream"]
