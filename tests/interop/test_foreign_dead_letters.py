"""What AMQP clients reject in the service's queues, and what RabbitMQ gives up there: it rests in the database, is listed, and goes back as it was."""
import datetime
import decimal
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.dependencies import rabbitmq
from support.waiting import eventually, unique

LIMIT = 2  # returns to a queue that RabbitMQ gives up after it
ROUNDS = 6  # of that
HEADERS = {"mine": "kept", "größe": "ü", "ratio": 0.1, "deep": {"list": [1, 2.5, {"yes": True}], "table": {"n": -7}}, "none": None, "big": 1 << 40}
ODD = HEADERS | {"raw": b"\xff\x00", "exact": decimal.Decimal("12.50"), "at": datetime.datetime(2026, 11, 23, 17, 49, 13)}  # JSON knows no such values
BODIES = [b"not json", b'{"event_type": 7}', b"a\x00b", b"\x00\xff\xfe{", b""]


def event(event_id, **fields):
    return json.dumps({"event_id": event_id, "event_type": "user.created"} | fields)


def reject(amqp, queue, count=1):
    """The client takes that many messages and wants none of them."""
    for method, _, _ in amqp.take(queue, count):
        amqp.channel.basic_reject(method.delivery_tag, requeue=False)


def hand_back(amqp, queue, times=1):
    for _ in range(times):
        amqp.channel.basic_reject(amqp.get(queue)[0].delivery_tag, requeue=True)


def resting(bus, queue, count=1):
    """All dead letters of a queue, once there are that many."""
    letters = eventually(lambda: len(found := bus.dead_letters(queue, limit=1000)) >= count and found)
    assert len(letters) == count and eventually(lambda: bus.queue(queue)["dead_letters"] == count)
    return letters


def all_settled(bus, queue):
    """Nothing of it is in the queue or a dead letter."""
    return bus.receive(queue) == [] and bus.dead_letters(queue) == [] and bus.queue(queue)["dead_letters"] == 0


def ids_of(letters):
    return [letter["event"]["event_id"] for letter in letters]


def listed(bus, queue, limit, pages):
    """The ids on the first pages, and whether there are more."""
    query, ids, cursors = {"limit": limit}, [], set()
    for _ in range(pages):
        page = bus.get(f"/queues/{queue}/dead-letters", query=query).ok(200)
        assert len(page["dead_letters"]) <= limit and page["next_cursor"] not in cursors
        ids += ids_of(page["dead_letters"])
        query["cursor"] = page["next_cursor"]
        cursors.add(page["next_cursor"])
        if page["next_cursor"] is None:
            return ids, False
    return ids, True


def redrive(bus, queue, **choice):
    return bus.post(f"/queues/{queue}/dead-letters/redrive", choice).ok(200)


def all_of(count):
    return {"matched": count, "redriven": count, "left": 0, "dry_run": False}


def counted(bus, queue, reason):
    found = re.search(rf'^eventbus_dead_letters_total{{queue="{queue}",reason="{reason}"}} (\d+)', bus.get("/metrics").body.decode(), re.M)
    return int(found[1]) if found else 0


def is_recent(text):
    return abs(datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(text)) < datetime.timedelta(minutes=5)


def published_by_client(bus, amqp, queue):
    bus.declare(queue, f"{queue}.#")
    amqp.publish("events", f"{queue}.eu", event(queue, payload={"n": 1}))
    return queue, f"{queue}.eu"


def published_by_service(bus, amqp, queue):
    del amqp
    bus.declare(queue, f"{queue}.#")
    return bus.publish(event_type="user.created", routing_key=f"{queue}.eu", payload={"n": 1}), f"{queue}.eu"


PUBLISHED = pytest.mark.parametrize("publish", [published_by_client, published_by_service])


@PUBLISHED
def test_a_rejected_event_rests_with_its_own_exchange_and_key(bus, amqp, publish):
    event_id, key = publish(bus, amqp, queue := unique("ours"))
    reject(amqp, queue)
    (letter,) = resting(bus, queue)
    expected = {"event_id": event_id, "event_type": "user.created", "exchange": "events", "routing_key": key, "payload": {"n": 1}}
    assert expected.items() <= letter["event"].items()
    assert (letter["reason"], letter["attempts"]) == ("rejected", 1)
    assert is_recent(letter["first_failed_at"]) and is_recent(letter["last_failed_at"]) and letter["first_failed_at"] <= letter["last_failed_at"]
    assert eventually(lambda: amqp.ready(f"{queue}.dlq") == 0)
    assert eventually(lambda: counted(bus, queue, "rejected")) == 1


