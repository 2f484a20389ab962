"""GET /metrics: the names are contract (docs/metrics.md lists them), the text is clean, the numbers add up."""
import pathlib
import re
import subprocess

from support.client import RELAYS
from support.server import ROOT
from support.waiting import eventually, unique

GOLDEN = pathlib.Path(__file__).with_name("metrics.golden")
PRODUCTION = pathlib.Path(__file__).with_name("metrics.production.golden")  # what the production engine has besides
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


def exercise(bus):
    """Makes every metric appear: publish, duplicate, refuse, deliver, ack, nack, expire, bury, query."""
    queue = unique("metrics")
    bus.declare(queue, queue, max_retries=1)
    event_id = bus.publish(event_type=queue)
    bus.post("/events", {"event_id": event_id, "event_type": queue})
    bus.post("/events", {"event_type": "a b"})
    bus.publish(event_type="nobody", exchange="nobody-listens")
    bus.nack(queue, bus.receive_one(queue))
    bus.ack(queue, bus.receive_one(queue))
    bus.publish(event_type=queue)
    bus.nack(queue, bus.receive_one(queue), requeue=False)
    bus.get("/events").ok(200)
    return queue


def golden(*files):
    return sorted(line for file in files for line in file.read_text().splitlines())


def samples(bus):
    """{(name, labels): value} of one scrape."""
    found = {}
    for line in bus.get("/metrics").body.decode().splitlines():
        if line and not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            found[name, labels or ""] = float(value)
    return found


def test_names_types_and_labels_are_the_golden_ones(bus):
    exercise(bus)
    text = bus.get("/metrics").body.decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    labels = {}
    for (name, label_text) in samples(bus):
        family = name if name in kinds else re.sub(r"_(bucket|sum|count)$", "", name)
        labels.setdefault(family, set()).update(set(re.findall(r'(\w+)="', label_text)) - {"le", "quantile"})
    actual = "".join(f"{name} {kinds[name]} {','.join(sorted(labels.get(name, ())))}".rstrip() + "\n" for name in sorted(kinds))
    assert actual.splitlines() == golden(GOLDEN, *([PRODUCTION] if RELAYS else []))


def test_the_documentation_lists_every_metric():
    documented = (ROOT / "docs/metrics.md").read_text()
    for line in golden(GOLDEN, PRODUCTION):
        name = line.split()[0]
        assert name in documented or name.startswith("process_"), name


