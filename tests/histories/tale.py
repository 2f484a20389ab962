"""Tells what a history knows of one event, for whoever reads a violation."""
from histories.records import Look, Publish, Purge, Receive, Removal, Settle


def tale(history, event):
    """Lines in the order of time: what concerned the event or all events of its queues, and what struck."""
    start = min((request.sent for request in history.requests), default=0)
    receives = [request for request in history.requests if isinstance(request, Receive)]
    ids = {delivery.id for receive in receives for delivery in receive.deliveries if delivery.event.id == event}
    queues = {receive.queue for receive in receives for delivery in receive.deliveries if delivery.id in ids}
    lines = [(strike.began, strike.ended, f"{strike.kind}, instance {strike.instance}") for strike in history.strikes]
    for request in history.requests:
        who = f"{request.client} through {request.instance}, {request.queue or 'publishing'}"
        lines += [(request.sent, request.ended, f"{who}: {text}, {request.status}") for text in told(request, event, ids, queues)]
    return [f"{sent - start:8.3f} to {ended - start:8.3f}  {text}" for sent, ended, text in sorted(lines)]


def told(request, event, ids, queues):
    if isinstance(request, Publish) and event in [one.id for one in request.events]:
        yield f"publish{'' if event in request.stored else ', not stored'}"
    elif isinstance(request, Receive):
        yield from (f"delivered as {one.id}, attempt {one.attempt}" for one in request.deliveries if one.event.id == event)
        if request.status is None and request.queue in queues:
            yield "receive without an answer"
    elif isinstance(request, Settle):
        for one in ids & {*request.ids}:
            yield f"{request.how} of {one}{' unknown' if one in request.unknown else ''} {request.reason or request.lease or ''}"
    elif isinstance(request, Look):
        yield from (f"dead letter, {one.reason}, {one.attempts} attempts" for one in request.letters if one.event.id == event)
    elif isinstance(request, Purge) and request.queue in queues:
        yield "purge"
    elif isinstance(request, Removal) and request.queue in queues and (not request.events or event in request.events):
        yield f"{'redrive' if request.redrives else 'delete'} {request.events or request.reason or 'all'}"
