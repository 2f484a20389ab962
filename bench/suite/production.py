"""P1–P6 and the latencies of the contract: the service on real servers that are started for it, beside its peers on the same servers."""
import concurrent.futures
import contextlib
import os
import re
import subprocess
import sys
import time

from suite import machines
from suite.experiments import at_least, at_most, beside, interleaved, median, no_less
from suite.machines import http_load, measure
from support.dependencies import free_port, postgres, production_settings
from support.server import ROOT, Server
from support.waiting import eventually

MESSAGE_BYTES = 430  # what the relay publishes for an event of the load: the event with its id, times and keys
BATCHES = {"connections": 4, "batch": 1000}
READS = 100  # a second, beside 1,000 events/s: a reader at full speed would take the processors that are measured
READERS = 20  # connections of pgbench: as many as the service's pool has
BY_ID = r"""\set n random(0, :rows - 1)
SELECT event_id, timestamp, event_type, payload, created_at FROM events WHERE event_id = format('%s-%s-7000-8000-%s',
  lpad(to_hex((1717986918400::bigint + :n / 100) >> 16), 8, '0'), lpad(to_hex((1717986918400::bigint + :n / 100) & 65535), 4, '0'), lpad(:n::text, 12, '0'));
"""


@contextlib.contextmanager
def eventbus(name, **settings):
    """An instance on the database and virtual host that go by this name."""
    with machines.directory() as place:
        with Server(place, LOG_LEVEL="WARNING", **production_settings(name) | settings) as server:
            yield server


@contextlib.contextmanager
def yardstick(name):
    """The usual Python service on a database and virtual host of its own; its port."""
    port = free_port()
    environment = os.environ | production_settings(name)
    with subprocess.Popen([sys.executable, "-m", "uvicorn", "--app-dir", ROOT / "bench/yardstick", "service:app", "--port", str(port), "--log-level",
                           "warning", "--no-access-log"], env=environment) as started:
        try:
            yield machines.wait_for_port(port)
        finally:
            started.terminate()


def metric(server, name, labels=""):
    """The sum of a metric's samples whose labels begin so."""
    text = server.client().get("/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{{labels}[^}}]*\}})? (\S+)$", text, re.M))


def relayed(server):
    """Events that RabbitMQ has confirmed, whether a queue wanted them or not."""
    return metric(server, "eventbus_events_published_total") + metric(server, "eventbus_events_unroutable_total")


def until_relayed(server, count, patience=300):
    eventually(lambda: relayed(server) >= count, patience, every=0.01)


def database_of(name):
    return production_settings(name)["DATABASE_URL"].rpartition("/")[2]


def p1(scale):
    """Single POST /events, 64 connections, relay running, against the usual Python service."""
    with eventbus("p1") as bus, yardstick("p1-yardstick") as peer:
        bus.client().declare("bench", "bench.#")
        ours, theirs = interleaved(scale.repeats, lambda: http_load("publish", bus.port, seconds=scale.seconds),
                                   lambda: http_load("publish", peer, seconds=scale.seconds))
        until_relayed(bus, sum(run["events"] for run in ours))
    return {"runs": {"eventbus": ours, "yardstick": theirs}, "rows": [
        at_least("P1 publish, against FastAPI + asyncpg + aio-pika", median(ours, "per_second"), median(theirs, "per_second"), 8)]}


def p2(scale):
    """NDJSON batches through PostgreSQL until a quorum queue has confirmed the last event, against a bare confirming publisher."""
    count = scale.events // 5
    with eventbus("p2") as bus:
        bus.client().declare("bench", "bench.#")
        total = 0

        def sustained():
            nonlocal total
            total += count
            began = time.monotonic()
            http_load("batch", bus.port, count=count, **BATCHES)
            until_relayed(bus, total)
            bus.client().post("/queues/bench/purge").ok()
            return {"events": count, "per_second": count / (time.monotonic() - began)}

        url = production_settings("p2")["RABBITMQ_URL"]
        ours, bare, topic = interleaved(scale.repeats, sustained, lambda: measure("amqp_load", "publish", url, count, MESSAGE_BYTES),
                                        lambda: measure("amqp_load", "publish", url, count, MESSAGE_BYTES, "bench.order.paid"))
    return {"runs": {"eventbus": ours, "bare": bare, "topic": topic}, "rows": [
        at_least("P2 stored and confirmed by a quorum queue, against a bare publisher to that queue", median(ours, "per_second"), median(bare, "per_second"), 0.6),
        beside("P2 the same, against a bare publisher through a topic exchange", median(ours, "per_second"), median(topic, "per_second"))]}


def copy_blocks(name, count):
    """Seconds that psql takes to COPY the first `count` stored events, 1,000 a transaction, into a table of the same shape."""
    database, server = database_of(name), postgres()
    server.ask(database, "DROP TABLE IF EXISTS bare; CREATE TABLE bare (LIKE events INCLUDING ALL)")
    rows = server.folder / "rows.sql"
    server.ask(database, f"COPY (SELECT * FROM events ORDER BY position LIMIT {count}) TO '{server.folder / 'rows'}'")
    lines = (server.folder / "rows").read_bytes().splitlines(keepends=True)
    with rows.open("wb") as script:
        for start in range(0, len(lines), 1000):
            script.writelines([b"COPY bare FROM STDIN;\n", *lines[start:start + 1000], b"\\.\n"])
    began = time.monotonic()
    server.command(server.programs / "psql", "-h", server.folder, "-p", server.port, "-U", "postgres", "-d", database, "-qX", "-v", "ON_ERROR_STOP=1", "-f", rows)
    return {"events": count, "per_second": count / (time.monotonic() - began)}


