"""Two instances of the production engine on one PostgreSQL and one RabbitMQ: any may be asked."""
import concurrent.futures
import random
import signal

import pytest

from support.dependencies import postgres, production_settings
from support.server import Server
from support.waiting import eventually, unique


@pytest.fixture
def pair(tmp_path):
    """Two running instances."""
    settings = production_settings(tmp_path)
    with Server(tmp_path / "a", **settings) as a, Server(tmp_path / "b", **settings) as b:
        yield a, b


def received_at(client, queue, count):
    """Deliveries that this instance holds: it alone consumes."""
    for _ in range(count):
        client.publish(event_type=queue)
    taken = []
    while len(taken) < count:
        taken += client.receive(queue, count - len(taken), 10000)
    return taken


def test_deliveries_of_one_instance_are_settled_through_the_other(pair):
    a, b = (server.client() for server in pair)
    queue = unique("pair")
    a.declare(queue, queue, max_retries=3)
    done, failed, dead, kept = received_at(a, queue, 4)
    assert b.ack(queue, done) == {"acked": 1, "unknown": []}
    assert b.nack(queue, failed, delay_ms=0) == {"nacked": 1, "unknown": []}
    assert b.nack(queue, dead, requeue=False, reason="card declined")["nacked"] == 1
    extended = b.post(f"/queues/{queue}/extend", {"delivery_ids": [kept["delivery_id"]], "lease_ms": 60000}).ok(200)
    assert extended == {"extended": 1, "unknown": []}
    assert [(letter["event"]["event_id"], letter["reason"]) for letter in b.dead_letters(queue)] == [(dead["event"]["event_id"], "card declined")]
    again = a.receive_one(queue)
    assert (again["event"]["event_id"], again["attempt"]) == (failed["event"]["event_id"], 2)
    assert b.ack(queue, again, kept, done) == {"acked": 2, "unknown": [done["delivery_id"]]}
    assert a.queue(queue)["in_flight"] == 0


def test_what_was_acknowledged_through_the_other_does_not_come_again(pair):
    a, b = (server.client() for server in pair)
    queue = unique("pair")
    a.declare(queue, queue)
    done, left = received_at(a, queue, 2)
    assert b.ack(queue, done)["acked"] == 1
    pair[0].kill()
    assert b.receive_one(queue)["event"]["event_id"] == left["event"]["event_id"]
    assert b.receive(queue) == []


def test_deliveries_of_a_killed_instance_are_unknown_and_come_again(pair):
    a, b = (server.client() for server in pair)
    queue = unique("pair")
    a.declare(queue, queue)
    taken = received_at(a, queue, 2)
    pair[0].kill()
    answer = b.ack(queue, *taken)
    assert answer["acked"] == 0 and sorted(answer["unknown"]) == sorted(delivery["delivery_id"] for delivery in taken)
    assert len(b.drain(queue, 2)) == 2


def test_a_frozen_instance_does_not_hold_up_the_other(pair, tmp_path):
    a, b = (server.client() for server in pair)
    queue = unique("pair")
    a.declare(queue, queue)
    (taken,) = received_at(a, queue, 1)
    pair[0].signal(signal.SIGSTOP)
    assert b.ack(queue, taken) == {"acked": 0, "unknown": [taken["delivery_id"]]}
    pair[0].signal(signal.SIGCONT)
    database = production_settings(tmp_path)["DATABASE_URL"].rpartition("/")[2]
    eventually(lambda: postgres().ask(database, "SELECT count(*) FROM eventbus_mail") == "0", 20)
    if eventually(lambda: a.ack(queue, taken))["acked"] == 0:  # RabbitMQ has given it up in the meantime
        assert b.ack(queue, b.receive_one(queue))["acked"] == 1


def test_an_instance_that_is_frozen_relays_no_more_and_what_it_holds_goes_to_others(pair):
    leader = next(server for server in pair if "relays the outbox" in server.log)
    other = pair[0] if leader is pair[1] else pair[1]
    queue = unique("pair")
    leader.client().declare(queue, queue)
    (held,) = received_at(leader.client(), queue, 1)
    other.client().post("/events", {"event_type": queue}, query={"wait": "published", "timeout_ms": 10000}).ok(201)
    leader.signal(signal.SIGSTOP)
    try:
        later = other.client().post("/events", {"event_type": queue}).ok(201, 202)["event_id"]
        taken = other.client().take(queue, 3)
        assert {delivery["event"]["event_id"] for delivery in taken} >= {held["event"]["event_id"], later}
        assert other.client().ack(queue, *taken)["acked"] == 3
    finally:
        leader.signal(signal.SIGCONT)
    eventually(lambda: leader.client().get("/ready").status == 200)
    last = leader.client().publish(event_type=queue)
    eventually(lambda: leader.client().receive_one(queue)["event"]["event_id"] == last)


def test_the_mode_that_one_instance_was_given_is_everybodys(pair):
    a, b = (server.client() for server in pair)
    a.put("/mode", {"mode": "read_only"}).ok(200)
    eventually(lambda: b.get("/mode").ok(200) == {"mode": "read_only"})
    b.post("/events", {"event_type": "a"}).problem(503, "read_only")
    pair[0].stop()
    a = pair[0].start().client()
    assert a.get("/mode").ok(200) == {"mode": "read_only"}
    a.post("/events", {"event_type": "a"}).problem(503, "read_only")
    b.put("/mode", {"mode": "normal"}).ok(200)
    assert eventually(lambda: a.post("/events", {"event_type": "a"}).status == 201)


def test_a_queue_that_was_paused_at_one_instance_pauses_at_all(pair):
    a, b = (server.client() for server in pair)
    queue = unique("pair")
    a.declare(queue, queue)
    received_at(b, queue, 1)
    b.publish_many([{"event_type": queue}] * 10)
    assert a.post(f"/queues/{queue}/pause").ok(200)["paused"]
    eventually(lambda: b.queue(queue)["paused"])
    assert b.receive(queue) == []
    pair[1].stop()
    b = pair[1].start().client()
    assert b.receive(queue) == [] and b.queue(queue)["paused"]
    b.post(f"/queues/{queue}/resume").ok(200)
    assert len(a.take(queue, 11)) == 11


def test_declaring_and_deleting_the_same_queues_through_both_leaves_them_usable(pair):
    names = [unique("contested") for _ in range(2)]

    def storm(seed):
        chance, clients = random.Random(seed), [server.client() for server in pair]
        for _ in range(60):
            client, path = chance.choice(clients), f"/queues/{chance.choice(names)}"
            if chance.random() < 0.6:
                answer = client.put(path, {"bindings": [{"routing_key": "#"}], "ordered": chance.random() < 0.5})
            else:
                answer = client.delete(path)
            statuses.add(answer.status)

    statuses = set()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(storm, range(4)))
    assert statuses >= {200, 201, 204} and statuses <= {200, 201, 204, 404, 409, 503}, statuses
    a, b = (server.client() for server in pair)
    for name in names:
        eventually(lambda: a.delete(f"/queues/{name}").status == 404, 60)
        eventually(lambda: b.put(f"/queues/{name}", {"bindings": [{"routing_key": name}]}).status in (200, 201), 60)
        a.publish(event_type="of-a-former-declaration")
        event = a.publish(event_type=name)
        assert b.receive_one(name)["event"]["event_id"] == event
