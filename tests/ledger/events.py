"""Events of a history, and the JSON that says them."""
import dataclasses
import json

KINDS = ("a", "b.c", "b.d.e")  # last words of their types
STYLES = ("compact", "spaced", "reversed", "escaped", "numbers")  # of the same JSON value
FLAWS = ("type", "field", "broken")
LARGEST = 1 << 20  # EVENTBUS_MAX_EVENT_BYTES


@dataclasses.dataclass(frozen=True)
class Event:
    """What one publisher means. The same number names the same event id: equal events are repetitions, others of that number conflict."""
    number: int
    content: int = 0
    kind: str = KINDS[0]
    named: bool = True  # carries its id
    cloud: bool = False  # a CloudEvent
    away: bool = False  # for the exchange of the history's own, not for `events`
    key: int | None = None  # ordering key
    size: int = 0  # bytes of its compact JSON, where that is more than it needs
    flaw: str | None = None


class Names:
    """The names of one play of a history: no other play uses them, and all have the same length."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.exchange = f"{prefix}-x"

    def id(self, event):
        return f"{self.prefix}-{event.number}"

    def type(self, kind):
        return f"{self.prefix}.{kind}"

    def queue(self, number):
        return f"{self.prefix}-q{number}"


def document(event, names):
    """The event as the JSON object that says it."""
    kind = names.type(event.kind) + (" " if event.flaw == "type" else "")
    payload = {"n": event.number, "c": event.content, "text": "ü€😀"}
    if event.cloud:
        said = {"specversion": "1.0", "id": names.id(event), "source": "/ledger", "type": kind, "data": payload}
    else:
        said = {"event_id": names.id(event)} if event.named else {}
        said |= {"event_type": kind, "payload": payload}
    if event.away:
        said["exchange"] = names.exchange
    if event.key is not None:
        said["partitionkey" if event.cloud else "ordering_key"] = f"key-{event.key}"
    if event.flaw == "field":
        said["Colour"] = 1
    pad(said, payload, event.size)
    return said


def pad(said, payload, size):
    if size:
        payload["pad"] = ""
        payload["pad"] = "x" * max(0, size - len(written(said)))


def written(value, style="compact"):
    """The value as UTF-8. Whatever the style, it is the same value."""
    if style == "reversed":
        value = {name: dict(reversed(part.items())) if isinstance(part, dict) else part for name, part in reversed(value.items())}
    text = json.dumps(value, ensure_ascii=style == "escaped", separators=(" , ", " : ") if style == "spaced" else (",", ":"))
    if style == "escaped":
        text = text.replace('"payload"', '"p\\u0061yload"').replace('"data"', '"d\\u0061ta"')
    if style == "numbers" and '"n":' in text:
        text = text.replace('"c":', '"c":0.0e1,"c":', 1).replace(',"text"', '.0e0,"text"', 1)
    return text.encode()


def said(event, names, style="compact"):
    """The event's text, with its flaw."""
    text = written(document(event, names), style)
    return text[:-1] if event.flaw == "broken" else text


def number_of(stored):
    """The number of an event that the service tells."""
    return int(stored["payload"]["n"])


def is_that(event, stored, names):
    """Whether the service tells this event: type, key, exchange and payload."""
    meant = document(event, names)
    payload = meant["data" if event.cloud else "payload"]
    return (stored["event_type"] == names.type(event.kind) and stored["payload"] == payload
            and stored.get("ordering_key") == (None if event.key is None else f"key-{event.key}")
            and stored.get("exchange", names.exchange if event.away else "events") == (names.exchange if event.away else "events"))