def p3(scale):
    """NDJSON batches stored with their outbox, RabbitMQ out of reach, against bare COPY of the same rows in the same groups."""
    count = scale.events // 5
    nowhere = {"RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/", "EVENTBUS_READY_WHEN": "accepting"}
    with eventbus("p3", **nowhere) as bus:
        http_load("batch", bus.port, count=count, **BATCHES)
        ours, bare = interleaved(scale.repeats, lambda: http_load("batch", bus.port, count=count, **BATCHES), lambda: copy_blocks("p3", count))
    return {"runs": {"eventbus": ours, "copy": bare}, "rows": [
        at_least("P3 batches stored with outbox, against bare COPY", median(ours, "per_second"), median(bare, "per_second"), 0.7)]}


def pgbench(name, rows, seconds):
    script = postgres().folder / "by_id.sql"
    script.write_text(BY_ID)
    said = postgres().command(postgres().programs / "pgbench", "-h", postgres().folder, "-p", postgres().port, "-U", "postgres", "-n", "-M", "prepared",
                              "-c", READERS, "-T", max(1, int(seconds)), "-D", f"rows={rows}", "-f", script, database_of(name)).stdout
    return {"per_second": float(re.search(r"tps = ([\d.]+)", said)[1])}


def p4(scale):
    """GET /events/{id} of random events, against pgbench with a prepared select of the same rows."""
    count = scale.events // 5
    with eventbus("p4") as bus:
        http_load("batch", bus.port, count=count, ids=True, **BATCHES)
        until_relayed(bus, count)
        ours, bare = interleaved(scale.repeats, lambda: http_load("get", bus.port, connections=64, count=count, seconds=scale.seconds),
                                 lambda: pgbench("p4", count, scale.seconds))
    return {"runs": {"eventbus": ours, "pgbench": bare}, "rows": [
        at_least("P4 get by id over HTTP, against pgbench prepared select", median(ours, "per_second"), median(bare, "per_second"), 0.5, "reads/s")]}


def p5(scale):
    """receive of 500 + ack by four clients, against four bare consumers of a quorum queue that acknowledge 500 at a time."""
    count = scale.events // 5
    with eventbus("p5") as bus:
        bus.client().declare("bench", "bench.#")
        total = 0

        def consumed():
            nonlocal total
            total += count
            http_load("batch", bus.port, count=count, **BATCHES)
            until_relayed(bus, total)
            return http_load("consume", bus.port, connections=4, batch=500, count=count)

        url = production_settings("p5")["RABBITMQ_URL"]
        ours, bare = interleaved(scale.repeats, consumed, lambda: measure("amqp_load", "consume", url, count, MESSAGE_BYTES, 4, 500))
    return {"runs": {"eventbus": ours, "bare": bare}, "rows": [
        at_least("P5 receive 500 + ack by four, against four bare consumers of a quorum queue", median(ours, "per_second"), median(bare, "per_second"), 0.6)]}


def p6(scale):
    """Nacks whose events are tried again."""
    count = scale.events // 50
    runs = []
    for number in range(scale.repeats):
        with eventbus(f"p6-{number}") as bus:
            bus.client().declare("bench", "bench.#", max_retries=100, retry_delay_ms=1000, retry_max_delay_ms=60000)
            http_load("batch", bus.port, count=count, **BATCHES)
            until_relayed(bus, count)
            runs.append(http_load("consume", bus.port, connections=4, batch=100, count=count, nack=True))
    return {"runs": runs, "rows": [no_less("P6 nacks with retry", median(runs, "per_second"), 2000, "nacks/s")]}


def percentile(server, name, share):
    """An upper bound of a histogram's percentile, in milliseconds: the end of the bucket that it falls into."""
    text = server.client().get("/metrics").body.decode()
    buckets = [(float(edge), float(count)) for edge, count in re.findall(rf'^{name}_bucket\{{le="([^"]+)"\}} (\S+)$', text, re.M)]
    return next(edge for edge, count in buckets if count >= share * buckets[-1][1]) * 1000


def latencies(scale):
    """1,000 events/s with one waiting receiver and 100 reads by id a second, beside what RabbitMQ alone takes to deliver."""
    runs = []
    for number in range(scale.repeats):
        with eventbus(f"latency-{number}") as bus, concurrent.futures.ThreadPoolExecutor() as beside:
            http_load("batch", bus.port, count=10_000, ids=True, **BATCHES)
            until_relayed(bus, 10_000)
            bus.client().declare("bench", "bench.#")
            reading = beside.submit(http_load, "get", bus.port, connections=1, count=10_000, rate=READS, seconds=2 * scale.seconds)
            run = http_load("latency", bus.port, rate=1000, seconds=2 * scale.seconds)
            run["query"] = reading.result()["latency"]
            run["store"] = {"p95_ms": percentile(bus, "eventbus_store_write_duration_seconds", 0.95)}
            runs.append(run)
        url = production_settings(f"latency-{number}")["RABBITMQ_URL"]
        run["rabbitmq"] = measure("amqp_load", "latency", url, 1000, 2 * scale.seconds, MESSAGE_BYTES)["delivery"]
    bare = {"delivery": {"peer": f"{median(runs, 'rabbitmq', 'p95_ms'):.2f} ms, RabbitMQ alone"}}
    return {"runs": runs, "rows": [at_most(f"latency p95 under 1,000 events/s: {what}", median(runs, what, "p95_ms"), bar, "ms") | bare.get(what, {})
                                   for what, bar in (("publish", 5), ("delivery", 3), ("store", 12), ("query", 2))]}
