"""The judge itself: next to each small history that breaks a claim stands one that keeps all. Times are seconds; a request takes a hundredth of one."""
import dataclasses

import pytest

from histories.judge import judge, undone
from histories.plan import EMBEDDED, PRODUCTION, draw
from histories.records import (ACK, EXTEND, NACK, REJECT, Counts, Delivery, Event, History, Letter, Look, Publish, Purge, Queue, Receive, Removal, Settle,
                               Strike, Switch)

TIME = 0.01
QUEUE = Queue("q", max_retries=1, lease=2.0)
ORDERED = dataclasses.replace(QUEUE, ordered=True)
PATIENT = dataclasses.replace(QUEUE, max_retries=3)


def event(number):
    return Event(f"e{number}", key="k", number=number)


def at(sent, kind, **more):
    return kind(**{"queue": "q", "sent": sent, "ended": sent + TIME} | more)


def published(number, sent=0.0, **more):
    return at(sent, Publish, queue="", events=(event(number),), **{"stored": (f"e{number}",)} | more)


def got(number, sent, attempt=1, **more):
    """Its delivery id says which it was and when."""
    return at(sent, Receive, deliveries=(Delivery(f"{number}@{sent}", event(number), attempt),), **more)


def answered(how, delivery, sent, **more):
    return at(sent, Settle, how=how, ids=(delivery,), **more)


def acked(delivery, sent, **more):
    return answered(ACK, delivery, sent, **more)


def dead(number, reason="rejected", attempts=1):
    return Letter(event(number), reason, attempts)


def look(sent, *letters):
    return at(sent, Look, letters=letters)


def counts(sent, instance=0, **more):
    return at(sent, Counts, quiet="at the end", instance=instance, **more)


def redriven(sent, **more):
    return at(sent, Removal, redrives=True, **more)


def deleted(sent, **more):
    return at(sent, Removal, redrives=False, **more)


def lost_answer(sent, **more):
    return at(sent, Receive, **{"status": None, "gave_up": True} | more)


def violated(requests, queue=QUEUE, strikes=(), exact=False):
    return {one.claim for one in judge(History((queue,), tuple(requests), strikes, exact))}


