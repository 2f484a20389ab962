"""What the contract says of deliveries, each claim as a function from a queue's story to what breaks it: (text, event id)."""
import collections
import itertools

from histories.records import ACK, NACK, REJECT


def lost(story):
    """What was stored is acknowledged, a dead letter, deleted as one, or purged. An ack without an answer may be one; an `unknown` one is none."""
    dead = {letter.event.id for look in [look for look in story.looks if look.done][-1:] for letter in look.letters}
    for event in story.stored.keys() - dead:
        acked = any(ack.doubtful or ack.took(sight.delivery) for sight, ack in story.acks(event))
        deleted = any(not removal.redrives and death.earliest < removal.until and removal.takes(event, death.reason) and not removal.refused
                      for removal in story.removals for death in story.deaths[event])
        purged = any(not any(sight.sent > purge.until for sight in story.of[event]) for purge in story.purged(event))
        if not acked and not deleted and not purged:
            yield f"{event} was stored, and is neither acknowledged nor a dead letter", event


def invented(story):
    """Only what was sent is told, as it was sent."""
    told = [(receive, delivery.event) for receive in story.receives for delivery in receive.deliveries]
    for request, event in told + [(look, letter.event) for look in story.looks for letter in look.letters]:
        if story.events.get(event.id) != event:
            yield f"{event} is not what was sent: {story.events.get(event.id)}", event.id
        elif request.ended < story.sent[event.id]:
            yield f"{event.id} came before it was sent", event.id


def repeat(story):
    """A delivery beyond the first has a cause."""
    for first, second in story.pairs():
        nacked = any(nack.sent < second.ended for nack in story.settled(first, NACK))
        expired = second.ended >= story.lease_end(first) and not story.surely(first, second.sent, ACK, REJECT)
        if not (nacked or expired or story.relayed_twice(second.event) or story.redriven(second.event, first.sent, second.ended)
                or story.struck_between(first, second)):
            yield f"{second.event} came again as {second.delivery} without a cause, {second.ended - first.ended:.3f} s behind {first.delivery}", second.event


def repeats_after_ack(story):
    """Deliveries of what was acknowledged before they were asked for: (sight, ack, whether a fault in the moment of the ack may be why)."""
    for event in story.of:
        for sight, ack in story.acks(event):
            if ack.took(sight.delivery):
                yield from ((again, ack, story.undone(sight, ack)) for again in story.of[event] if again.sent > ack.ended)


def settled(story):
    """What was acknowledged stays away."""
    for again, ack, excused in repeats_after_ack(story):
        if not excused and not story.relayed_twice(again.event):
            yield f"{again.event} came again, asked for {again.sent - ack.ended:.3f} s after its ack through {ack.instance} was answered", again.event


def attempt(story):
    """Attempts count failures: nothing skipped, nothing forgotten, none above max_retries + 1."""
    for sight in story.sights:
        if not 1 <= sight.attempt <= story.queue.max_retries + 1:
            yield f"{sight.event} was attempted for the {sight.attempt}. time", sight.event
    for event, sights in story.of.items():
        if not sights or story.relayed_twice(event):
            continue
        most = 1 + story.unseen(story.sent[event], sights[0].ended)
        if sights[0].attempt > most:
            yield f"{event} came first as attempt {sights[0].attempt}", event
        for first, second in itertools.pairwise(sights):
            least, most = attempts_between(story, first, second)
            if not least <= second.attempt <= most:
                yield f"{event} came as attempt {second.attempt} after {first.attempt}, and should as {least}" + (f" to {most}" if most > least else ""), event


def attempts_between(story, first, second):
    """The least and the most that the second delivery's attempt may be."""
    unseen, struck = story.unseen(first.ended, second.ended), story.struck_between(first, second)
    redriven = story.redriven(second.event, first.sent, second.ended)
    if redriven and story.surely(first, second.sent, *story.deadly(first)):
        return 1, 1 + unseen
    if redriven or (struck and second.sent < first.ended):
        return 1, first.attempt + 1 + unseen
    return first.attempt + (not struck or story.surely(first, second.sent, NACK)), first.attempt + 1 + unseen


def order(story):
    """Of a key, nothing comes before what is earlier was seen, nor (faults aside) before that is acknowledged, dead or purged."""
    keys = collections.defaultdict(list)
    for event in story.events.values():
        if event.key is not None and story.queue.ordered and event.id in story.stored:
            keys[event.key].append(event)
    for event in (event for events in keys.values() for event in events):
        for earlier in (earlier.id for earlier in keys[event.key] if earlier.number < event.number):
            for sight in (sight for sight in story.of[event.id] if story.over[earlier] > sight.ended):
                before = [seen for seen in story.of[earlier] if seen.ended <= sight.ended]
                if not before:
                    yield f"{event.id} came before {earlier} of its key", event.id
                elif not story.struck_between(before[-1], sight):
                    yield f"{event.id} came while {earlier} of its key was not over", event.id


def undone_acks(story):
    """How many deliveries came again although they were acknowledged, and how many were acknowledged."""
    acked = {(event, ack.sent) for event in story.of for sight, ack in story.acks(event) if ack.took(sight.delivery)}
    again = {(sight.event, ack.sent) for sight, ack, _ in repeats_after_ack(story)}
    return len(again), len(acked)
