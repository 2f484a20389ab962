"""Somebody deletes on RabbitMQ what the service has made there: it is made again, and what was published meanwhile arrives."""
import json

import pytest

from support.dependencies import rabbitmq
from support.waiting import eventually, unique


def delete_exchange(amqp, queue, exchange):
    del queue
    amqp.channel.exchange_delete(exchange)


def declare_exchange_anew(amqp, queue, exchange):
    """RabbitMQ takes what is published then, and returns it."""
    delete_exchange(amqp, queue, exchange)
    amqp.channel.exchange_declare(exchange, "topic", durable=True)


def delete_binding(amqp, queue, exchange):
    amqp.channel.queue_unbind(queue, exchange, "order.*")


def delete_queue(amqp, queue, exchange):
    del exchange
    amqp.channel.queue_delete(queue)


DELETIONS = [delete_exchange, declare_exchange_anew, delete_binding, delete_queue]


def declare(bus, exchange):
    bus.put(f"/queues/{(queue := unique('ours'))}", {"bindings": [{"exchange": exchange, "routing_key": "order.*"}]}).ok(201)
    return queue


def published(bus, exchange, count=20):
    """One after the other, once the broker is said to have each; their ids."""
    answers = [bus.post("/events?wait=published&timeout_ms=30000", {"event_type": "order.paid", "exchange": exchange}) for _ in range(count)]
    assert {answer.json["status"] for answer in answers} == {"published"}
    return [answer.json["event_id"] for answer in answers]


@pytest.mark.parametrize("delete", DELETIONS)
def test_what_is_published_after_it_arrives(bus, amqp, delete):
    queue = declare(bus, exchange := unique("shop"))
    assert len(bus.drain(queue, len(published(bus, exchange)))) == 20
    delete(amqp, queue, exchange)
    ids = published(bus, exchange)
    assert {delivery["event"]["event_id"] for delivery in bus.drain(queue, len(ids))} == set(ids)


def test_it_arrives_though_the_channel_that_consumes_notices_late(bus, amqp, settings):
    """That channel of RabbitMQ then consumes the new queue by itself, and hands out nothing of it."""
    queue = declare(bus, exchange := unique("shop"))
    assert len(bus.drain(queue, len(published(bus, exchange, 1)))) == 1
    with rabbitmq().frozen_consuming(settings["RABBITMQ_URL"].rpartition("/")[2]):
        delete_queue(amqp, queue, exchange)
        ids = published(bus, exchange)
    assert {delivery["event"]["event_id"] for delivery in bus.drain(queue, len(ids))} == set(ids)


@pytest.mark.parametrize("delete", [delete_exchange, declare_exchange_anew])
def test_it_arrives_in_every_queue_of_a_removed_exchange(bus, amqp, delete):
    exchange = unique("shop")
    queues = [declare(bus, exchange) for _ in range(3)]
    delete(amqp, queues[0], exchange)
    ids = published(bus, exchange, 10)
    for queue in queues:
        assert {delivery["event"]["event_id"] for delivery in bus.drain(queue, len(ids))} == set(ids)


def test_the_default_exchange_is_made_again(bus, amqp):
    bus.declare(queue := unique("ours"), queue)
    amqp.channel.exchange_delete("events")
    totals = bus.publish_many([{"event_type": queue, "event_id": f"{queue}-{n}"} for n in range(500)])
    assert totals["stored"] == 500
    assert {delivery["event"]["event_id"] for delivery in bus.drain(queue, 500)} == {f"{queue}-{n}" for n in range(500)}


@pytest.mark.parametrize("delete", [delete_binding, delete_queue])
def test_a_queue_that_others_hide_is_bound_again(bus, amqp, delete):
    """What is published is in the other queue, so RabbitMQ returns nothing."""
    queue, exchange = declare(bus, exchange := unique("shop")), exchange
    declare(bus, exchange)
    delete(amqp, queue, exchange)

    def arrives():
        bus.publish(event_type="order.paid", exchange=exchange)
        return bus.receive(queue, 1)
    eventually(arrives)


def test_clients_that_publish_themselves_find_the_exchange_again(bus, amqp):
    queue = declare(bus, exchange := unique("shop"))
    amqp.channel.queue_unbind(queue, exchange, "order.*")
    amqp.publish(exchange, "order.paid", json.dumps({"event_id": queue, "event_type": "order.paid"}))
    assert bus.receive_one(queue)["event"]["event_id"] == queue


@pytest.mark.parametrize("what", ["queue", "exchange"])
def test_where_dead_letters_rest_is_made_again(bus, amqp, what):
    queue = declare(bus, exchange := unique("shop"))
    (event_id,) = published(bus, exchange, 1)
    delivery = bus.receive_one(queue)
    amqp.channel.queue_delete(f"{queue}.dlq") if what == "queue" else amqp.channel.exchange_delete(f"{exchange}.dlx")

    def given_up():
        answer = bus.post(f"/queues/{queue}/nack", {"delivery_ids": [delivery["delivery_id"]], "requeue": False})
        return answer.status == 200
    eventually(given_up)
    assert [letter["event"]["event_id"] for letter in eventually(lambda: bus.dead_letters(queue))] == [event_id]


def test_a_deleted_queue_of_the_service_stays_deleted(bus, amqp):
    """Though events that only it wanted are on their way all the time."""
    queue = declare(bus, exchange := unique("shop"))
    for _ in range(10):
        bus.post("/events", {"event_type": "order.paid", "exchange": exchange}).ok(201)
    assert bus.delete(f"/queues/{queue}").status == 204
    published(bus, exchange, 5)
    amqp.channel.queue_declare(witness := unique("theirs"), durable=True, arguments={"x-queue-type": "quorum"})
    amqp.channel.queue_bind(witness, exchange, "order.*")
    published(bus, exchange, 1)
    assert amqp.ready(witness) == 1
    declare(bus, exchange)  # under another name; the server answers once it has everything
    assert queue not in [known["name"] for known in bus.get("/queues").ok(200)["queues"]]