ONE = (published(1), got(1, 1.0))
DONE = (*ONE, acked("1@1.0", 1.5))
IN_VAIN = (*ONE, acked("1@1.0", 4.0, unknown=("1@1.0",)))
TWICE = (*ONE, got(1, 2.0, attempt=2), acked("1@2.0", 2.5))
NACKED = (*ONE, answered(NACK, "1@1.0", 1.5))
REJECTED = (*ONE, answered(REJECT, "1@1.0", 1.5))
ENDED = (*ONE, answered(NACK, "1@1.0", 1.5), got(1, 2.0, attempt=2), answered(NACK, "1@2.0", 2.5))
BOTH = (published(1), published(2, 0.1))
PAUSED = (published(1), at(1.0, Switch, pauses=True))
SEEN = (*REJECTED, look(2.0, dead(1)))
CALM = {
    "lost: never came": ("lost", [published(1)], DONE),
    "lost: its ack was unknown": ("lost", IN_VAIN, [*IN_VAIN, got(1, 4.5, 2), acked("1@4.5", 5.0)]),
    "lost: deleted for another reason": ("lost", [*REJECTED, deleted(3.0, reason="no such user"), look(4.0)],
                                     [*REJECTED, deleted(3.0, reason="rejected"), look(4.0)]),
    "lost: it came after the purge": ("lost", [published(1), at(0.5, Purge), got(1, 1.0)], [published(1), at(0.5, Purge)]),
    "lost: the publish was refused": ("lost", [published(1)], [published(1, stored=())]),
    "invented: never sent": ("invented", [*DONE, got(2, 1.0)], [*DONE, published(2, 0.5), got(2, 1.0), acked("2@1.0", 2)]),
    "invented: changed": ("invented", [published(1), at(1.0, Look, letters=(Letter(dataclasses.replace(event(1), payload="?"), "rejected", 1),))], SEEN),
    "invented: too early": ("invented", [published(1, 2.0), got(1, 1.0), acked("1@1.0", 3.0)], [published(1), got(1, 1.0), acked("1@1.0", 3.0)]),
    "repeat: within the lease": ("repeat", TWICE, [*TWICE, answered(NACK, "1@1.0", 1.5)]),
    "repeat: the lease was extended": ("repeat", [*ONE, answered(EXTEND, "1@1.0", 2.0, lease=5.0), got(1, 4.0, 2), acked("1@4.0", 5.0)],
                                       [*ONE, answered(EXTEND, "1@1.0", 2.0, lease=5.0), got(1, 7.0, 2), acked("1@7.0", 8.0)]),
    "repeat: rejected": ("repeat", [*REJECTED, got(1, 4.0, 2), acked("1@4.0", 5.0)],
                         [*REJECTED, redriven(2.0, reason="rejected"), got(1, 4.0, 1), acked("1@4.0", 5.0)]),
    "repeat: another was redriven": ("repeat", [*REJECTED, redriven(2.0, events=("e2",)), got(1, 4.0), acked("1@4.0", 5.0)],
                                     [*REJECTED, redriven(2.0, events=("e1",)), got(1, 4.0), acked("1@4.0", 5.0)]),
    "settled": ("settled", [*DONE, got(1, 4.0, 2), acked("1@4.0", 5.0)], [*ONE, got(1, 4.0, 2), acked("1@4.0", 5.0)]),
    "attempt: forgotten": ("attempt", [*NACKED, got(1, 2.0), acked("1@2.0", 2.5)], [*NACKED, got(1, 2.0, 2), acked("1@2.0", 2.5)]),
    "attempt: a lease is one": ("attempt", [*ONE, got(1, 4.0), acked("1@4.0", 4.5)], [*ONE, got(1, 4.0, 2), acked("1@4.0", 4.5)]),
    "attempt: first": ("attempt", [published(1), got(1, 2.0, 2), acked("1@2.0", 2.5)], [published(1), lost_answer(0.5), got(1, 2.7, 2), acked("1@2.7", 2.8)]),
    "attempt: too many": ("attempt", [*ENDED, got(1, 3.0, 3), acked("1@3.0", 3.5)], [*ENDED, redriven(2.7), got(1, 3.0), acked("1@3.0", 3.5)]),
    "dead letters: missing": ("dead letters", [*REJECTED, look(2.0), *SEEN[-1:]], [*SEEN, look(3.0, dead(1))]),
    "dead letters: missing after the last attempt": ("dead letters", [*ENDED, look(3.0), look(4.0, dead(1, "max_retries", 2))],
                                                     [*ENDED, look(4.0, dead(1, "max_retries", 2))]),
    "dead letters: without a cause": ("dead letters", [*ONE, look(2.0, dead(1, "delivery_limit"))], SEEN),
    "dead letters: wrong reason": ("dead letters", [*REJECTED, look(2.0, dead(1, "max_retries"))], SEEN),
    "dead letters: wrong attempts": ("dead letters", [*REJECTED, look(2.0, dead(1, attempts=2))], SEEN),
    "dead letters: lease": ("dead letters", [published(1), got(1, 0.5), got(1, 3.0, 2), look(5.0), look(8.0)],
                            [published(1), got(1, 0.5), got(1, 3.0, 2), look(5.0), look(8.0, dead(1, "lease_expired", 2))]),
    "dead letters: gone by looking": ("dead letters", [*SEEN, look(3.0), look(4.0, dead(1))],
                                    [*SEEN, redriven(2.5), look(3.0), got(1, 3.5), acked("1@3.5", 3.6)]),
    "dead letters: redriven but there": ("dead letters", [*SEEN, redriven(2.5), look(3.0, dead(1))],
                                          [*SEEN, redriven(2.5), got(1, 2.7), answered(REJECT, "1@2.7", 2.8), look(3.0, dead(1))]),
    "paused": ("paused", [*PAUSED, got(1, 3.5), acked("1@3.5", 4.0)], [*PAUSED, at(3.4, Switch, pauses=False), got(1, 3.5), acked("1@3.5", 4.0)]),
    "paused: not yet everywhere": ("paused", [*PAUSED, got(1, 3.1), acked("1@3.1", 4.0)], [*PAUSED, got(1, 2.9), acked("1@2.9", 4.0)]),
    "purged": ("purged", [published(1), at(1.0, Purge), got(1, 3.5), acked("1@3.5", 4.0)],
               [published(1, 1.1), at(1.0, Purge), got(1, 3.5), acked("1@3.5", 4.0)]),
    "counts: instances differ": ("counts", [*SEEN, counts(3.0, dead_letters=1), counts(3.1, 1), look(4.0, dead(1))],
                                 [*SEEN, counts(3.0, dead_letters=1), counts(3.1, 1, dead_letters=1), look(4.0, dead(1))]),
    "counts: one waits": ("counts", [published(1), counts(0.5), look(0.6), got(1, 1.0), acked("1@1.0", 1.5)],
                          [published(1), counts(0.5, ready=1), look(0.6), got(1, 1.0), acked("1@1.0", 1.5)]),
    "counts: nothing waits": ("counts", [*DONE, counts(3.0, delayed=1), look(3.1)], [*DONE, counts(3.0), look(3.1)]),
    "answers: 500": ("answers", [*DONE, published(1, 0.5, status=500, stored=())], DONE),
    "answers: none": ("answers", [*DONE, look(2.0), at(3.0, Look, status=None)], [*DONE, lost_answer(3.0)]),
    "answers: unknown": ("answers", [*ONE, acked("1@1.0", 1.5, unknown=("1@1.0",)), got(1, 4.0, 2), acked("1@4.0", 4.5)],
                         [*ONE, acked("1@1.0", 3.5, unknown=("1@1.0",)), got(1, 4.0, 2), acked("1@4.0", 4.5)]),
}


