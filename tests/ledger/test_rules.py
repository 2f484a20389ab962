"""The ledger itself: the same seed says the same bytes, and a service that lies is caught."""
import json

import pytest

from ledger.books import Books
from ledger.events import Event, Names, document, said
from ledger.history import draw
from ledger.judge import Judge
from ledger.operations import Declare, Publish
from ledger.queues import Queues, matches
from ledger.requests import Request
from ledger.saying import BEFORE_LINE_END, LINE, Saying, split
from ledger.shrink import Shrinker
from support.client import Answer
from support.raw_http import Headers

NAMES = Names("s1t0000")


def requests(history):
    return [Request(operation, NAMES) for operation in history if isinstance(operation, Publish)]


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_seed_always_says_the_same(seed):
    assert draw(seed) == draw(seed)
    first, second = ([request.head + request.framed for request in requests(draw(seed))] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("sizes", [(), (1,), (7, 4096), (LINE,), (BEFORE_LINE_END,), (LINE, LINE, 256)])
def test_pieces_make_up_the_whole(sizes):
    data = b"one\r\n\r\ntwo\nthree\n\n" * 50
    pieces = list(split(data, sizes))
    assert b"".join(pieces) == data and all(pieces)


@pytest.mark.parametrize("style", ["compact", "spaced", "reversed", "escaped", "numbers"])
@pytest.mark.parametrize("cloud", [False, True])
def test_a_style_changes_nothing(style, cloud):
    event = Event(7, content=1, cloud=cloud, key=2, size=500)
    assert json.loads(said(event, NAMES, style)) == document(event, NAMES)
    assert len(said(event, NAMES)) == 500


@pytest.mark.parametrize("pattern, words, takes", [("#", "a", True), ("*", "b.c", False), ("b.#", "b.d.e", True), ("#.c", "b.c", True), ("*.d.*", "b.d.e", True),
                                                   ("b.*", "b", False), ("#.d.#", "b.d.e", True), ("a", "b.c", False)])
def test_patterns(pattern, words, takes):
    assert matches(pattern.split("."), words.split(".")) == takes


def judged(publish, status, *before, **body):
    """The claims that an answer to a publish breaks, when the events `before` are stored."""
    violations, books = [], Books()
    for event in before:
        books.stored(event)
    queues = Queues(books, NAMES, True, lambda claim, _: violations.append(claim))
    queues.declared(Declare(0, max_length=1))
    answer = Answer(status, Headers([("Retry-After", "1")]), json.dumps(body).encode())
    Judge(books, queues, NAMES, lambda claim, _: violations.append(claim)).judge(Request(publish, NAMES), answer, calm=True)
    return violations


ONE, OTHER = Event(1), Event(1, content=1)
TWO = (ONE, Event(2, kind="b.c", away=True))


def test_true_answers_pass():
    assert not judged(Publish("single", (ONE,)), 201, event_id=NAMES.id(ONE))
    assert not judged(Publish("single", (ONE,)), 200, ONE, event_id=NAMES.id(ONE))
    assert not judged(Publish("single", (OTHER,)), 409, ONE)
    assert not judged(Publish("single", (Event(3),)), 429, ONE)
    assert not judged(Publish("ndjson", TWO), 201, total=2, stored=2, duplicates=0, failed=0, results=[])
    assert not judged(Publish("ndjson", ()), 200, total=0, stored=0, duplicates=0, failed=0, results=[])


def test_lies_are_caught():
    assert judged(Publish("single", (ONE,)), 200, event_id=NAMES.id(ONE)) == ["wrong status"]
    assert judged(Publish("single", (ONE,)), 429, ONE) == ["wrong status"]
    assert judged(Publish("single", (OTHER,)), 201, ONE, event_id=NAMES.id(ONE)) == ["wrong status"]
    assert judged(Publish("ndjson", TWO), 201, total=1, stored=1, duplicates=0, failed=0, results=[]) == ["totals"]
    assert judged(Publish("ndjson", TWO), 201, ONE, total=2, stored=2, duplicates=0, failed=0, results=[]) == ["stored"]
    assert judged(Publish("ndjson", TWO), 422) == ["no totals", "refused without reason"]
    assert judged(Publish("single", (ONE,), saying=Saying(flaw="gzip")), 201, event_id=NAMES.id(ONE)) == ["wrong refusal"]


def test_a_lost_answer_leaves_both_possibilities():
    books = Books()
    books.doubtful(ONE)
    assert books.outcomes(ONE) == {"stored", "duplicate"} and books.outcomes(OTHER) == {"stored", "conflict"}
    books.conflicting(OTHER)
    assert books.certain() == [ONE]


def test_shrinking_leaves_what_matters():
    def fails(history):
        return any(isinstance(operation, Publish) and operation.form == "ndjson" and operation.saying.last == "" and len(operation.events) >= 5
                   for operation in history)
    events = tuple(Event(number, kind="b.c") for number in range(20))
    history = (Declare(0), Publish("ndjson", events, 3, Saying(last="", blanks=2)), Publish("single", (ONE,)))
    (small,) = Shrinker(fails).shrink(history)
    assert len(small.events) == 5 and all(event == Event(event.number) for event in small.events)
    assert small == Publish("ndjson", small.events, saying=Saying(last=""))
