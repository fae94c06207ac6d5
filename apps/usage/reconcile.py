"""Proving the totals: rebuilt from the stored events, they must equal what ingest added up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.db import connection, transaction
from django.db.models import Count

from apps.contracts.models import Contract
from apps.core.money import EXACT
from apps.plans.models import Meter
from apps.usage import queries, sql, strict_json
from apps.usage.faults import Fault
from apps.usage.judge import ContractFacts, Facts, charges_by_meter, feeds_of
from apps.usage.models import EventKey, UsageDay
from apps.usage.read_event import ReadEvent

_PAGE = 5_000

_Key = tuple[UUID, UUID, UUID, date, str]
_Sum = tuple[Decimal, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that should be equal and are not."""

    what: str
    from_events: str
    stored: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was compared, and every difference."""

    events: int
    totals: int
    differences: tuple[Difference, ...]


def reconcile() -> Reconciled:
    """Rebuild all daily totals from all events, and compare; write nothing.

    Reads one consistent state of the database. Also checks that events, ids seen and events acknowledged as counted
    are as many.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # In a test's own transaction there has been a query already; what is read there is consistent anyhow.
            if len(connection.savepoint_ids) == 0:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rebuilt, events = _rebuilt()
        stored = _stored()
        return Reconciled(events, len(stored), (*_count_differences(events), *_compared(rebuilt, stored)))


def _rebuilt() -> tuple[dict[_Key, _Sum], int]:
    contracts = {contract.pk: _facts_of(contract) for contract in Contract.objects.all()}
    meters: dict[str, list[Meter]] = {}
    for meter in Meter.objects.order_by("key"):
        meters.setdefault(meter.event_type, []).append(meter)
    facts = Facts({}, meters, {})
    sums: dict[_Key, _Sum] = {}
    events = 0
    with localcontext(EXACT):
        for customer_id, contract_id, day, received_at, event in _events():
            events += 1
            routes = facts.routes_of(event.type, contracts[contract_id])
            counting = [route for route in routes if route.meter.created_at <= received_at]
            feeds = feeds_of(event, counting, contracts[contract_id])
            for cell, quantity in () if isinstance(feeds, Fault) else feeds:
                key = (customer_id, contract_id, UUID(cell.meter_id), day, cell.dimensions)
                so_far, many = sums.get(key, (Decimal(0), 0))
                sums[key] = (so_far + quantity, many + 1)
    return sums, events


def _facts_of(contract: Contract) -> ContractFacts:
    return ContractFacts(
        id=str(contract.pk),
        number=contract.number,
        timezone=ZoneInfo(contract.timezone),
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        billed_until_on=contract.billed_until_on,
        charges=charges_by_meter(contract.plan_version_id),
    )


def _events() -> Iterator[tuple[UUID, UUID, date, datetime, ReadEvent]]:
    """Yield all events page by page, with their numbers exact."""
    after: tuple[UUID, datetime, str] | None = None
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql.EVENTS_AFTER if after else sql.FIRST_EVENTS, [*(after or ()), _PAGE])
            rows = cursor.fetchall()
        for customer_id, time, key, contract_id, type_, quantity, properties, day, received_at in rows:
            read = strict_json.load(properties.encode())
            assert isinstance(read, dict)
            event = ReadEvent(0, key, None, type_, time, "", quantity, read, b"", b"", None)
            yield customer_id, contract_id, day, received_at, event
        if len(rows) < _PAGE:
            return
        after = (rows[-1][0], rows[-1][1], rows[-1][2])


def _stored() -> dict[_Key, _Sum]:
    rows = UsageDay.objects.values_list(
        "customer_id", "contract_id", "meter_id", "day", "dimensions", "quantity", "events"
    )
    return {
        (customer, contract, meter, day, _written(dimensions)): (quantity, events)
        for customer, contract, meter, day, dimensions, quantity, events in rows
    }


def _count_differences(events: int) -> Iterator[Difference]:
    ids = EventKey.objects.aggregate(many=Count("*"))["many"]
    if ids != events:
        yield Difference("events, and ids seen", f"{events:,}", f"{ids:,}")
    acknowledged = queries.received().counted
    if acknowledged != events:
        yield Difference("events, and events acknowledged as counted", f"{events:,}", f"{acknowledged:,}")


def _compared(rebuilt: dict[_Key, _Sum], stored: dict[_Key, _Sum]) -> Iterator[Difference]:
    for key in sorted(rebuilt.keys() | stored.keys(), key=lambda one: tuple(map(str, one))):
        ours, theirs = rebuilt.get(key, (Decimal(0), 0)), stored.get(key, (Decimal(0), 0))
        if ours != theirs:
            customer, contract, meter, day, dimensions = key
            yield Difference(
                f"customer {customer}, contract {contract}, meter {meter}, {day}, {dimensions}",
                f"{ours[0]:f} of {ours[1]:,} events",
                f"{theirs[0]:f} of {theirs[1]:,} events",
            )


def _written(dimensions: dict[str, str]) -> str:
    return orjson.dumps(dimensions, option=orjson.OPT_SORT_KEYS).decode()