@pytest.mark.parametrize("claim, breaks, keeps", CALM.values(), ids=CALM)
def test_in_calm(claim, breaks, keeps):
    assert claim in violated(breaks)
    assert violated(keeps) == set()


UNKNOWN, GAVE_UP = ("1@1.0",), {"status": None, "gave_up": True}
HELD = (published(1), got(1, 0.5), got(1, 3.0, 2))
AFTER = (got(1, 4.0), acked("1@4.0", 5.0))
BREAKS = [  # what must not serve as an excuse
    ("lost", [published(1, 1.0), at(0.5, Purge)]), ("lost", [published(1), at(0.5, Purge, queue="other")]), ("lost", [*REJECTED, redriven(3.0), look(4.0)]),
    ("lost", [*REJECTED, deleted(3.0, status=422), look(4.0)]), ("lost", [published(1), deleted(0.5), *REJECTED[1:], look(4.0)]),
    ("repeat", [*TWICE, answered(NACK, "1@1.0", 1.5, status=422)]), ("repeat", [*TWICE, answered(NACK, "1@1.0", 1.5, unknown=UNKNOWN)]),
    ("repeat", [*REJECTED, deleted(2.0), *AFTER]), ("repeat", [*ONE, redriven(1.2), answered(REJECT, "1@1.0", 1.5), *AFTER]),
    ("repeat", [*REJECTED, redriven(4.5), *AFTER]), ("attempt", [published(1), got(1, 2.0, 2), lost_answer(2.5), acked("1@2.0", 3.0)]),
    ("attempt", [lost_answer(0.5), published(1, 9.0), got(1, 9.5, 2), acked("1@9.5", 9.6)]),
    ("dead letters", [*ONE, answered(REJECT, "1@1.0", 1.5, reason="no such user"), look(2.0, dead(1))]),
    ("dead letters", [*ONE, look(1.2, dead(1)), answered(REJECT, "1@1.0", 1.5)]), ("dead letters", [*SEEN, deleted(2.5, events=("e2",)), look(3.0)]),
    ("dead letters", [*SEEN, look(3.0), deleted(3.5), look(4.0)]), ("attempt", [*ENDED, redriven(2.7), got(1, 3.0, 2), acked("1@3.0", 3.5)]),
    ("dead letters", [*NACKED, got(1, 2, 2), acked("1@2", 3), look(6, dead(1, "lease_expired", 2))]),
    ("paused", [published(1), at(0.5, Switch, pauses=False), *PAUSED[1:], *AFTER]), ("counts", [*SEEN, counts(3.0, dead_letters=2), look(3.5, dead(1))]),
    ("counts", [*ONE, counts(1.2, in_flight=1), look(1.3), acked("1@1.0", 1.5)]), ("answers", [*DONE, lost_answer(3.0, ended=14.0)]),
    ("answers", [*ONE, answered(EXTEND, "1@1.0", 2.0, lease=5.0), acked("1@1.0", 4.0, unknown=UNKNOWN)])]
