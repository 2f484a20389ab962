"""Dead letters: listing, redrive and delete by id, reason or all; dry runs; pace."""
import pytest

from support.waiting import eventually, unique


@pytest.fixture
def graveyard(bus):
    """A queue with ten dead letters, every other one for the reason "odd"."""
    queue = unique("dead")
    bus.declare(queue, queue)
    ids = [bus.publish(event_type=queue) for _ in range(10)]
    for n, delivery in enumerate(bus.take(queue, 10)):
        bus.nack(queue, delivery, requeue=False, **({"reason": "odd"} if n % 2 else {}))
    return queue, ids


def redrive(bus, queue, **body):
    return bus.post(f"/queues/{queue}/dead-letters/redrive", body)


def test_they_are_listed_in_order_by_pages(bus, graveyard):
    queue, ids = graveyard
    cursor, seen = {}, []
    while cursor is not None:
        page = bus.get(f"/queues/{queue}/dead-letters", query={"limit": 3} | cursor).ok(200)
        seen += [letter["event"]["event_id"] for letter in page["dead_letters"]]
        cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}
    assert seen == ids and bus.queue(queue)["dead_letters"] == 10


@pytest.mark.parametrize("choice, expected", [(lambda ids: {"event_ids": ids[2:4] + ["nobody"]}, [2, 3]),
                                              (lambda ids: {"reason": "odd"}, [1, 3, 5, 7, 9]),
                                              (lambda ids: {"all": True}, range(10))])
def test_redrive_delivers_the_chosen_as_fresh(bus, graveyard, choice, expected):
    queue, ids = graveyard
    body = redrive(bus, queue, **choice(ids)).ok(200, 202)
    assert len(expected) in body.values(), body
    deliveries = bus.drain(queue, len(expected))
    assert [d["event"]["event_id"] for d in deliveries] == [ids[n] for n in expected]
    assert all(d["attempt"] == 1 for d in deliveries)
    assert bus.queue(queue)["dead_letters"] == 10 - len(expected)


@pytest.mark.parametrize("choice, left", [(lambda ids: {"event_ids": ids[:1]}, 9), (lambda ids: {"reason": "odd"}, 5), (lambda ids: {"all": True}, 0)])
def test_delete_forgets_the_chosen(bus, graveyard, choice, left):
    queue, ids = graveyard
    assert bus.delete(f"/queues/{queue}/dead-letters", choice(ids)).status in (200, 202)
    assert len(bus.dead_letters(queue)) == left
    assert bus.receive(queue) == []
    assert bus.event(ids[0])["event_id"] == ids[0]


def test_a_dry_run_only_counts(bus, graveyard):
    queue, _ = graveyard
    assert 5 in redrive(bus, queue, reason="odd", dry_run=True).ok(200, 202).values()
    assert 10 in bus.delete(f"/queues/{queue}/dead-letters", {"all": True, "dry_run": True}).ok(200, 202).values()
    assert bus.queue(queue)["dead_letters"] == 10 and bus.receive(queue) == []


def test_a_full_queue_that_refuses_takes_what_it_has_room_for(bus, graveyard):
    queue, ids = graveyard
    bus.declare(queue, queue, max_length=4, overflow="reject")
    assert redrive(bus, queue, all=True, dry_run=True).ok(200) == {"matched": 10, "redriven": 4, "left": 6, "dry_run": True}
    assert redrive(bus, queue, all=True).ok(200) == {"matched": 10, "redriven": 4, "left": 6, "dry_run": False}
    assert redrive(bus, queue, all=True).ok(200) == {"matched": 6, "redriven": 0, "left": 6, "dry_run": False}
    assert [d["event"]["event_id"] for d in bus.drain(queue, 4)] == ids[:4]
    assert bus.queue(queue)["dead_letters"] == 6


def test_a_paced_redrive_goes_on_after_its_answer(bus, graveyard):
    queue, ids = graveyard
    redrive(bus, queue, all=True, events_per_second=50).ok(200, 202)
    assert sorted(d["event"]["event_id"] for d in bus.drain(queue, 10)) == sorted(ids)
    eventually(lambda: bus.queue(queue)["dead_letters"] == 0)


def test_a_redriven_event_may_die_again(bus, graveyard):
    queue, ids = graveyard
    redrive(bus, queue, event_ids=ids[:1]).ok(200, 202)
    bus.nack(queue, bus.receive_one(queue), requeue=False, reason="again")
    assert "again" in [letter["reason"] for letter in bus.dead_letters(queue)]


@pytest.mark.parametrize("body", [{}, {"all": True, "reason": "x"}, {"all": False}, {"event_ids": "x"}, {"event_ids": [1]}, {"reason": 1},
                                  {"all": True, "events_per_second": -1}, {"all": True, "dry_run": "no"}, {"all": True, "x": 1}])
def test_a_wrong_choice_is_refused(bus, graveyard, body):
    queue, _ = graveyard
    redrive(bus, queue, **body).problem(422)
    bus.delete(f"/queues/{queue}/dead-letters", body).problem(422)
    assert bus.queue(queue)["dead_letters"] == 10


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"cursor": "nonsense"}, {"colour": 1}])
def test_wrong_pages_are_refused(bus, graveyard, query):
    queue, _ = graveyard
    bus.get(f"/queues/{queue}/dead-letters", query=query).problem(422, None, next(iter(query)))


def test_they_survive_a_restart(start):
    server = start()
    bus = server.client()
    bus.declare("q", "#")
    event_id = bus.publish(event_type="a")
    bus.nack("q", bus.receive_one("q"), requeue=False, reason="kept")
    before = bus.dead_letters("q")
    server.stop()
    bus = server.start().client()
    assert bus.dead_letters("q") == before and before[0]["event"]["event_id"] == event_id
