"""Reading stored events back as ingest judged them, so that all that was derived from them can be derived again."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.db import connection

from apps.contracts.models import Contract
from apps.plans.models import EventTypeAlias, Meter
from apps.usage import sql, strict_json
from apps.usage.judge import feed
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
        of_type: dict[str, list[Meter]] = {}
        for meter in Meter.objects.order_by("key") if meters is None else meters:
            of_type.setdefault(meter.event_type, []).append(meter)
        for alias in EventTypeAlias.objects.all():
            if alias.event_type in of_type:
                of_type.setdefault(alias.sent_type, []).extend(of_type[alias.event_type])
        self._facts = Facts({}, of_type, {}, None)
        self._contracts: dict[UUID, ContractFacts] = {}

    @property
    def types(self) -> Mapping[str, Collection[Meter]]:
        """Return the meters by the types of events that they count."""
        return self._facts.meters

    def of(self, stored: StoredEvent) -> Countable:
        """Return the event with what it feeds."""
        contract = self._contract(stored.contract_id)
        customer_id = str(stored.customer_id)
        way = self._facts.way_on(customer_id, stored.event.type, contract, stored.day)
        found = feed(stored.event, way, is_stored=True)
        assert isinstance(found, Countable), "without charges there is nothing to be at fault for"
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
        charges={},
    )


def every_event() -> Iterator[StoredEvent]:
    """Yield all events, also voided ones, page by page, with their numbers exact."""
    after: tuple[Any, ...] = ()
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql.EVENTS_AFTER if after else sql.FIRST_EVENTS, [*after, _PAGE])
            rows = cursor.fetchall()
        yield from map(_stored, rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1][:3]


def events_of(
    *, customer_id: UUID, keys: Collection[str] = (), day: date | None = None, types: Iterable[str] = ()
) -> list[StoredEvent]:
    """Return a customer's events with these ids; or of these types, all of them or those of one local day."""
    of_types = sql.array(sorted(types))
    if keys:
        return _read(sql.EVENTS_BY_KEY, [customer_id, sql.array(sorted(keys))])
    if day is None:
        return _read(sql.EVENTS_OF_TYPES, [customer_id, of_types])
    return _read(sql.EVENTS_OF_DAY, [customer_id, day, day, day, of_types])


def events_where(customer_id: UUID, where: Where, *, most: int) -> list[StoredEvent]:
    """Return the customer's first so many events that a filter names."""
    properties = orjson.dumps(dict(where.properties)).decode()
    return _read(
        sql.EVENTS_WHERE, [customer_id, where.start, where.end, where.type, where.type, properties, most]
    )


def latest_events(*, types: Iterable[str], most: int) -> list[StoredEvent]:
    """Return the newest events of these types, whoever's they are."""
    return _read(sql.LATEST_EVENTS, [sql.array(sorted(types)), most])


def _read(statement: str, values: Sequence[Any]) -> list[StoredEvent]:
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
