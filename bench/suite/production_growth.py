"""The production engine's cost as it grows: stored events, instances, queues. Shows curves; holds no bar."""
import concurrent.futures
import contextlib
import time

from suite.experiments import point
from suite.machines import http_load, memory_mb
from suite.production import BATCHES, database_of, eventbus, until_relayed
from support.dependencies import postgres


def rate(run):
    return f"{run['per_second']:,.0f} events/s"


def outbox_kilobytes(name):
    return int(postgres().ask(database_of(name), "SELECT pg_total_relation_size('eventbus_outbox') / 1024"))


def stored(scale):
    """Single publishes, and the outbox's size on disk, after 10⁴ … 10⁷ events went through it."""
    rows, total = [], 0
    with eventbus("growth-stored") as server:
        for size in (10_000, 100_000, 1_000_000, scale.stored):
            if size <= total:
                continue
            http_load("batch", server.port, count=size - total, **BATCHES)
            until_relayed(server, size, patience=3600)
            total = size
            run = http_load("publish", server.port, seconds=scale.seconds)
            until_relayed(server, size + run["events"])
            total += run["events"]
            rows.append(point("events stored and relayed", size, rate(run), f"outbox {outbox_kilobytes('growth-stored')} KB, {memory_mb(server):.0f} MB memory"))
    return rows


def instances(scale):
    """Single publishes with 1 … 3 instances on the same servers, the load spread evenly."""
    rows = []
    for count in (1, 2, 3):
        with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor() as loads:
            servers = [stack.enter_context(eventbus("growth-instances")) for _ in range(count)]
            servers[0].client().declare("bench", "bench.#")
            running = [loads.submit(http_load, "publish", server.port, connections=60 // count, seconds=scale.seconds) for server in servers]
            together = sum(one.result()["per_second"] for one in running)
            rows.append(point("instances", count, f"{together:,.0f} events/s"))
    return rows


def queues(scale):
    """Batches until relayed when 1 … 100 quorum queues exist and each event reaches one of them."""
    rows, made, total = [], 0, 0
    count = scale.events // 20
    with eventbus("growth-queues") as server:
        client = server.client()
        client.declare("bench", "bench.#")
        for size in (1, 10, 100):
            for number in range(made, size - 1):
                client.declare(f"other-{number}", f"other.{number}.#")
            made = size - 1
            began = time.monotonic()
            http_load("batch", server.port, count=count, **BATCHES)
            total += count
            until_relayed(server, total)
            rows.append(point("queues", size, f"{count / (time.monotonic() - began):,.0f} events/s", f"{memory_mb(server):.0f} MB memory"))
    return rows


def growth(scale):
    """Cost as it grows on PostgreSQL and RabbitMQ."""
    return {"runs": {}, "rows": stored(scale) + instances(scale) + queues(scale)}