def test_promtool_has_no_complaints(bus):
    exercise(bus)
    done = subprocess.run(["promtool", "check", "metrics"], input=bus.get("/metrics").body, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr


def test_the_numbers_add_up(bus):
    before = samples(bus)
    queue = exercise(bus)
    after = samples(bus)

    def grown(name, labels=""):
        return after.get((name, labels), 0) - before.get((name, labels), 0)

    def of_queue(name):
        return {labels: value for (n, labels), value in after.items() if n == name and f'"{queue}"' in labels}

    assert grown("eventbus_events_stored_total") == 3 and grown("eventbus_events_duplicate_total") == 1
    assert sum(of_queue("eventbus_events_consumed_total").values()) == 1
    assert sum(of_queue("eventbus_dead_letters_total").values()) == 1
    assert sum(of_queue("eventbus_retries_total").values()) == 1
    assert {re.search(r'outcome="(\w+)"', labels)[1]: value for labels, value in of_queue("eventbus_deliveries_total").items()
            if value} == {"delivered": 3, "acked": 1, "nacked": 2}

    def messages():
        return {re.search(r'state="(\w+)"', labels)[1]: value for (name, labels), value in samples(bus).items()
                if name == "eventbus_queue_messages" and f'"{queue}"' in labels}

    assert eventually(lambda: messages() == {"ready": 0, "in_flight": 0, "delayed": 0, "dead_letter": 1})


def test_what_no_queue_wants_is_counted_as_that_and_not_as_published(start):
    bus = start().client()
    bus.declare("some", "wanted.#")
    for event_type in ("wanted.a", "wanted.b", "unwanted", "wanted.c", "unwanted"):
        bus.publish(event_type=event_type)
    bus.publish(event_type="wanted.a", exchange="elsewhere")
    found = samples(bus)
    published = {labels: value for (name, labels), value in found.items() if name == "eventbus_events_published_total"}
    assert {re.search(r'event_type="([^"]+)"', labels)[1]: value for labels, value in published.items()} == {"wanted.a": 1, "wanted.b": 1, "wanted.c": 1}
    assert {labels: value for (name, labels), value in found.items() if name == "eventbus_events_unroutable_total"} == {
        'exchange="events"': 2, 'exchange="elsewhere"': 1}


def test_label_values_are_capped(start):
    bus = start().client()
    bus.declare("all")
    bus.publish_many({"event_type": f"kind-{n}"} for n in range(1000))

    def kinds():
        return {labels for (name, labels) in samples(bus) if name == "eventbus_events_published_total"}
    assert eventually(lambda: any('"other"' in labels for labels in kinds()))
    assert len(kinds()) <= 210


def metric(bus, name, **labels):
    """The values of the series with these labels, by their other labels."""
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    return {key: value for (found, key), value in samples(bus).items() if found == name and wanted <= set(key.split(","))}


def test_reasons_of_the_service_keep_their_names(start):
    """However many reasons consumers made up before."""
    bus = start().client()
    queue = unique("reasons")
    bus.declare(queue, queue, max_retries=0)
    bus.publish_many({"event_type": queue} for _ in range(205))
    for number, delivery in enumerate(bus.take(queue, 205)):
        bus.nack(queue, delivery, requeue=False, reason=f"reason-{number}")
    bus.publish(event_type=queue)
    bus.nack(queue, bus.receive_one(queue), requeue=False)
    bus.publish(event_type=queue)
    bus.nack(queue, bus.receive_one(queue))
    for reason in ("rejected", "max_retries"):
        assert eventually(lambda: metric(bus, "eventbus_dead_letters_total", queue=queue, reason=reason)), reason
    letters = metric(bus, "eventbus_dead_letters_total", queue=queue)
    assert sum(letters.values()) == 207 and len(letters) <= 210
    assert sum(value for labels, value in letters.items() if '"other"' in labels) == 5


def test_a_gauge_past_the_cap_is_the_sum(start):
    bus = start().client()
    queues = [f"sum-{number:03}" for number in range(206)]
    for queue in queues:
        bus.declare(queue, "sum")
    bus.publish(event_type="sum")

    def ready():
        return metric(bus, "eventbus_queue_messages", state="ready")

    assert eventually(lambda: sum(ready().values()) == 206, 60.0)
    assert sum(value for labels, value in ready().items() if 'queue="other"' in labels) == 6


def test_a_deleted_queue_ends_its_series_and_frees_its_place(start):
    bus = start().client()

    def used(queue):
        bus.declare(queue, queue)
        bus.publish(event_type="all", routing_key=queue)
        bus.ack(queue, bus.receive_one(queue))

    for number in range(205):
        used(f"gone-{number}")
        bus.delete(f"/queues/gone-{number}").ok()
    assert eventually(lambda: not [labels for (_, labels) in samples(bus) if "gone-" in labels])
    used("stays")
    counted = {name for (name, labels) in samples(bus) if 'queue="stays"' in labels}
    assert {"eventbus_events_consumed_total", "eventbus_deliveries_total", "eventbus_retries_total"} <= counted
    assert metric(bus, "eventbus_deliveries_total", queue="stays", outcome="acked") == {'outcome="acked",queue="stays"': 1}


def test_scrapes_are_compressed_or_plain_but_typed(bus):
    assert bus.get("/metrics").headers["Content-Type"].startswith("text/plain")


def test_types_of_any_characters_are_labels(bus):
    kind = unique("odd") + '.say"so".back\\slash.größe/ü:{x="1"},y'
    bus.declare(unique("odd"), kind.split(".")[0] + ".#")
    bus.publish(event_type=kind)
    label = kind.replace("\\", "\\\\").replace('"', '\\"')
    sample = f'eventbus_events_published_total{{event_type="{label}",exchange="events"}} 1'
    assert eventually(lambda: sample in bus.get("/metrics").body.decode())
    text = bus.get("/metrics").body.decode()
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False, timeout=60)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
