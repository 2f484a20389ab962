"""The examples of examples/cpp, against RabbitMQ, PostgreSQL and the service."""
import json
import subprocess

import pytest

from support.amqp import Amqp
from support.children import ending_with_us
from support.programs import run
from support.waiting import eventually


class Running:
    """A program that goes on until it is told to stop; its output line by line."""

    def __init__(self, *command):
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=ending_with_us())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(60)

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def stop(self):
        """Its exit status after SIGTERM, and what else it printed."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


@pytest.fixture
def amqp_url(settings):
    return settings["RABBITMQ_URL"]


def test_publisher_says_when_nobody_listens(examples, amqp_url):
    assert run(examples / "publisher", amqp_url, "nobody.listens", "{}").startswith("nobody listens to ")


def test_publisher_and_subscriber(examples, amqp_url):
    with Running(examples / "subscriber", amqp_url, "mails") as subscriber:
        assert subscriber.line() == "consuming mails"
        assert run(examples / "publisher", amqp_url, "user.created", '{"user_id": 1}').startswith("confirmed ")
        assert subscriber.line() == 'user.created {"user_id":1}'
        assert run(examples / "publisher", amqp_url, "order.placed", '{"total": 9.50}').startswith("confirmed ")
        assert subscriber.line() == 'order {"total":9.50}'
        assert subscriber.stop() == (0, "")


def test_what_keeps_failing_rests_where_the_service_finds_it(examples, amqp_url, service):
    service.client().put("/queues/shop", json={"bindings": [{"routing_key": "order.#"}]})
    with Running(examples / "subscriber", amqp_url, "shop") as subscriber:
        assert subscriber.line() == "consuming shop"
        published = service.client().post("/events", json={"event_type": "order.placed", "payload": {"nothing": True}}).json
        assert [subscriber.line() for _ in range(4)] == [f"order without total, attempt {attempt}" for attempt in (1, 2, 3, 4)]
        assert subscriber.stop() == (0, "")
    (dead,) = eventually(lambda: service.client().dead_letters("shop"))
    assert (dead["event"]["event_id"], dead["reason"], dead["attempts"]) == (published["event_id"], "max_retries", 4)


def test_publisher_takes_payloads_from_its_input(examples, amqp_url):
    lines = "".join(json.dumps({"n": number}) + "\n" for number in range(1200))
    assert len(run(examples / "publisher", amqp_url, "number.made", stdin=lines).splitlines()) == 1200


def test_publisher_names_what_is_wrong(examples, amqp_url):
    assert "event_type" in run(examples / "publisher", amqp_url, "number..made", "{}", fails=True)
    assert "payload" in run(examples / "publisher", amqp_url, "number.made", "{", fails=True)
    assert "127.0.0.1:1" in run(examples / "publisher", "amqp://127.0.0.1:1/?connection_timeout=100", "a", "{}", fails=True)


def test_replay_reads_what_a_service_stored(examples, settings, service):
    for number in range(3):
        service.client().post("/events", json={"event_id": f"replay-{number}", "event_type": "replay.made", "payload": {"n": number}})
    lines = run(examples / "replay", settings["DATABASE_URL"], "replay.*", "2026-01-01T00:00:00Z").splitlines()
    assert [line.split()[1:] for line in lines] == [["replay.made", f"replay-{number}", f'{{"n":{number}}}'] for number in range(3)]
    assert run(examples / "replay", settings["DATABASE_URL"], "replay.*", "2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z") == ""
    assert "times look like" in run(examples / "replay", settings["DATABASE_URL"], "#", "yesterday", fails=True)


def test_replay_reads_a_data_directory(examples, tmp_path):
    assert run(examples / "replay", tmp_path / "data") == ""


def test_http_client(examples, service):
    assert run(examples / "http_client", service.url).splitlines() == [
        "stored", "was there", 'found {"user_id":1}', "received user.created, attempt 1", "acknowledged 1"]
    assert "not-a-url" in run(examples / "http_client", "not-a-url", fails=True)


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_idempotent_handler_remembers_across_restarts(examples, settings, amqp_url, service, tmp_path, database):
    place = settings["DATABASE_URL"] if database == "postgresql" else tmp_path / "payments.db"
    queue, paid, more = f"payments-{database}", f"{database}-1", f"{database}-2"
    handler = (examples / "idempotent_handler", amqp_url, queue, place)
    service.client().put(f"/queues/{queue}", json={"bindings": [{"routing_key": f"payment.{database}"}]})
    service.client().post("/events?wait=published", json={"event_id": paid, "event_type": f"payment.{database}"})
    assert run(*handler, f"payment.{database}", 1) == f"handled {paid}\n"
    # Somebody publishes it a second time, past the service.
    body = json.dumps({"event_id": paid, "event_type": f"payment.{database}", "payload": {}})
    stranger = Amqp(amqp_url)
    stranger.publish("events", f"payment.{database}", body)
    stranger.publish("events", f"payment.{database}", body.replace(paid, more))
    stranger.connection.close()
    assert sorted(run(*handler, f"payment.{database}", 2).splitlines()) == [f"again {paid}", f"handled {more}"]