KEEPS = [
    [*ONE, answered(REJECT, "1@1.0", 1.5, reason="no such user"), look(2.0, dead(1, "no such user"))],
    [*SEEN, redriven(2.5, events=("e2",)), look(3.0, dead(1))],
    [published(1), at(0.1, Switch, pauses=False), *AFTER], [*DONE, *PAUSED[1:], at(3.5, Receive)], [*DONE, at(3.0, Counts, ready=5)],
    [*DONE, acked("1@1.0", 1.7, unknown=UNKNOWN)], [*DONE, published(2, 5.0), got(2, 5.1, gave_up=True), acked("2@5.1", 5.2)],
    [*ONE, answered(REJECT, "1@1.0", 1.5, **GAVE_UP), look(2.0), got(1, 3.2, 2), acked("1@3.2", 3.3)], [*HELD, acked("1@3.0", 3.5, **GAVE_UP), look(8.0)],
    [*HELD, redriven(6.0, reason="lease_expired"), got(1, 6.5), acked("1@6.5", 7.0)],
    [published(1), lost_answer(0.2), at(0.5, Purge), got(1, 3.5, 2), acked("1@3.5", 4.0)]]


@pytest.mark.parametrize("claim, breaks", BREAKS)
def test_no_excuse(claim, breaks):
    assert claim in violated(breaks)


@pytest.mark.parametrize("keeps", KEEPS)
def test_nothing_wrong(keeps):
    assert violated(keeps) == set()


FIRST, SECOND = (got(1, 1.0), acked("1@1.0", 2.0)), (got(2, 1.5), acked("2@1.5", 2.0))
LATER = (got(2, 2.5), acked("2@2.5", 3.0))


@pytest.mark.parametrize("keeps", [
    (*FIRST, *LATER), (FIRST[0], answered(REJECT, "1@1.0", 1.2), *SECOND, look(2.0, dead(1))), (at(0.5, Purge), *SECOND),
    (FIRST[0], acked("1@1.0", 1.4, **GAVE_UP), *SECOND)])
def test_a_key_is_in_order(keeps):
    assert violated([*BOTH, *keeps], ORDERED) == set()


@pytest.mark.parametrize("breaks", [(*FIRST, *SECOND), (*SECOND, got(1, 1.7), acked("1@1.7", 2.0)),
                                    (FIRST[0], answered(NACK, "1@1.0", 1.2), *SECOND, got(1, 2.2, 2), acked("1@2.2", 2.3))])
def test_a_key_is_not_in_order(breaks):
    assert violated([*BOTH, *breaks], ORDERED) == {"order"}
    assert violated([*BOTH, *breaks]) == set()


def killed(began, instance=0):
    return (Strike("instance killed", instance, began, began + 0.5),)


AGAIN = (*DONE, *AFTER)
UNDONE = (*ONE, got(1, 2.6), acked("1@2.6", 2.8))
LATE = (*ONE, answered(NACK, "1@1.0", 1.1), got(1, 3.0), acked("1@3.0", 3.5))
STALE = (published(1), got(1, 1.0, ended=5.0), got(1, 3.5, 2, instance=1), acked("1@3.5", 3.6))  # a frozen instance answers late
COPIES = (*ONE, acked("1@1.0", 2.9), *AFTER)


