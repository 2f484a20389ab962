"""E1–E5 and E7 of the contract. Each returns {"runs": raw figures, "rows": [(what, ours, peer, ratio, bar, reached)]}."""
import contextlib
import statistics
import time

from suite import machines
from suite.machines import eventbus, http_load

BATCHES = {"connections": 4, "batch": 1000}
STORED_AT_E5 = 10_000_000
STREAM_READERS = 9_000


class Scale:
    """How long everything takes."""

    def __init__(self, quick):
        self.repeats = 1 if quick else 3
        self.seconds = 1 if quick else 6
        self.events = 20_000 if quick else 1_000_000
        self.stored = 50_000 if quick else STORED_AT_E5


def interleaved(repeats, *measurements):
    """Runs the measurements in turn, `repeats` times; a list of results for each."""
    results = [[] for _ in measurements]
    for _ in range(repeats):
        for found, run in zip(results, measurements):
            found.append(run())
    return results


def median(results, *path):
    def value(result):
        for key in path:
            result = result[key]
        return result
    return statistics.median(value(result) for result in results)


def at_least(what, ours, peer, bar, unit="events/s"):
    ratio = ours / peer
    return {"what": what, "ours": f"{ours:,.0f} {unit}", "peer": f"{peer:,.0f} {unit}", "ratio": round(ratio, 2), "bar": f"≥ {bar} ×",
            "reached": ratio >= bar}


def beside(what, ours, peer, unit="events/s"):
    """A comparison without a bar."""
    return at_least(what, ours, peer, 0, unit) | {"bar": "", "reached": None}


def no_less(what, ours, bar, unit):
    return {"what": what, "ours": f"{ours:,.0f} {unit}", "peer": "", "ratio": None, "bar": f"≥ {bar:,} {unit}", "reached": ours >= bar}


def at_most(what, ours, bar, unit):
    return {"what": what, "ours": f"{ours:.2f} {unit}", "peer": "", "ratio": None, "bar": f"≤ {bar} {unit}", "reached": ours <= bar}


def point(what, size, value, beside=""):
    """Of a curve."""
    return {"what": f"{what}: {size:,}", "ours": value, "peer": "", "ratio": None, "bar": beside, "reached": None}


def e1(scale):
    """Single POST /events over 64 keep-alive connections, against a constant 201 and Redis XADD with fsync."""
    with contextlib.ExitStack() as stack:
        bus = stack.enter_context(eventbus())
        constant = stack.enter_context(machines.constant_server())
        redis = stack.enter_context(machines.redis())
        ours, beast, xadd = interleaved(
            scale.repeats, lambda: http_load("publish", bus.port, seconds=scale.seconds), lambda: http_load("publish", constant, seconds=scale.seconds),
            lambda: machines.redis_xadd(redis, 30_000 * scale.seconds))
    rate = median(ours, "per_second")
    return {"runs": {"eventbus": ours, "constant": beast, "redis": xadd}, "rows": [
        at_least("E1 publish, against a constant 201", rate, median(beast, "per_second"), 0.5),
        at_least("E1 publish, against Redis XADD fsync always", rate, median(xadd, "per_second"), 1),
        at_most("E1 publish p99", median(ours, "latency", "p99_ms"), 10, "ms")]}


def e2_e3(scale):
    """NDJSON batches against JetStream async publish; receive and ack of 500 against JetStream push consume with ack."""
    published, consumed = ([], []), ([], [])
    for _ in range(scale.repeats):
        with eventbus() as bus, machines.jetstream() as nats:
            published[0].append(http_load("batch", bus.port, count=scale.events, **BATCHES))
            published[1].append(machines.measure("jetstream_load", "publish", nats, scale.events))
            bus.client().declare("bench", "bench.#", start_from="beginning")
            consumed[0].append(http_load("consume", bus.port, count=scale.events, connections=4, batch=500))
            consumed[1].append(machines.measure("jetstream_load", "consume", nats, scale.events))
    return {"runs": {"publish": published, "consume": consumed}, "rows": [
        at_least("E2 NDJSON batches of 1000, against JetStream async", *(median(side, "per_second") for side in published), 1),
        at_least("E3 receive 500 + ack, against JetStream push + ack", *(median(side, "per_second") for side in consumed), 0.7)]}


def e4(scale):
    """Publish to delivery at 1,000 events/s with one waiting receiver."""
    runs = []
    for _ in range(scale.repeats):
        with eventbus() as bus:
            bus.client().declare("bench", "bench.#")
            runs.append(http_load("latency", bus.port, rate=1000, seconds=2 * scale.seconds))
    return {"runs": runs, "rows": [at_most("E4 publish → delivery p50", median(runs, "delivery", "p50_ms"), 1, "ms"),
                                   at_most("E4 publish → delivery p99", median(runs, "delivery", "p99_ms"), 5, "ms")]}


def e5(scale):
    """The same at many stored events as at none."""
    with machines.directory() as data, eventbus() as empty:
        with eventbus(data) as bus:
            loading = http_load("batch", bus.port, count=scale.stored, ids=True, **BATCHES)
        began = time.monotonic()
        with eventbus(data) as bus:
            start_up = time.monotonic() - began
            fresh_memory = machines.memory_mb(bus)
            full, fresh = interleaved(scale.repeats, lambda: http_load("publish", bus.port, seconds=scale.seconds),
                                      lambda: http_load("publish", empty.port, seconds=scale.seconds))
            batches, fresh_batches = interleaved(scale.repeats, lambda: http_load("batch", bus.port, seconds=scale.seconds, **BATCHES),
                                                 lambda: http_load("batch", empty.port, seconds=scale.seconds, **BATCHES))
            reads = [http_load("get", bus.port, connections=1, count=scale.stored, seconds=scale.seconds) for _ in range(scale.repeats)]
            memory = machines.memory_mb(bus)
    return {"runs": {"loading": loading, "full": full, "empty": fresh, "batches": batches, "empty_batches": fresh_batches, "reads": reads,
                     "start_up_seconds": start_up, "memory_mb": {"after_start": fresh_memory, "after_load": memory}}, "rows": [
        at_least(f"E5 publish at {scale.stored:,} stored, against an empty store", median(full, "per_second"), median(fresh, "per_second"), 0.8),
        at_least(f"E5 NDJSON at {scale.stored:,} stored, against an empty store", median(batches, "per_second"), median(fresh_batches, "per_second"), 0.8),
        at_most("E5 get by id p99", median(reads, "latency", "p99_ms"), 1, "ms"),
        at_most("E5 start-up", start_up, 1, "s"), at_most("E5 resident memory", memory, 100, "MB")]}


def e7(scale):
    """Publishing 100 events a second beside 9,000 readers of the stream: of other events, and of these."""
    runs, rows = {}, []
    for readers, event_type in (("of other events", "other"), ("of these events", "")):
        with eventbus(EVENTBUS_MAX_CONNECTIONS=2 * STREAM_READERS) as bus:
            bus.client().declare("bench", "bench.#")
            with machines.stream_readers(bus.port, STREAM_READERS, event_type):
                runs[readers] = [http_load("latency", bus.port, rate=100, seconds=scale.seconds) for _ in range(scale.repeats)]
        rows.append(at_most(f"E7 publish p99 beside {STREAM_READERS:,} readers {readers}", median(runs[readers], "publish", "p99_ms"), 10, "ms"))
    return {"runs": runs, "rows": rows}
