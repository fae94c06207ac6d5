"""What callers send in, read and in a row, and the answers that they get."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.contracts.queries import customers_named
from apps.usage import faults
from apps.usage.read_event import ReadEvent, read_event


class State(StrEnum):
    """What became of an event."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Detail:
    """What became of one event that was not plainly counted, and what to do about it."""

    index: int
    id: str | None
    state: State
    reason: str
    field: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one request brought: received = counted + duplicate + conflict + quarantined."""

    received: int
    counted: int
    duplicate: int
    conflict: int
    quarantined: int
    details: tuple[Detail, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one caller; with `customer_key`, those of other customers are unknown."""

    events: Sequence[object]
    actor: str
    customer_key: str | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """The events of several batches in a row, each under the customer key that it is accounted for."""

    batches: Sequence[Batch]
    starts: Sequence[int]
    events: Sequence[ReadEvent]
    labels: Sequence[str]

    @classmethod
    def of(cls, batches: Sequence[Batch]) -> "Intake":
        """Read the batches, as far as they are not read yet."""
        events: list[ReadEvent] = []
        starts, labels = [], []
        confined: list[tuple[str, list[ReadEvent]]] = []
        for batch in batches:
            starts.append(len(events))
            read = _read(batch, start=len(events))
            events += read
            labels += [batch.customer_key or event.customer_key or "" for event in read]
            if batch.customer_key is not None:
                confined.append((batch.customer_key, read))
        _confine(confined)
        return cls(batches, starts, events, labels)

    def spans(self) -> Iterator[tuple[str, range]]:
        """Yield whose events lie at which places."""
        ends = [*self.starts[1:], len(self.events)]
        for batch, start, end in zip(self.batches, self.starts, ends, strict=True):
            yield batch.actor, range(start, end)


def _read(batch: Batch, *, start: int) -> list[ReadEvent]:
    read = []
    for index, raw in enumerate(batch.events, start):
        if type(raw) is ReadEvent:
            event = raw
            event.index = index
        else:
            event = read_event(index, raw, customer_key=batch.customer_key)
        read.append(event)
    return read


def _confine(confined: Sequence[tuple[str, Sequence[ReadEvent]]]) -> None:
    """Leave what names another customer than the one it is confined to without a customer: of others it learns nothing.

    Its own may be named by an alias or a contract's number too: those are looked up, for all batches at once.
    """
    others = [
        (own, event) for own, read in confined for event in read if event.customer_key not in {own, None}
    ]
    if not others:
        return
    named = customers_named({key for own, event in others for key in (own, event.customer_key or "")})
    for own, event in others:
        given = event.customer_key or ""
        if given in named and named[given] == named.get(own):
            event.customer_key = own
        else:
            event.fault = event.fault or faults.unknown_customer(given)
            event.customer_key = None
