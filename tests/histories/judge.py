"""Judges a history. Pure: the same history, the same violations."""
import dataclasses

from histories.delivery_rules import attempt, invented, lost, order, repeat, settled, undone_acks
from histories.queue_rules import answers, counts, dead_letters, paused, purged
from histories.story import Story

CLAIMS = {"lost": lost, "invented": invented, "repeat": repeat, "settled": settled, "attempt": attempt, "order": order, "dead letters": dead_letters,
          "paused": paused, "purged": purged, "counts": counts, "answers": answers}


@dataclasses.dataclass(frozen=True)
class Violation:
    claim: str
    text: str
    event: str | None = None


def judge(history):
    """All violations, each once."""
    found = [Violation("answers", text) for text in history.broken]
    for queue in history.queues:
        story = Story(history, queue)
        found += [Violation(claim, f"{queue.name}: {text}", event) for claim, rule in CLAIMS.items() for text, event in rule(story)]
    return list(dict.fromkeys(found))


def undone(history):
    """The measure of what faults undid: (acknowledged deliveries that came again, acknowledged deliveries)."""
    parts = [undone_acks(Story(history, queue)) for queue in history.queues]
    return sum(again for again, _ in parts), sum(acked for _, acked in parts)
