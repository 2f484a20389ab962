"""One queue's part of a history: what is certain, and what may have happened when. Where a history leaves it open, all of it may have happened."""
import collections
import dataclasses
import functools
import math

from histories.records import ACK, EXTEND, NACK, REJECT, Counts, Look, Publish, Purge, Receive, Removal, Settle, Switch

GRACE = 5.0  # seconds behind a fault's end until what it broke is made good
MOMENT = 1.0  # seconds behind an answered settlement in which a fault may undo it: contract, section 4
RELAYING = 0.5  # seconds behind an event's first delivery in which a fault may make the relay repeat it
CLOCKS = 0.1  # seconds that a lease may seem too short
EXPIRY = 2.0  # seconds behind a lease's latest end until its consequence must be seen


@dataclasses.dataclass(frozen=True)
class Sight:
    """A delivery that reached a client: ids, the instance that made it, and when it was asked for and had."""
    event: str
    attempt: int
    delivery: str
    instance: int
    sent: float
    ended: float


@dataclasses.dataclass(frozen=True)
class Death:
    """A way in which an event may have become a dead letter: never before `earliest`, and surely by `certain`."""
    reason: str
    earliest: float
    certain: float = math.inf
    attempts: int | None = None  # None: nobody saw them all


class Story:
    """Sights are in the order of their answers, everything else in the order of sending."""

    def __init__(self, history, queue):
        self.queue, self.strikes, self.exact = queue, history.strikes, history.exact
        requests = sorted(history.requests, key=lambda request: request.sent)
        self.publishes = [request for request in requests if isinstance(request, Publish)]
        self.events, self.sent, self.stored = {}, {}, {}  # by id: as first sent, when, and when that was answered with success
        for publish in self.publishes:
            for event in publish.events:
                if event.kind in queue.kinds:
                    self.events.setdefault(event.id, event)
                    self.sent.setdefault(event.id, publish.sent)
                    if event.id in publish.stored:
                        self.stored[event.id] = min(publish.ended, self.stored.get(event.id, math.inf))
        self.requests = [request for request in requests if request.queue == queue.name]
        self.receives, self.settles, self.looks, self.removals, self.switches, self.purges, self.counts = (
            [request for request in self.requests if isinstance(request, kind)] for kind in (Receive, Settle, Look, Removal, Switch, Purge, Counts))
        self.unanswered = [(receive, receive.ended + (GRACE if self.struck(receive.sent, receive.ended) else MOMENT))
                           for receive in self.receives if receive.doubtful]  # with when they were handed out something at the latest
        self.sights = sorted((Sight(one.event.id, one.attempt, one.id, receive.instance, receive.sent, receive.ended) for receive in self.receives
                              for one in receive.deliveries if one.event.id in self.events), key=lambda sight: sight.ended)
        self.of = {event: [] for event in self.events}  # event id → its sights
        for sight in self.sights:
            self.of[sight.event].append(sight)
        self.by_id = collections.defaultdict(list)  # delivery id → its settles
        for settle in self.settles:
            for delivery_id in settle.ids:
                self.by_id[delivery_id].append(settle)

    def pairs(self):
        """Each delivery of an event with the one before."""
        return [pair for sights in self.of.values() for pair in zip(sights, sights[1:])]

    def struck(self, since, until, *instances, grace=GRACE):
        """Whether a fault, of these instances or of any, may have been at work then."""
        return any(strike.began <= until and since <= strike.ended + grace and (not instances or strike.instance in (None, *instances))
                   for strike in self.strikes)

    def struck_between(self, first, second):
        """The same, from one delivery of an event to another."""
        return self.struck(min(first.sent, second.sent), second.ended, first.instance, second.instance)

    def relayed_twice(self, event):
        """Whether the relay to the broker may have been struck while it had the event: then there are copies, each with a life of its own."""
        first = self.of[event][0].ended if self.of[event] else math.inf
        return not self.exact and self.struck(self.sent[event], first + RELAYING, grace=RELAYING)

    def undone(self, sight, settle):
        """Whether a fault in that very moment, of the instance that made the delivery or of the one that was asked, may have undone the settlement."""
        return not self.exact and self.struck(settle.sent, settle.ended + MOMENT, sight.instance, settle.instance, grace=MOMENT)

    def settled(self, sight, *ways):
        """The requests that answered this delivery in one of these ways, and were not surely without effect."""
        return [settle for settle in self.by_id[sight.delivery] if settle.how in ways and not settle.refused
                and not (settle.done and sight.delivery in settle.unknown and not self.struck(sight.sent, settle.ended))]

    def surely(self, sight, moment, *ways):
        """Whether this delivery was answered in one of these ways before that moment, beyond doubt."""
        return any(settle.took(sight.delivery) and settle.ended < moment and not self.undone(sight, settle) for settle in self.settled(sight, *ways))

    def deadly(self, sight):
        """The ways in which this attempt makes it a dead letter."""
        return (REJECT, NACK) if sight.attempt > self.queue.max_retries else (REJECT,)

    def lease_end(self, sight):
        """When the lease ends, at the earliest."""
        end = max(sight.sent, self.sent[sight.event]) + self.queue.lease
        for extend in self.settled(sight, EXTEND):
            extended = extend.sent + extend.lease
            end = extended if extend.took(sight.delivery) else min(end, extended)
        return end - CLOCKS

    def lease_end_at_last(self, sight):
        return max([sight.ended + self.queue.lease, *(extend.until + extend.lease for extend in self.settled(sight, EXTEND))])

    def unseen(self, since, until):
        """How many deliveries nobody saw: their receive had no answer."""
        return sum(receive.sent < until and last > since for receive, last in self.unanswered)

    @functools.cached_property
    def deaths(self):
        """By event id."""
        return {event: [*self.deaths_after_sights(event), *self.deaths_unseen(event)] for event in self.events}

    def deaths_after_sights(self, event):
        for sight in self.of[event]:
            for settle in self.settled(sight, *self.deadly(sight)):
                sure = settle.took(sight.delivery) and not self.undone(sight, settle)
                reason = settle.reason or ("rejected" if settle.how == REJECT else "max_retries")
                yield Death(reason, settle.sent, settle.ended if sure else math.inf, sight.attempt)
            answers = self.settled(sight, ACK, NACK, REJECT)
            if NACK in self.deadly(sight) and not any(settle.took(sight.delivery) for settle in answers):
                seen_by = self.lease_end_at_last(sight) + EXPIRY
                sure = not answers and not self.struck(sight.sent, seen_by, sight.instance)
                yield Death("lease_expired", self.lease_end(sight), seen_by if sure else math.inf, sight.attempt)

    def deaths_unseen(self, event):
        """Attempts that nobody saw count too, when their leases end."""
        missing = max(1, self.queue.max_retries + 1 - max((sight.attempt for sight in self.of[event]), default=0))
        lost = [receive for receive, last in self.unanswered if last > self.sent[event]][:missing]
        if len(lost) == missing:
            yield Death("lease_expired", max(lost[-1].sent, self.sent[event]) + self.queue.lease - CLOCKS)

    def redriven(self, event, since, until):
        """Whether the event may have come back from the dead letters then."""
        redrives = [removal for removal in self.removals if removal.redrives and removal.may_act(since, until)]
        return any(removal.takes(event, death.reason) and death.earliest < min(removal.until, until) for removal in redrives for death in self.deaths[event])

    def removed(self, event, reason, since, until):
        """Whether a dead letter may have left then."""
        return any(removal.may_act(since, until) and removal.takes(event, reason) for removal in self.removals)

    def purged(self, event):
        """The purges that may have dropped it."""
        return [purge for purge in self.purges if purge.may_act(self.sent[event], math.inf)]

    def acks(self, event):
        return [(sight, ack) for sight in self.of[event] for ack in self.settled(sight, ACK)]

    @functools.cached_property
    def over(self):
        """By event id: when the queue may have been done with it for the first time, at the earliest."""
        return {event: min([ack.sent for _, ack in self.acks(event)] + [death.earliest for death in self.deaths[event]]
                           + [max(purge.sent, self.sent[event]) for purge in self.purged(event)], default=math.inf) for event in self.events}