@pytest.mark.parametrize("requests, strikes, claims", [
    (UNDONE, killed(2.2), set()),  # what the instance held comes again, as the same attempt
    (UNDONE, killed(2.2, 1), {"repeat", "attempt"}),  # it was another one
    (UNDONE, killed(1.5, 1), set()),  # which may have been relaying it
    (TWICE, killed(2.5), {"repeat"}),  # later
    (TWICE, killed(-9.0), {"repeat"}),  # long ago
    (AGAIN, killed(2.3), set()),  # in the moment of the ack
    (AGAIN, killed(2.3, 1), {"settled", "repeat", "attempt"}),
    (AGAIN, killed(3.0), {"settled"}),
    (COPIES, killed(0.2), set()),
    (STALE, killed(1.1), set()),
    ((*UNDONE, answered(NACK, "1@1.0", 1.9)), killed(2.3), set()),
    ((*UNDONE, answered(NACK, "1@1.0", 1.1, **GAVE_UP)), killed(2.3), set()),
    ((*PAUSED, *AFTER), killed(3.5), set()),
    ((*DONE, look(2.0), at(2.1, Look, status=500)), killed(2.0), {"answers"}),
    ((*REJECTED, look(3.0)), killed(2.0), {"lost"}),  # it may have been undone, but must be somewhere
    ((*ONE, published(1, 0.5, status=None, stored=())), (), {"answers", "lost"}),
    ((*DONE, published(1, 2.0, status=503, stored=())), killed(1.8), set()),
    (LATE, killed(2.5), {"attempt"})])  # a nack that was answered is not forgotten
def test_under_faults(requests, strikes, claims):
    assert violated(requests, PATIENT, strikes) == claims


def test_on_one_log_nothing_is_undone():
    assert "settled" in violated(AGAIN, PATIENT, killed(2.3), exact=True)
    assert undone(History((PATIENT,), AGAIN, killed(2.3))) == (1, 2)


def test_only_what_was_stored_with_a_key_is_in_order():
    assert violated([published(1, stored=()), published(2, 0.1), *SECOND], ORDERED) == set()
    plain = [dataclasses.replace(event(number), key=None) for number in (1, 2)]
    turned = [at(when, Receive, deliveries=(Delivery(one.id, one),)) for when, one in ((1.0, plain[1]), (1.5, plain[0]))]
    assert violated([at(0.0, Publish, queue="", events=tuple(plain), stored=("e1", "e2")), *turned, acked("e1", 2.0), acked("e2", 2.0)], ORDERED) == set()


def test_copies_die_apart():
    both = [*ONE, answered(REJECT, "1@1.0", 1.5), got(1, 2.0), answered(REJECT, "1@2.0", 2.5, reason="again"), look(3.0, dead(1), dead(1, "again"))]
    assert violated([*both, look(4.0, dead(1))], QUEUE, killed(0.2)) == set()
    assert "dead letters" in violated([*both, look(4.0, dead(1))])


def test_a_held_last_attempt_of_a_killed_instance_comes_again():
    assert violated([*HELD, look(8.0), got(1, 8.5, 2), acked("1@8.5", 9.0)], QUEUE, killed(4.0)) == set()


def test_first_sights_are_in_order_whatever_strikes():
    assert violated([*BOTH, *SECOND, got(1, 1.7), acked("1@1.7", 2.0)], ORDERED, killed(1.4)) == {"order"}
    assert violated([*BOTH, *FIRST, *SECOND], ORDERED, killed(1.4)) == set()


@pytest.mark.parametrize("seed", range(1, 31))
def test_a_seed_always_plans_the_same(seed):
    for kinds in (EMBEDDED, PRODUCTION):
        plan = draw(seed, "p", kinds)
        assert plan == draw(seed, "p", kinds) and bool(plan.blows) == bool(seed % 3)
        assert all(0 < blow.after < plan.seconds and blow.kind in kinds for blow in plan.blows)