@PUBLISHED
def test_redriven_it_is_delivered_as_it_was_published(bus, amqp, publish):
    event_id, key = publish(bus, amqp, queue := unique("ours"))
    reject(amqp, queue)
    resting(bus, queue)
    assert redrive(bus, queue, event_ids=[event_id]) == all_of(1)
    delivery = bus.receive_one(queue)
    expected = {"event_id": event_id, "event_type": "user.created", "exchange": "events", "routing_key": key, "payload": {"n": 1}}
    assert expected.items() <= delivery["event"].items() and delivery["attempt"] == 1
    bus.ack(queue, delivery)
    assert all_settled(bus, queue)


def taken_by_the_service(bus, amqp, queue):
    del amqp
    assert bus.receive(queue) == []


def left_alone(bus, amqp, queue):
    """The service consumes on for a while, also from a paused queue; then what is redriven lies there."""
    bus.post(f"/queues/{queue}/pause").ok()
    assert eventually(lambda: amqp.channel.queue_declare(queue, passive=True).method.consumer_count == 0)


def rejected_by_the_client(bus, amqp, queue):
    del bus
    reject(amqp, queue, amqp.ready(queue))


DYING = pytest.mark.parametrize("die", [taken_by_the_service, rejected_by_the_client])


@DYING
@pytest.mark.parametrize("body", BODIES)
def test_what_is_no_event_is_shown_as_it_came(bus, amqp, die, body):
    bus.declare(queue := unique("ours"), f"{queue}.#")
    amqp.publish("events", f"{queue}.eu", body, message_id=queue, content_type="text/x-odd", headers=HEADERS)
    die(bus, amqp, queue)
    (letter,) = resting(bus, queue)
    found = letter["event"]
    assert (found["event_id"], found["event_type"], found["exchange"], found["routing_key"]) == (queue, "malformed", "events", f"{queue}.eu")
    shown = {"body_hex": body.hex()} if b"\xff" in body else {"body": body.decode()}
    assert found["payload"] == shown | {"content_type": "text/x-odd", "headers": HEADERS}
    assert (letter["reason"], letter["attempts"]) == ("rejected", 1) and is_recent(letter["first_failed_at"]) and is_recent(letter["last_failed_at"])
    assert eventually(lambda: counted(bus, queue, "rejected")) == 1


@DYING
@pytest.mark.parametrize("body", [b"not json", b"\x00\xff\xfe{"])
def test_equal_messages_without_a_name_are_one_dead_letter_each(bus, amqp, die, body):
    bus.declare(queue := unique("ours"), queue)
    for _ in range(3):
        amqp.publish("events", queue, body)
    die(bus, amqp, queue)
    ids = ids_of(resting(bus, queue, 3))
    assert len(set(ids)) == 3
    left_alone(bus, amqp, queue)
    assert redrive(bus, queue, event_ids=ids[1:2]) == all_of(1)
    assert ids_of(resting(bus, queue, 2)) == [ids[0], ids[2]]
    assert redrive(bus, queue, all=True) == all_of(2)
    assert [found for _, _, found in amqp.take(queue, 3)] == [body] * 3


@DYING
def test_messages_of_one_name_are_one_dead_letter_each(bus, amqp, die):
    bus.declare(queue := unique("ours"), queue)
    for body in ("one", "two"):
        amqp.publish("events", queue, body, message_id="same")
    die(bus, amqp, queue)
    letters = resting(bus, queue, 2)
    assert [(letter["event"]["event_id"], letter["event"]["payload"]) for letter in letters] == [("same", {"body": "one"}), ("same", {"body": "two"})]
    left_alone(bus, amqp, queue)
    assert redrive(bus, queue, event_ids=["same"]) == all_of(2)
    assert [body for _, _, body in amqp.take(queue, 2)] == [b"one", b"two"]


@pytest.mark.parametrize("body, die", [(body, rejected_by_the_client) for body in BODIES] + [(b"not json", taken_by_the_service), (b"\xff", taken_by_the_service)])
def test_what_is_no_event_goes_back_as_it_was(bus, amqp, body, die):
    bus.declare(queue := unique("ours"), queue)
    known = {"content_type": "text/x-odd", "content_encoding": "odd", "message_id": queue, "type": "a type", "correlation_id": "c-1", "reply_to": "somebody",
             "app_id": "shop", "priority": 3, "timestamp": 1795456153}
    amqp.publish("events", queue, body, headers=ODD, **known)
    die(bus, amqp, queue)
    ids = ids_of(resting(bus, queue))
    left_alone(bus, amqp, queue)
    assert redrive(bus, queue, event_ids=ids) == all_of(1)
    method, properties, found = amqp.get(queue)
    assert found == body and {name: getattr(properties, name) for name in known} == known and properties.delivery_mode == 2
    assert {name: value for name, value in properties.headers.items() if not name.startswith("x-eventbus-")} == ODD
    amqp.channel.basic_ack(method.delivery_tag)
    assert bus.dead_letters(queue) == [] and bus.queue(queue)["dead_letters"] == 0


