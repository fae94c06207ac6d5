"""Proving the totals of one contract's days from its events alone, also from archived ones. Writes nothing."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from heapq import merge
from itertools import chain
from uuid import UUID

from django.db import transaction

from apps.contracts.models import Contract
from apps.core.periods import Period
from apps.plans.models import Meter
from apps.usage import archived, reads, sql
from apps.usage.archives import NONE, Archives, configured
from apps.usage.models import UsageDay
from apps.usage.rebuild import DrawnKey, Rebuilt
from apps.usage.sql import DayKey
from apps.usage.stored import Feeding, StoredEvent, in_pages, read_events

# Of these a day's quantity hangs on events of other days too.
_RUNS_ON = frozenset({Meter.Aggregation.OUTCOMES})


@dataclass(frozen=True, slots=True)
class DayDifference:
    """A day's total of a meter that is stored otherwise than the events say."""

    day: date
    meter: str
    dimensions: str
    from_events: Decimal
    stored: Decimal


@dataclass(frozen=True, slots=True)
class Proven:
    """How many events and totals were compared, and what differs; `not_whole` are meters that do not count all events yet."""

    events: int
    totals: int
    differences: tuple[DayDifference, ...]
    not_whole: tuple[str, ...]


def prove(
    contract: Contract,
    period: Period,
    meter_ids: Collection[UUID],
    *,
    archives: Archives = NONE,
) -> Proven:
    """Count the contract's events of a period anew and compare with the stored totals of these meters.

    `archives` are those of the months that are out of the database. Reads all events of the meters' types in
    the period; for levels and outcomes, which run on, all that the customer ever sent of them.
    """
    meters = list(Meter.objects.filter(pk__in=meter_ids))
    whole = [meter for meter in meters if meter.counts_from is None]
    rebuilt, events = Rebuilt(), 0
    for group in (
        [meter for meter in whole if not _runs_on(meter)],
        [meter for meter in whole if _runs_on(meter)],
    ):
        events += _add(rebuilt, group, contract, period, archives)
    stored = _stored(contract, period, [meter.pk for meter in whole])
    names = {str(meter.pk): meter.name for meter in whole}
    ours = {
        key: quantity
        for key, (quantity, _) in rebuilt.totals(drawn_until=_drawn_until(contract, whole)).items()
        if _is_of(key, contract, period) and key[2] in names
    }
    nothing = Decimal(0)
    return Proven(
        events,
        len(stored),
        tuple(
            DayDifference(
                date.fromisoformat(key[3]),
                names[key[2]],
                key[4],
                ours.get(key, nothing),
                stored.get(key, nothing),
            )
            for key in sorted(ours.keys() | stored.keys())
            if ours.get(key, nothing) != stored.get(key, nothing)
        ),
        tuple(meter.name for meter in meters if meter.counts_from is not None),
    )


def counted_events(
    contract: Contract,
    period: Period,
    types: Collection[str],
    *,
    archives: Archives | None = None,
) -> Iterator[StoredEvent]:
    """Yield the contract's events of these types in the period, also voided ones, in the order of time.

    Those of months that are out of the database are read from `archives`, or else from the folder of METERBOOK_ARCHIVE. Refuses
    where one of these months is in neither.
    """
    with transaction.atomic(savepoint=False):
        # Else a month might go between the look for it and the reading of what is there.
        archived.keep_months()
        out = archived.in_period(archived.months_out(), period)
        here = read_events(
            reads.EVENTS_OF_PERIOD,
            [
                contract.customer_id,
                period.starts_on,
                period.ends_on,
                contract.pk,
                period.starts_on,
                period.ends_on,
                sql.array(sorted(types)),
            ],
        )
    if not out:
        yield from here
        return
    away = (configured() if archives is None else archives).events_in(out, contract_id=contract.pk)
    own = (one for one in away if one.event.type in types and period.starts_on <= one.day < period.ends_on)
    yield from merge(own, here, key=lambda one: one.event.micros)


def _add(
    rebuilt: Rebuilt,
    meters: Sequence[Meter],
    contract: Contract,
    period: Period,
    archives: Archives,
) -> int:
    """Add what the meters' events feed; return how many events that are."""
    if not meters:
        return 0
    feeding, events = Feeding(meters=meters), 0
    found = (
        counted_events(contract, period, feeding.types.keys(), archives=archives)
        if not _runs_on(meters[0])
        else chain(
            (
                one
                for one in archives.events()
                if one.customer_id == contract.customer_id and one.event.type in feeding.types
            ),
            read_events(reads.EVENTS_OF_TYPES, [contract.customer_id, sql.array(sorted(feeding.types))]),
        )
    )
    for page in in_pages(found):
        standing = [one for one in page if not one.is_voided]
        events += len(standing)
        rebuilt.add(feeding.of_all(standing))
    return events


def _runs_on(meter: Meter) -> bool:
    return bool(meter.level) or meter.aggregation in _RUNS_ON


def _stored(contract: Contract, period: Period, meter_ids: Collection[UUID]) -> dict[DayKey, Decimal]:
    rows = UsageDay.objects.filter(
        customer_id=contract.customer_id,
        contract_id=contract.pk,
        meter_id__in=meter_ids,
        day__gte=period.starts_on,
        day__lt=period.ends_on,
    ).values_list("meter_id", "day", "dimensions", "quantity")
    return {
        (
            str(contract.customer_id),
            str(contract.pk),
            str(meter_id),
            day.isoformat(),
            sql.canonical(dimensions),
        ): quantity
        for meter_id, day, dimensions, quantity in rows
    }


def _drawn_until(contract: Contract, meters: Sequence[Meter]) -> dict[DrawnKey, date]:
    levels = [meter.pk for meter in meters if meter.level]
    if not levels:
        return {}
    rows = UsageDay.objects.filter(customer_id=contract.customer_id, meter_id__in=levels)
    found: dict[DrawnKey, date] = {}
    for contract_id, meter_id, dimensions, day in rows.values_list(
        "contract_id", "meter_id", "dimensions", "day"
    ):
        key = (str(contract.customer_id), str(meter_id), sql.canonical(dimensions), str(contract_id))
        found[key] = max(found.get(key, date.min), day)
    return found


def _is_of(key: DayKey, contract: Contract, period: Period) -> bool:
    return key[1] == str(contract.pk) and period.starts_on <= date.fromisoformat(key[3]) < period.ends_on
