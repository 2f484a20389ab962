"""Exchanges that somebody else has declared on RabbitMQ, in another way than the service would."""
import json

import pytest

from support.waiting import eventually, unique


def bindings(exchange, key):
    return {"bindings": [{"routing_key": "nobody"}, {"exchange": exchange, "routing_key": key}]}


@pytest.mark.parametrize("kind", ["direct", "fanout", "headers"])
def test_a_queue_is_not_bound_to_an_exchange_of_another_type(bus, amqp, kind):
    amqp.channel.exchange_declare(exchange := unique(kind), kind, durable=True)
    queue = unique("ours")
    problem = bus.put(f"/queues/{queue}", bindings(exchange, "user.*")).problem(409, "exchange_conflict", "bindings[1].exchange")
    assert exchange in problem["detail"] and kind in problem["detail"]
    bus.get(f"/queues/{queue}").problem(404, "unknown_queue")
    before = bus.declare(queue, queue)
    bus.put(f"/queues/{queue}", bindings(exchange, "user.*")).problem(409, "exchange_conflict", "bindings[1].exchange")
    assert bus.queue(queue)["bindings"] == before["bindings"]
    amqp.channel.exchange_delete(exchange)
    bus.put(f"/queues/{queue}", bindings(exchange, "user.*")).ok(200)
    event_id = bus.publish(event_type="user.created", exchange=exchange)
    assert bus.receive_one(queue)["event"]["event_id"] == event_id


@pytest.mark.parametrize("properties", [{"durable": False}, {"durable": True, "auto_delete": True},
                                        {"durable": True, "arguments": {"alternate-exchange": "elsewhere"}}])
def test_a_topic_exchange_may_differ_in_other_ways(bus, amqp, properties):
    amqp.channel.exchange_declare(exchange := unique("topic"), "topic", **properties)
    bus.put(f"/queues/{(queue := unique('ours'))}", bindings(exchange, "user.*")).ok(201)
    event_id = bus.publish(event_type="user.created", exchange=exchange)
    assert bus.receive_one(queue)["event"]["event_id"] == event_id


def test_what_is_published_to_an_exchange_of_another_type_is_routed_in_its_way_and_holds_up_nobody(bus, amqp):
    amqp.channel.exchange_declare(exchange := unique("direct"), "direct", durable=True)
    amqp.channel.queue_declare(theirs := unique("theirs"), durable=True, arguments={"x-queue-type": "quorum"})
    amqp.channel.queue_bind(theirs, exchange, "user.created")
    event_id = bus.publish(event_type="user.created", exchange=exchange)
    bus.publish(event_type="user.deleted", exchange=exchange)
    method, _, body = amqp.get(theirs)
    amqp.channel.basic_ack(method.delivery_tag)
    assert json.loads(body)["event_id"] == event_id
    assert eventually(lambda: amqp.ready(theirs) == 0)
