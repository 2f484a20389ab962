"""What a history consists of: what each client asked and was answered, and what struck meanwhile. Values only; times are seconds of one monotonic clock."""
import dataclasses
import math

ACK, NACK, REJECT, EXTEND = "ack", "nack", "reject", "extend"  # ways to answer a delivery; reject is a nack without requeue


@dataclasses.dataclass(frozen=True)
class Queue:
    """As it was declared, before anything was published."""
    name: str
    kinds: tuple[str, ...] = ("a",)  # event types that its bindings take
    ordered: bool = False
    max_retries: int = 1
    lease: float = 2.0


@dataclasses.dataclass(frozen=True)
class Event:
    """`number` counts the events of a key, which has one publisher."""
    id: str
    kind: str = "a"
    key: str | None = None
    number: int = 0
    payload: str = "{}"  # the whole of it as JSON


@dataclasses.dataclass(frozen=True)
class Delivery:
    id: str
    event: Event
    attempt: int = 1


@dataclasses.dataclass(frozen=True)
class Letter:
    """A dead letter, as a look shows it."""
    event: Event
    reason: str
    attempts: int
    failed: tuple[str, ...] = ()  # the first and the last time


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """One request through one instance. `ended` is when its client had the answer or gave up; without a status nobody knows what the service did, or when.
    `gave_up`: it was the client that hung up."""
    client: str = "client"
    instance: int = 0
    queue: str = ""
    sent: float
    ended: float
    status: int | None = 200
    gave_up: bool = False

    @property
    def doubtful(self):
        return self.status in (None, 503)

    @property
    def done(self):
        return self.status is not None and self.status < 300

    @property
    def refused(self):
        return not self.doubtful and not self.done

    @property
    def until(self):
        """When it took effect at the latest, if it took any."""
        return math.inf if self.doubtful else self.ended

    def may_act(self, since, until):
        return not self.refused and self.sent < until and self.until > since


@dataclasses.dataclass(frozen=True, kw_only=True)
class Publish(Request):
    events: tuple[Event, ...]
    stored: tuple[str, ...] = ()  # ids that were answered with success


@dataclasses.dataclass(frozen=True, kw_only=True)
class Receive(Request):
    deliveries: tuple[Delivery, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settle(Request):
    how: str
    ids: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    reason: str | None = None
    lease: float = 0.0  # of an extend

    def took(self, delivery_id):
        return self.done and delivery_id not in self.unknown


@dataclasses.dataclass(frozen=True, kw_only=True)
class Look(Request):
    letters: tuple[Letter, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Removal(Request):
    """Dead letters redriven or deleted: these events', those of a reason, or all."""
    redrives: bool
    events: tuple[str, ...] | None = None
    reason: str | None = None

    def takes(self, event_id, reason):
        return event_id in self.events if self.events is not None else self.reason in (None, reason)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Switch(Request):
    """Pause or resume."""
    pauses: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Purge(Request):
    pass


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counts(Request):
    """`quiet`: the moment at which nobody but the player asked anything, and whose last round of counts this belongs to; none under load."""
    quiet: str | None = None
    ready: int = 0
    in_flight: int = 0
    delayed: int = 0
    dead_letters: int = 0


@dataclasses.dataclass(frozen=True)
class Strike:
    """A fault, of one instance or of all."""
    kind: str
    instance: int | None
    began: float
    ended: float


@dataclasses.dataclass(frozen=True)
class History:
    """`exact`: the engine has one log, so that an answered acknowledgement is final and nothing is relayed twice."""
    queues: tuple[Queue, ...]
    requests: tuple[Request, ...]
    strikes: tuple[Strike, ...] = ()
    exact: bool = False
    broken: tuple[str, ...] = ()  # what kept a client or the player from going on