def test_a_message_without_a_name_is_redriven_by_the_one_it_is_listed_under(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    amqp.publish("events", queue, b"not json")
    reject(amqp, queue)
    ids = ids_of(resting(bus, queue))
    assert redrive(bus, queue, event_ids=ids) == all_of(1)
    _, properties, body = amqp.get(queue)
    assert (body, properties.message_id, properties.content_type) == (b"not json", None, None)


def test_a_thousand_of_them_are_listed_and_come_again_once_each(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    ids = [f"{queue}/{number}" for number in range(1200)]
    for event_id in ids:
        amqp.publish("events", queue, event(event_id))
    reject(amqp, queue, len(ids))
    eventually(lambda: amqp.ready(f"{queue}.dlq") == 0 and bus.queue(queue)["dead_letters"] == len(ids))
    few, more = listed(bus, queue, 1, 5)
    assert len(set(few)) == 5 and more
    found, more = listed(bus, queue, 500, 4)
    assert sorted(found) == sorted(ids) and found[:5] == few and not more
    assert redrive(bus, queue, all=True) == all_of(len(ids))
    assert sorted(delivery["event"]["event_id"] for delivery in bus.drain(queue, len(ids))) == sorted(ids)
    assert all_settled(bus, queue)


def test_looking_changes_nothing(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    for body in (event(queue), "not json", b"\xff"):
        amqp.publish("events", queue, body)
    reject(amqp, queue, 3)
    resting(bus, queue, 3)
    eventually(lambda: amqp.ready(f"{queue}.dlq") == 0)
    looks = [bus.get(f"/queues/{queue}/dead-letters").body for _ in range(30)]
    assert len(json.loads(looks[0])["dead_letters"]) == 3 and set(looks) == {looks[0]}
    assert (bus.queue(queue)["dead_letters"], counted(bus, queue, "rejected"), amqp.ready(queue)) == (3, 3, 0)


def test_two_redrives_at_a_time_share_them(bus, amqp, server):
    bus.declare(queue := unique("ours"), queue)
    ids = [f"{queue}/{number}" for number in range(1500)]  # more than are moved at a time
    for event_id in ids:
        amqp.publish("events", queue, event(event_id))
    reject(amqp, queue, len(ids))
    eventually(lambda: amqp.ready(f"{queue}.dlq") == 0 and bus.queue(queue)["dead_letters"] == len(ids))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda client: redrive(client, queue, all=True), [server.client(), server.client()]))
    assert sum(answer["redriven"] for answer in answers) == len(ids)
    assert sorted(delivery["event"]["event_id"] for delivery in bus.drain(queue, len(ids))) == sorted(ids)
    assert all_settled(bus, queue)


@pytest.mark.parametrize("body", ["event", "not json"])
def test_what_dies_again_is_one_dead_letter_with_new_times(bus, amqp, body):
    bus.declare(queue := unique("ours"), queue)
    amqp.publish("events", queue, event(queue) if body == "event" else body, message_id=queue)
    reject(amqp, queue)
    (before,) = resting(bus, queue)
    assert redrive(bus, queue, event_ids=[queue]) == all_of(1)
    eventually(lambda: datetime.datetime.now(datetime.timezone.utc) > datetime.datetime.fromisoformat(before["last_failed_at"]) + datetime.timedelta(seconds=1))
    reject(amqp, queue)
    (letter,) = resting(bus, queue)
    assert (letter["event"]["event_id"], letter["reason"], letter["attempts"]) == (queue, "rejected", 1)
    assert before["last_failed_at"] < letter["first_failed_at"] <= letter["last_failed_at"] and is_recent(letter["last_failed_at"])
    assert letter["event"]["payload"] == before["event"]["payload"]
    assert bus.delete(f"/queues/{queue}/dead-letters", {"event_ids": [queue]}).ok(200) == {"matched": 1, "dry_run": False}
    assert all_settled(bus, queue)
    assert counted(bus, queue, "rejected") == 2


def deleted(bus, queue):
    assert bus.delete(f"/queues/{queue}/dead-letters", {"all": True}).ok(200)["matched"] == 1


def kept(bus, queue):
    assert len(bus.dead_letters(queue)) == 1


@pytest.mark.parametrize("body", ["event", "not json"])
def test_equal_messages_that_die_one_after_the_other_are_one_dead_letter_each(bus, amqp, body):
    """RabbitMQ 4 marks all that dies as redelivered."""
    bus.declare(queue := unique("ours"), queue)
    for count in (1, 2, 3):
        amqp.publish("events", queue, event(queue) if body == "event" else body)
        reject(amqp, queue)
        resting(bus, queue, count)


@pytest.mark.parametrize("treat", [deleted, kept])
def test_an_equal_event_is_delivered_though_a_client_handed_it_back(bus, amqp, treat):
    """RabbitMQ marks it as redelivered, yet it is another one than the dead letter."""
    bus.declare(queue := unique("ours"), queue)
    amqp.publish("events", queue, event(queue))
    reject(amqp, queue)
    resting(bus, queue)
    treat(bus, queue)
    amqp.publish("events", queue, event(queue))
    hand_back(amqp, queue)
    assert bus.receive_one(queue)["event"]["event_id"] == queue


@pytest.mark.parametrize("treat", [deleted, kept])
def test_an_equal_message_rests_though_somebody_looked_at_it_on_its_way(bus, amqp, treat):
    bus.declare(queue := unique("ours"), queue)
    amqp.publish("events", queue, "not json")
    reject(amqp, queue)
    resting(bus, queue)
    treat(bus, queue)
    left = len(bus.dead_letters(queue))
    amqp.publish("events", queue, "not json")
    method, _, _ = amqp.get(queue)
    looking = amqp.connection.channel()
    messages = looking.consume(f"{queue}.dlq", inactivity_timeout=20)
    next(looking.consume(f"{queue}.dlq", inactivity_timeout=0.1))  # It is the active consumer there before the message comes.
    amqp.channel.basic_reject(method.delivery_tag, requeue=False)
    assert next(messages)[2] == b"not json"
    looking.close()
    resting(bus, queue, left + 1)


def declare_limited(bus, amqp):
    """A queue that gives up what came back too often, otherwise as the service declares its own."""
    arguments = {"x-queue-type": "quorum", "x-dead-letter-exchange": "events.dlx", "x-dead-letter-routing-key": (queue := unique("limited")),
                 "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-delivery-limit": LIMIT}
    amqp.channel.queue_declare(queue, durable=True, arguments=arguments)
    bus.declare(queue, f"{queue}.#")
    return queue


@PUBLISHED
def test_what_came_back_too_often_for_rabbitmq_is_delivered_again(bus, amqp, publish):
    event_id, key = publish(bus, amqp, queue := declare_limited(bus, amqp))
    hand_back(amqp, queue, LIMIT + 1)
    method, properties, _ = amqp.get(queue)
    assert not method.redelivered and not {name for name in properties.headers if "death" in name}
    amqp.channel.basic_reject(method.delivery_tag, requeue=True)
    delivery = bus.receive_one(queue)
    expected = {"event_id": event_id, "event_type": "user.created", "exchange": "events", "routing_key": key, "payload": {"n": 1}}
    assert expected.items() <= delivery["event"].items() and delivery["attempt"] == 1
    bus.ack(queue, delivery)
    assert all_settled(bus, queue) and counted(bus, queue, "delivery_limit") == 0


@PUBLISHED
def test_it_comes_back_however_often_rabbitmq_gives_it_up(bus, amqp, publish):
    event_id, _ = publish(bus, amqp, queue := declare_limited(bus, amqp))
    hand_back(amqp, queue, (LIMIT + 1) * ROUNDS)
    delivery = bus.receive_one(queue)
    assert (delivery["event"]["event_id"], delivery["attempt"]) == (event_id, 1)
    assert bus.ack(queue, delivery)["acked"] == 1 and all_settled(bus, queue)


def test_large_messages_are_taken_in_and_go_back(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    bodies = [bytes([number]) * (4 << 20) for number in range(1, 7)]
    for body in bodies:
        amqp.publish("events", queue, body)
    reject(amqp, queue, len(bodies))
    resting(bus, queue, len(bodies))
    bus.post(f"/queues/{queue}/pause").ok(200)
    assert redrive(bus, queue, all=True) == all_of(len(bodies))
    left_alone(bus, amqp, queue)
    assert sorted(body for _, _, body in amqp.take(queue, len(bodies))) == bodies


@pytest.mark.parametrize("ordered", [False, True])
def test_a_queue_of_the_service_gives_up_nothing_for_coming_back(bus, settings, ordered):
    bus.declare(queue := unique("ours"), queue, ordered=ordered)
    found = rabbitmq().control("list_queues", "--vhost", settings["RABBITMQ_URL"].rpartition("/")[2], "--formatter", "json", "name", "arguments").stdout
    arguments = {known["name"]: known["arguments"] for known in json.loads(found)}[queue]
    assert '"x-delivery-limit"' in json.dumps(arguments) and "1000000" in json.dumps(arguments)
