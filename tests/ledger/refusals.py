"""What a request or an event is refused with for itself, whatever the books say."""
from ledger.events import LARGEST
from ledger.operations import SINGLE
from ledger.requests import LARGEST_BATCH

REFUSAL_OF_SAYING = {"gzip": {415}, "media": {415}, "lengths": {400}, "chunk": {400}, "hangs up": {400}}
REFUSAL_OF_FLAW = {"broken": 400, "type": 422, "field": 422}
UNSURE = 2048  # how near the limit the size of an event counts differently by form and style


def refusal_of_all(request):
    """The statuses, one of which such a request must be answered with, whatever the books say; none when it isn't refused as a whole."""
    publish = request.publish
    if publish.saying.flaw:
        return REFUSAL_OF_SAYING[publish.saying.flaw] | ({413} if too_large(request) else set())
    if too_large(request):
        return {413}
    if publish.form in ("batch", "cloud_batch") and any(event.flaw == "broken" for event in publish.events):
        return {400}
    return set()


def too_large(request):
    streamed = request.publish.form == "ndjson" and not request.publish.atomic
    limit = LARGEST if request.publish.form in SINGLE else LARGEST_BATCH
    return not streamed and len(request.body) > limit


def own_refusals(event, text, publish):
    """(codes an event may be refused with for itself, whether it must be)."""
    if event.flaw:
        return {REFUSAL_OF_FLAW[event.flaw]}, True
    exact = publish.form in ("single", "ndjson") and publish.saying.style == "compact"
    if len(text) > LARGEST + (0 if exact else UNSURE):
        return {413}, True
    return ({413}, False) if not exact and len(text) > LARGEST - UNSURE else (set(), False)
