"""What a history consists of. All operations are values: a history can be drawn, compared, shrunk and shown."""
import dataclasses

from ledger.events import Event
from ledger.saying import Saying

SINGLE = ("single", "structured", "binary")
BATCHES = ("batch", "cloud_batch", "ndjson")
CLOUD = ("structured", "binary", "cloud_batch")


@dataclasses.dataclass(frozen=True)
class Publish:
    """One request. A `piped` one is written together with the publish behind it, before any answer is read."""
    form: str
    events: tuple[Event, ...]
    instance: int = 0
    saying: Saying = Saying()
    atomic: bool = False
    wait: bool = False  # for the broker
    piped: bool = False


@dataclasses.dataclass(frozen=True)
class Declare:
    """A queue, new or as it was. `pattern` is matched against the last words of the type."""
    queue: int
    pattern: str = "#"
    away: bool = False  # bound to the history's own exchange
    ordered: bool = False
    max_length: int | None = None
    overflow: str = "reject"
    beginning: bool = False
    max_retries: int = 3
    instance: int = 0


@dataclasses.dataclass(frozen=True)
class Consume:
    """Receives once, and answers what came: ack, nack, reject or hold. Two instances are asked."""
    queue: int
    most: int = 10
    answer: str = "ack"
    instance: int = 0
    through: int = 0


@dataclasses.dataclass(frozen=True)
class Pause:
    queue: int
    instance: int = 0


@dataclasses.dataclass(frozen=True)
class Resume:
    queue: int
    instance: int = 0


@dataclasses.dataclass(frozen=True)
class Redrive:
    """All dead letters of a queue."""
    queue: int
    instance: int = 0


@dataclasses.dataclass(frozen=True)
class Look:
    """Reads an event by its id."""
    event: Event
    instance: int = 0


@dataclasses.dataclass(frozen=True)
class Kill:
    """kill -9 when `sent` hundredths of a request are written; then a new start."""
    publish: Publish
    sent: int = 100


@dataclasses.dataclass(frozen=True)
class Restart:
    """SIGTERM, a clean end, a new start."""
    instance: int = 0


def shown(value):
    """The operation as Python, without what is as usual; many events of one kind as their number."""
    if isinstance(value, tuple) and len(value) > 4 and all(isinstance(part, Event) for part in value):
        return f"({shown(value[0])}, {shown(value[1])}, … {len(value)} events, {sum(part.flaw is not None for part in value)} with a flaw … {shown(value[-1])})"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(shown, value)) + ("," if len(value) == 1 else "") + ")"
    if not dataclasses.is_dataclass(value):
        return repr(value)
    said = [f"{field.name}={shown(getattr(value, field.name))}" for field in dataclasses.fields(value) if getattr(value, field.name) != field.default]
    return f"{type(value).__name__}({', '.join(said)})"
