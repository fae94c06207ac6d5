"""Reading stored events back as ingest judged them, so that all that was derived from them can be derived again."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.db import connection

from apps.contracts.models import Contract
from apps.core import db
from apps.plans.models import EventTypeAlias, Meter
from apps.usage import reads, sql, strict_json
from apps.usage.judge import feed_all
from apps.usage.measure import DECISION, Measure
from apps.usage.read_event import ReadEvent, micros_of
from apps.usage.ways import ContractFacts, Countable, Facts

_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One counted event as the database has it."""

    customer_id: UUID
    contract_id: UUID
    day: date
    received_at: datetime
    is_voided: bool
    event: ReadEvent


@dataclass(frozen=True, slots=True)
class Where:
    """Which of a customer's events: of one type, from an instant up to, not with, another, with these properties."""

    start: datetime
    end: datetime
    type: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


class Feeding:
    """What stored events feed, by the meters of now and the contract that each was counted under."""

    def __init__(self, *, meters: Collection[Meter] | None = None) -> None:
        by_type: dict[str, list[Meter]] = {}
        for meter in Meter.objects.order_by("key") if meters is None else meters:
            by_type.setdefault(meter.event_type, []).append(meter)
            if meter.aggregation == Meter.Aggregation.OUTCOMES:
                by_type.setdefault(DECISION, []).append(meter)
        # Like ingest: an alias of an alias leads no further.
        of_type = {type_: list(of_it) for type_, of_it in by_type.items()}
        for sent_type, event_type in EventTypeAlias.objects.values_list("sent_type", "event_type"):
            if event_type in by_type:
                of_type.setdefault(sent_type, []).extend(by_type[event_type])
        self._types = of_type
        self._measures: dict[UUID, Measure] = {}
        self._contracts: dict[UUID, ContractFacts] = {}

    @property
    def types(self) -> Mapping[str, Collection[Meter]]:
        """Return the meters by the types of events that they count."""
        return self._types

    def of(self, stored: StoredEvent) -> Countable:
        """Return the event with what it feeds."""
        (fed,) = self.of_all([stored])
        return fed

    def of_all(self, events: Iterable[StoredEvent]) -> list[Countable]:
        """Return the events with what they feed, those of one day and type together."""
        # Anew each time: of many events the ways, with all the values that they met, would fill the memory.
        facts = Facts({}, self._types, {}, None, measures=self._measures)
        alike: dict[tuple[UUID, str, date], list[StoredEvent]] = {}
        for stored in events:
            alike.setdefault((stored.contract_id, stored.event.type, stored.day), []).append(stored)
        found: list[Countable] = []
        for (contract_id, type_, day), those in alike.items():
            way = facts.way_on(str(those[0].customer_id), type_, self._contract(contract_id), day)
            for fed in feed_all([stored.event for stored in those], way, is_stored=True):
                assert isinstance(fed, Countable), "without charges there is nothing to be at fault for"
                found.append(fed)
        return found

    def _contract(self, contract_id: UUID) -> ContractFacts:
        found = self._contracts.get(contract_id)
        if found is None:
            found = self._contracts[contract_id] = facts_of(Contract.objects.get(pk=contract_id))
        return found


def facts_of(contract: Contract) -> ContractFacts:
    """Return what is to be known of a contract whose events were judged already."""
    return ContractFacts(
        id=str(contract.pk),
        number=contract.number,
        timezone=ZoneInfo(contract.timezone),
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        billed_until_on=contract.billed_until_on,
        plan_version_id=None,
        terms_stamp=None,
        phases=(),
    )


def every_event() -> Iterator[StoredEvent]:
    """Yield all events, also voided ones, page by page, with their numbers exact."""
    after: tuple[Any, ...] = ()
    while True:
        with connection.cursor() as cursor:
            cursor.execute(reads.EVENTS_AFTER if after else reads.FIRST_EVENTS, [*after, _PAGE])
            rows = cursor.fetchall()
        yield from map(_stored, rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1][:3]


def events_of(*, customer_id: UUID, keys: Collection[str]) -> list[StoredEvent]:
    """Return a customer's events with these ids."""
    return read_events(reads.EVENTS_BY_KEY, [customer_id, sql.array(sorted(keys))])


def pages_of(
    *, customer_id: UUID, types: Iterable[str], day: date | None = None
) -> Iterator[list[StoredEvent]]:
    """Yield a customer's events of these types, all or those of one local day, page by page in the order of time. A step."""
    db.require_transaction()
    of_types = sql.array(sorted(types))
    with connection.chunked_cursor() as cursor:
        if day is None:
            cursor.execute(reads.EVENTS_OF_TYPES, [customer_id, of_types])
        else:
            cursor.execute(reads.EVENTS_OF_DAY, [customer_id, day, day, day, of_types])
        while rows := cursor.fetchmany(_PAGE):
            yield list(map(_stored, rows))


def in_pages(events: Iterable[StoredEvent]) -> Iterator[list[StoredEvent]]:
    """Yield events page by page, as they come."""
    left = iter(events)
    while page := list(islice(left, _PAGE)):
        yield page


def events_where(customer_id: UUID, where: Where, *, most: int) -> list[StoredEvent]:
    """Return the customer's first so many events that a filter names."""
    properties = orjson.dumps(dict(where.properties)).decode()
    return read_events(
        reads.EVENTS_WHERE, [customer_id, where.start, where.end, where.type, where.type, properties, most]
    )


def latest_events(*, types: Iterable[str], most: int) -> list[StoredEvent]:
    """Return the newest events of these types, whoever's they are."""
    return read_events(reads.LATEST_EVENTS, [sql.array(sorted(types)), most])


def read_events(statement: str, values: Sequence[Any]) -> list[StoredEvent]:
    """Return the events that a statement of `reads` finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(map(_stored, cursor.fetchall()))


def _stored(row: tuple[Any, ...]) -> StoredEvent:
    customer_id, time, key, contract_id, type_, quantity, properties, day, received_at, is_voided = row
    return StoredEvent(
        customer_id=customer_id,
        contract_id=contract_id,
        day=day,
        received_at=received_at,
        is_voided=bool(is_voided),
        event=read_stored(key, type_, time, quantity, properties),
    )


def read_stored(key: str, type_: str, time: datetime, quantity: Decimal, properties: str) -> ReadEvent:
    """Return a stored event as it was read when it came in."""
    read = strict_json.load(properties.encode())
    assert isinstance(read, dict)
    return ReadEvent(0, key, None, type_, time, micros_of(time), quantity, read, properties.encode(), b"")
