"""eventbus publish, events and tail, as somebody types them."""
import gzip
import json
import subprocess

import pytest

from support.client import RELAYS
from support.server import BINARY, ROOT, clean_environment, run
from support.waiting import unique


@pytest.fixture
def cli(server):
    """Runs a command against the server and expects this exit status; the finished process."""
    def call(*arguments, status=0, stdin=None):
        done = run(*arguments, stdin=stdin, EVENTBUS_URL=server.url)
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done
    return call


def test_publish_one(cli, bus):
    kind = unique("cli")
    done = cli("publish", "--type", kind, "--payload", '{"n": 12345678901234567890}', "--key", "k", "--json")
    event = bus.event(json.loads(done.stdout)["event_id"])
    assert event["event_type"] == kind and event["payload"] == {"n": 12345678901234567890} and event["ordering_key"] == "k"


def test_publish_says_what_it_did(cli):
    assert unique("x").split("-")[0] and ("stored" if RELAYS else "published") in cli("publish", "--type", "a.b").stdout


@pytest.mark.parametrize("packed", [False, True])
def test_publish_a_file(cli, bus, tmp_path, packed):
    kind = unique("cli")
    text = "".join(json.dumps({"event_type": kind, "payload": {"n": n}}) + "\n" for n in range(3000))
    path = tmp_path / "events.ndjson"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert "3,000" in cli("publish", path).stdout
    assert len(bus.get(f"/events?event_type={kind}&limit=10000").ok(200)["events"]) == 3000


def test_publish_a_pipe_reports_what_was_refused(cli):
    done = cli("publish", stdin='{"event_type":"a"}\n{"event_type":"a b"}\n', status=4)
    assert "event_type" in done.stderr and "1 stored" in done.stdout


def test_publish_atomic_stores_all_or_none(cli, bus):
    kind = unique("cli")
    cli("publish", "--atomic", stdin=f'{{"event_type":"{kind}"}}\n{{"event_type":"a b"}}\n', status=4)
    assert bus.get(f"/events?event_type={kind}").ok(200)["events"] == []


@pytest.mark.parametrize("arguments, status", [(("publish", "--type", "a b"), 4), (("publish", "--type", "a", "--payload", "[]"), 2),
                                               (("publish", "--typo", "a"), 2), (("publish", "--wait", "never", "--type", "a"), 2),
                                               (("fly",), 2), (("events", "get", "nobody"), 4), (("events", "list", "--limit", "0"), 2),
                                               (("publish", "/no/such/file"), 2)])
def test_wrong_use_is_told(cli, arguments, status):
    done = cli(*arguments, status=status)
    assert done.stderr.startswith("eventbus: ") and not done.stdout


def test_an_unreachable_server_is_told(tmp_path):
    done = run("events", "list", EVENTBUS_URL="http://127.0.0.1:1")
    assert done.returncode == 3 and "127.0.0.1:1" in done.stderr


def test_events_get_and_list(cli, bus):
    kind = unique("cli")
    ids = [bus.publish(event_type=kind, payload={"n": n}) for n in range(3)]
    assert json.loads(cli("events", "get", ids[1], "--json").stdout)["payload"] == {"n": 1}
    assert ids[1] in cli("events", "get", ids[1]).stdout
    table = cli("events", "list", "--type", kind, "--order", "desc").stdout
    assert [line for line in table.splitlines() if ids[2] in line] and table.index(ids[2]) < table.index(ids[0])
    assert [event["event_id"] for event in json.loads(cli("events", "list", "--type", kind, "--json").stdout)["events"]] == ids
    assert len(cli("events", "list", "--type", kind, "--all").stdout.splitlines()) == 3
    assert len(json.loads(cli("events", "list", "--type", kind, "--payload", '{"n":2}', "--json").stdout)["events"]) == 1


def test_tail_follows(server, bus):
    kind = unique("cli")
    bus.publish(event_type=kind, event_id=f"{kind}-1")
    with subprocess.Popen([BINARY, "tail", kind, "--from", "beginning", "--json"], env=clean_environment(EVENTBUS_URL=server.url),
                          stdout=subprocess.PIPE, text=True) as process:
        assert json.loads(process.stdout.readline())["event_id"] == f"{kind}-1"
        bus.publish(event_type=kind, event_id=f"{kind}-2")
        assert json.loads(process.stdout.readline())["event_id"] == f"{kind}-2"
        process.terminate()


def test_the_real_events(cli, bus):
    data = ROOT / "examples/data/commits.ndjson.gz"
    assert "21,417 stored" in cli("publish", data).stdout
    assert "21,417 duplicates" in cli("publish", data).stdout
    listed = cli("events", "list", "--type", "git.#", "--all").stdout.splitlines()
    with gzip.open(data, "rt") as lines:
        published = {event["event_id"]: event for event in map(json.loads, lines)}
    assert len(listed) == len(published) == 21417
    for line in listed:
        event = json.loads(line)
        assert published[event["event_id"]]["payload"] == event["payload"]


