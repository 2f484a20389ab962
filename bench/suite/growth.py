"""Cost as it grows: stored events, queues, bindings, consumers. Shows curves; holds no bar."""
from suite.experiments import point
from suite.machines import eventbus, http_load, memory_mb


def row(what, size, rate, server):
    return point(what, size, f"{rate:,.0f} events/s", f"{memory_mb(server):.0f} MB")


def publish_rate(server, scale):
    return http_load("publish", server.port, seconds=scale.seconds)["per_second"]


def stored(scale):
    """Publish rate after 10⁴ … 10⁷ events."""
    rows, total = [], 0
    with eventbus() as server:
        for size in (10_000, 100_000, 1_000_000, scale.stored):
            if size <= total:
                continue
            http_load("batch", server.port, count=size - total, connections=4, batch=1000)
            total = size
            rows.append(row("events stored", size, publish_rate(server, scale), server))
    return rows


def queues(scale):
    """Publish rate when 1 … 1,000 queues exist and each event reaches one of them."""
    rows, made = [], 0
    with eventbus() as server:
        client = server.client()
        client.declare("bench", "bench.#")
        for size in (1, 10, 100, 1000):
            for number in range(made, size - 1):
                client.declare(f"other-{number}", f"other.{number}.#")
            made = size - 1
            rows.append(row("queues", size, publish_rate(server, scale), server))
    return rows


def fan_out(scale):
    """Publish rate when each event reaches 1 … 1,000 queues."""
    rows, made = [], 0
    with eventbus() as server:
        client = server.client()
        for size in (1, 10, 100, 1000):
            for number in range(made, size):
                client.declare(f"fan-{number}", "bench.#")
            made = size
            rows.append(row("queues reached by each event", size, publish_rate(server, scale), server))
    return rows


def bindings(scale):
    """Publish rate with 1 … 100,000 bindings (1,000 a queue), one of which matches."""
    rows = []
    with eventbus() as server:
        client = server.client()
        client.declare("bench", "bench.#")
        made = 0
        for size in (1, 100, 10_000, 100_000):
            while made < size - 1:
                many = min(1000, size - 1 - made)
                keys = [f"order.{made + n}.*.#" for n in range(many)]
                client.put(f"/queues/bound-{made}", {"bindings": [{"routing_key": key} for key in keys]}).ok(201)
                made += many
            rows.append(row("bindings", size, publish_rate(server, scale), server))
    return rows


def consumers(scale):
    """Consume rate of 1 … 1,000 competing connections, each receiving and acknowledging 50 at a time."""
    rows = []
    for size in (1, 10, 100, 1000):
        with eventbus() as server:
            count = min(scale.events, 200_000)
            http_load("batch", server.port, count=count, connections=4, batch=1000)
            server.client().declare("bench", "bench.#", start_from="beginning")
            rate = http_load("consume", server.port, count=count, connections=size, batch=50)["per_second"]
            rows.append(row("consumers", size, rate, server))
    return rows


def growth(scale):
    return {"runs": {}, "rows": stored(scale) + queues(scale) + fan_out(scale) + bindings(scale) + consumers(scale)}
