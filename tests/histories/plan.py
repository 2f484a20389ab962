"""Draws what a history is to be from its seed: queues, clients with their habits, faults. Pure. How it runs is another matter."""
import dataclasses
import random

from histories.records import Queue

KINDS = ("p", "b", "k")  # last words of event types: for the plain queue, for both, for the ordered one
EMBEDDED = ("instance killed", "instance frozen", "instance restarted")
PRODUCTION = (*EMBEDDED, "instance added", "connections to RabbitMQ cut", "connections to PostgreSQL cut", "everybody's connections to RabbitMQ cut")
WAYS = {"ack": 12, "ack elsewhere": 5, "nack": 3, "nack soon": 2, "nack later": 2, "reject": 2, "extend": 1, "hold": 1}  # weights of a consumer's answers
DUTIES = {"look": 8, "redrive": 3, "delete": 1, "counts": 2}  # of the operator
QUIET_SEEDS = 3  # one history of so many goes without faults


@dataclasses.dataclass(frozen=True)
class Habits:
    """`patience`: seconds until an answer is given up."""
    patience: float
    pace: float  # seconds between two turns
    ways: tuple[tuple[str, int], ...] = ()
    walks: float = 0.0  # the chance that it hangs up on a long poll


@dataclasses.dataclass(frozen=True)
class Blow:
    """A fault to come, so many seconds after the start. Instance n is n modulo how many there are."""
    after: float
    kind: str
    instance: int


@dataclasses.dataclass(frozen=True)
class Plan:
    seed: int
    seconds: float
    queues: tuple[Queue, ...]
    publishers: tuple[Habits, ...]
    consumers: tuple[tuple[int, Habits], ...]  # with the numbers of their queues
    operator: Habits
    blows: tuple[Blow, ...]


def draw(seed, prefix, kinds, seconds=None):
    """The plan of a seed, for queues and events whose names begin with `prefix`, with faults of these kinds."""
    dice = random.Random(seed)
    usual = dice.uniform(5, 8)
    seconds = seconds or usual
    queues = tuple(Queue(f"{prefix}-{name}", tuple(f"{prefix}.{kind}" for kind in taken), name == "ordered", retries, dice.choice((2.0, 2.5, 3.0)))
                   for name, taken, retries in zip(("plain", "ordered"), (KINDS[:2], KINDS[1:]), dice.sample(range(4), 2)))
    publishers = tuple(Habits(dice.choice((2, 6)), dice.uniform(0.03, 0.15)) for _ in range(dice.randint(2, 3)))
    walker = dice.choice((None, 0, 1))  # the only consumer that hangs up: it leaves open how often an event was handed out
    consumers = tuple((number % len(queues), consumer(dice, number == walker)) for number in range(dice.randint(4, 6)))
    rare = dice.choice((None, None, "pause", "purge"))
    operator = Habits(6, dice.uniform(0.1, 0.3), (*DUTIES.items(), *([(rare, 2)] if rare else [])))
    chosen = dice.sample(kinds, dice.randint(1, 2)) if seed % QUIET_SEEDS else ()
    blows = sorted((Blow(dice.uniform(0.5, seconds * 0.7), kind, dice.randrange(6)) for kind in chosen), key=lambda blow: blow.after)
    return Plan(seed, seconds, queues, publishers, consumers, operator, tuple(blows))


def consumer(dice, walks):
    """Everybody acknowledges; how much else goes on differs."""
    ways = tuple((way, often * (1 if way == "ack" else dice.choice((0, 1, 3)))) for way, often in WAYS.items())
    return Habits(dice.choice((2, 6)), dice.uniform(0.02, 0.08), ways, 0.05 if walks else 0)