@pytest.mark.parametrize("kind", ["com.acme/thing", "größe:neu", "100%.a_b&c=d", "it's", '"q"'])
def test_types_of_any_characters(cli, bus, kind):
    kind = f"{unique('odd')}.{kind}"
    cli("publish", "--type", kind)
    for pattern in (kind, kind.split(".")[0] + ".#"):
        assert [event["event_type"] for event in json.loads(cli("events", "list", "--type", pattern, "--json").stdout)["events"]] == [kind]
    assert kind in cli("events", "list", "--type", kind).stdout


@pytest.mark.parametrize("data", ['"text"', "[1,null]", "null", "7"])
def test_any_data_of_a_cloudevent_is_shown_as_json(cli, bus, data):
    event = {"specversion": "1.0", "id": unique("ce"), "source": "/s", "type": unique("data"), "data": json.loads(data)}
    bus.post("/events", event, headers={"Content-Type": "application/cloudevents+json"}).ok(201)
    assert data in cli("events", "list", "--type", event["type"]).stdout.splitlines()[1]
    assert cli("events", "get", event["id"]).stdout


@pytest.mark.parametrize("text", ['[{a}, {b}]', '[\n  {a},\n  {b}\n]\n', '\n [ {a}\n,{b} ]', '{a}\n{b}', '{a}\r\n\r\n{b}\r\n', '{\n}'])
def test_publish_takes_events_however_they_are_written(cli, bus, text):
    kind = unique("cli")
    first, second = (json.dumps({"event_type": kind, "payload": {"n": n, "text": "],\n[{\"\\"}}) for n in range(2))
    pretty = "\n".join(json.dumps(json.loads(each), indent=2) for each in (first, second))
    written = pretty if text == "{\n}" else text.replace("{a}", first).replace("{b}", second)
    assert "2 stored" in cli("publish", "-", stdin=written).stdout
    events = bus.get(f"/events?event_type={kind}").ok(200)["events"]
    assert [event["payload"] for event in events] == [{"n": n, "text": "],\n[{\"\\"} for n in range(2)]


@pytest.mark.parametrize("atomic", [(), ("--atomic",)])
@pytest.mark.parametrize("text, place, why", [
    ('{"event_type":"a"}\n\n{"event_type":"a b"}\n', "line 3", "event_type"), ('{"event_type":"a b"}', "line 1", "event_type"),
    ('[{"event_type":"a"},\n{"event_type":"a b"}]', "event 2 (line 2)", "event_type"), ('[7]', "event 1 (line 1)", "object"),
    ('{\n"event_type":\n"a b"\n}', "event 1 (line 1)", "event_type"), ('\x7fELF\n', "line 1", "malformed_json"),
    ('{"event_type":"a"}\n{"event_type":}\n', "line 2", "malformed_json"), ("event_type,payload\na,1\n", "line 2", "malformed_json")])
def test_a_refusal_names_the_line_and_why(cli, text, place, why, atomic):
    done = cli("publish", "-", *atomic, stdin=text, status=4)
    (told,) = [line for line in done.stderr.splitlines() if line.startswith(place + ":")]
    assert why in told and "results says" not in done.stderr and "refused" in done.stdout


@pytest.mark.parametrize("text, place", [('[{"event_type":"TYPE"},\n', "line 2"), ('[{"event_type":"TYPE"}\n,]', "line 2"),
                                         ('[{"event_type":"TYPE"}]\n]', "line 2")])
def test_a_broken_array_is_told_with_what_was_stored(cli, bus, text, place):
    kind = unique("cli")
    done = cli("publish", "-", stdin=text.replace("TYPE", kind), status=1)
    assert place in done.stderr and "1 stored" in done.stdout and len(bus.get(f"/events?event_type={kind}").ok(200)["events"]) == 1
    other = unique("cli")
    done = cli("publish", "-", "--atomic", stdin=text.replace("TYPE", other), status=1)
    assert place in done.stderr and "nothing was published" in done.stderr and bus.get(f"/events?event_type={other}").ok(200)["events"] == []


def test_an_empty_address_is_not_the_default_one(server):
    done = run("events", "list", EVENTBUS_URL="")
    assert done.returncode == 2 and "EVENTBUS_URL" in done.stderr and "empty" in done.stderr
    done = run("events", "list", EVENTBUS_URL=server.url + "\n")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "\\n" in done.stderr


@pytest.mark.parametrize("event_id", ["batch", "stream", "by-id", ".", "..", "../queues", "a/../b", "/a", "a//b", "a/", "a b", "50%", "a?b=c&d#e",
                                      "ü", "%2e%2e"])
def test_events_get_leads_to_the_event_whatever_its_id(cli, event_id):
    cli("publish", "--type", "a", "--id", event_id, "--payload", json.dumps({"id": event_id}))
    assert json.loads(cli("events", "get", event_id, "--json").stdout)["payload"] == {"id": event_id}
