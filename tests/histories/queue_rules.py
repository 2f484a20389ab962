"""What the contract says of whole queues: dead letters, pausing, purging, counts, answers. Functions as in delivery_rules."""
import collections

from histories.records import EXTEND, Publish, Removal

HOLDS = 2.0  # seconds until pausing and purging hold on all instances: contract, section 4
HANGS = 10.0  # seconds without an answer that no client need wait
USUAL = {Publish: (200, 201, 202), Removal: (200, 202)}  # statuses; of everything else 200


def dead_letters(story):
    """What died is told with its reason and attempts until it is redriven or deleted; nothing else is told; looking changes nothing."""
    looks = [look for look in story.looks if look.done]
    for look in looks:
        yield from without_cause(story, look)
        yield from missing(story, look)
        after = next((later for later in looks if later.sent > look.ended), None)
        if after:
            yield from changed(story, look, after)
    for removal in story.removals:
        before = [look for look in looks if look.ended < removal.sent][-1:]
        after = [look for look in looks if look.sent > removal.ended][:1] if removal.done else []
        for letter in [letter for look in before for letter in look.letters if removal.takes(letter.event.id, letter.reason)]:
            anew = any(death.earliest > removal.sent or death.attempts is None for death in story.deaths.get(letter.event.id, ()))
            if not anew and any(letter in look.letters for look in after):
                yield f"{letter.event.id} is still a dead letter after it was {'redriven' if removal.redrives else 'deleted'}", letter.event.id


def without_cause(story, look):
    for letter in look.letters:
        event = letter.event.id
        deaths = [death for death in story.deaths.get(event, ()) if death.earliest < look.ended and death.reason == letter.reason]
        if not deaths:
            yield f"{event} is a dead letter ({letter.reason}) without a cause", event
        elif not any(death.attempts in (None, letter.attempts) for death in deaths) and not story.struck(story.sent[event], look.ended):
            yield f"{event} is a dead letter after {letter.attempts} attempts, in truth after {[death.attempts for death in deaths]}", event


def missing(story, look):
    told = collections.defaultdict(set)
    for letter in look.letters:
        told[letter.event.id].add(letter.reason)
    for event, deaths in story.deaths.items():
        for death in (death for death in deaths if death.certain < look.sent and death.reason not in told[event]):
            copied = told[event] and story.relayed_twice(event)
            if not copied and not story.removed(event, death.reason, death.earliest, look.ended):
                yield f"{event}, dead ({death.reason}) since {look.sent - death.certain:.3f} s, is missing among {len(look.letters)} dead letters", event


def changed(story, look, after):
    told = {letter.event.id for letter in after.letters}
    for letter in collections.Counter(look.letters) - collections.Counter(after.letters):
        event = letter.event.id
        copied = event in told and story.relayed_twice(event)
        if not copied and not story.removed(event, letter.reason, look.sent, after.ended):
            yield f"{letter} was told and is no more {after.sent - look.ended:.3f} s later", event


def paused(story):
    """A paused queue delivers nothing."""
    for pause in (switch for switch in story.switches if switch.pauses and switch.done):
        for receive in (receive for receive in story.receives if receive.deliveries and receive.sent > pause.ended + HOLDS):
            resumed = any(not switch.pauses and switch.may_act(pause.sent, receive.ended) for switch in story.switches)
            if not resumed and not story.struck(receive.sent, receive.ended, receive.instance):
                yield f"asked for {receive.sent - pause.ended:.3f} s after a pause, instance {receive.instance} delivered", receive.deliveries[0].event.id


def purged(story):
    """What waited when the queue was purged is gone."""
    for purge in (purge for purge in story.purges if purge.done):
        for event, first in ((event, sights[0]) for event, sights in story.of.items() if sights):
            waited = story.stored.get(event, purge.sent) < purge.sent and not story.unseen(story.sent[event], purge.ended)
            if waited and first.sent > purge.ended + HOLDS and not story.struck(purge.sent, purge.ended + HOLDS):
                yield f"{event} came first {first.sent - purge.ended:.3f} s after a purge through {purge.instance}", event


def counts(story):
    """When all is quiet, the instances agree with each other and with the history."""
    for quiet in dict.fromkeys(one.quiet for one in story.counts if one.quiet and one.done):
        told = [one for one in story.counts if one.quiet == quiet and one.done]
        if len({(one.ready, one.in_flight, one.delayed, one.dead_letters) for one in told}) > 1:
            yield f"{quiet}, instances disagree: {told}", None
        for one in told:
            look = next((look for look in story.looks if look.done and look.sent >= one.ended), None)
            letters = {letter.event.id for letter in look.letters} if look else set()
            least, most = waiting(story, one.sent, letters)
            if look and one.dead_letters != len(look.letters):
                yield f"{quiet}, {len(look.letters)} dead letters and {one}", None
            if one.in_flight or not least <= one.ready + one.delayed <= most:
                yield f"{quiet}, {least} to {most} events wait and {one}", None


def waiting(story, moment, letters):
    """The least and the most events that may have waited then, when these were dead. A fault may have left copies."""
    least = sum(story.over[event] > moment for event in story.stored)
    gone = {event for event in story.of for sight, ack in story.acks(event)
            if ack.took(sight.delivery) and ack.ended < moment and not story.undone(sight, ack)}
    copies = sum(story.relayed_twice(event) for event in story.events) * len(story.strikes)
    return least, len(story.events.keys() - gone - letters) + copies


def answers(story):
    """No request gets an answer that it may not get, nor none; a delivery is known as long as its lease lasts."""
    for request in (*story.publishes, *story.requests):
        impatient = request.gave_up and request.ended - request.sent < HANGS
        struck = request.status in (None, 207, 503) and story.struck(request.sent, request.ended)
        if request.status not in USUAL.get(type(request), (200,)) and not impatient and not struck:
            yield f"{request}", None
    for sight in story.sights:
        for settle in story.by_id[sight.delivery]:
            known = settle.took(sight.delivery) or not settle.done or settle.ended >= story.lease_end(sight)
            if not known and not story.struck(sight.sent, settle.ended, sight.instance, settle.instance):
                yield f"{settle.how} through {settle.instance} of {sight.delivery} of {sight.event} was unknown within its lease", sight.event
            if settle.how != EXTEND:
                break
