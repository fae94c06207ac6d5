"""Reading usage: totals as the pricing engine takes them, rows for pages, what was received, what waits in quarantine."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, terms_in
from apps.core.periods import Period
from apps.plans.models import Meter
from apps.usage import reads
from apps.usage.combine import Total, dimensions_of
from apps.usage.models import QuarantinedEvent, Receipt, UsageDay, UsageValue


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A customer's quantity of one meter; `day` and `dimensions` are filled as far as the rows are grouped by them."""

    meter_key: str
    meter_name: str
    unit: str
    day: date | None
    dimensions: Mapping[str, str]
    quantity: Decimal
    events: int
    last_received_at: datetime
    as_of: datetime | None = None
    aggregation: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """What was received, and what became of it: received = counted + voided + duplicate + conflict + quarantined."""

    received: int
    counted: int
    voided: int
    duplicate: int
    conflict: int
    quarantined: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """How many events wait in quarantine for one reason, since when."""

    reason: str
    label: str
    count: int
    last_at: datetime


def totals(periods: Iterable[tuple[Contract, Period]]) -> dict[UUID, tuple[Total, ...]]:
    """Return each contract's totals in its period by meter and dimension values, in one query for all of them.

    Where a meter counts different values, a second query counts those of the whole period by the dimensions that are priced.
    """
    return totals_in([(contract, terms_in(contract, period)) for contract, period in periods])


def totals_in(asked: Iterable[tuple[Contract, PeriodTerms]]) -> dict[UUID, tuple[Total, ...]]:
    """Return each contract's totals as `totals` does, told apart by the parts of its period in which no price changes."""
    asked = list(asked)
    parts = [(contract, part) for contract, terms in asked for part in terms.parts]
    is_cut = {contract.pk: len(terms.parts) > 1 for contract, terms in asked}
    found: dict[UUID, list[Total]] = {contract.pk: [] for contract, _ in asked}
    different: set[UUID] = set()
    with connection.cursor() as cursor:
        cursor.execute(reads.TOTALS, reads.asked(parts))
        for contract_id, since, meter_id, aggregation, dimensions, *figures in cursor.fetchall():
            if aggregation == Meter.Aggregation.UNIQUE_COUNT:
                different.add(meter_id)
                continue
            total = Total(meter_id, reads.read_json(dimensions), *figures)
            found[contract_id].append(replace(total, since=since) if is_cut[contract_id] else total)
    if different:
        for contract_id, total in _different(asked, sorted(different)):
            found[contract_id].append(total)
    return {contract_id: tuple(of_contract) for contract_id, of_contract in found.items()}


def usage_rows(
    *,
    customer_id: UUID,
    start: date,
    end: date,
    meter_key: str = "",
    by_day: bool = False,
    dimensions: Sequence[str] = (),
) -> tuple[UsageRow, ...]:
    """Return a customer's usage from `start` up to, not with, `end`, by meter and, if asked, by day and dimensions.

    Days and dimensions that are not told apart are joined as the bill joins them, by the meter's rule (see `combine`): they
    add up, or the highest or the latest is left, and levels with other dimension values always add up. One query, and one
    more where a meter counts different values. A dimension that an event did not have is left out of its row.
    """
    asked: dict[str, Any] = {
        "customer": customer_id,
        "start": start,
        "end": end,
        "meter": meter_key,
        "by_day": by_day,
    }
    names = {f"dimension_{place}": dimension for place, dimension in enumerate(dimensions)}
    values = ", ".join(f"used.dimensions ->> %({name})s" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(reads.USAGE.format(values=values), asked | names)
        rows = [_usage_row(row, dimensions) for row in cursor.fetchall()]
    different = {row.meter_key for row in rows if row.aggregation == Meter.Aggregation.UNIQUE_COUNT}
    if not different:
        return tuple(rows)
    different_values = (
        UsageValue.objects.filter(
            customer_id=customer_id, day__gte=start, day__lt=end, meter__key__in=different
        )
        .annotate(**{name: KeyTextTransform(dimension, "dimensions") for name, dimension in names.items()})
        .values_list("meter__key", *(["day"] if by_day else []), *names)
        .annotate(many=Count("value", distinct=True))
        .order_by()
    )
    many = {row[:-1]: Decimal(row[-1]) for row in different_values}
    return tuple(
        replace(row, quantity=many.get(_group_of(row, dimensions, by_day=by_day), row.quantity))
        if row.meter_key in different
        else row
        for row in rows
    )


def day_rows(*, contract: Contract, period: Period) -> tuple[UsageRow, ...]:
    """Return what a contract used in a period, by day, meter and all dimension values; one query.

    Of a meter that counts different values a day shows those that were new in the period, so that days add up; that takes a
    second query.
    """
    found = (
        UsageDay.objects.filter(
            customer_id=contract.customer_id,
            contract_id=contract.pk,
            day__gte=period.starts_on,
            day__lt=period.ends_on,
        )
        .order_by("day", "meter__key", "dimensions")
        .values_list(
            "meter__key",
            "meter__name",
            "meter__unit",
            "day",
            "dimensions",
            "quantity",
            "events",
            "last_received_at",
            "as_of",
            "meter__aggregation",
        )
    )
    rows = [UsageRow(*row) for row in found]
    if not any(row.aggregation == Meter.Aggregation.UNIQUE_COUNT for row in rows):
        return tuple(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            reads.NEW_VALUES, [contract.customer_id, contract.pk, period.starts_on, period.ends_on]
        )
        new = {
            (meter_key, day, json.dumps(reads.read_json(dimensions), sort_keys=True)): Decimal(many)
            for meter_key, day, dimensions, many in cursor.fetchall()
        }
    return tuple(
        replace(
            row,
            quantity=new.get(
                (row.meter_key, row.day, json.dumps(row.dimensions, sort_keys=True)), Decimal(0)
            ),
        )
        if row.aggregation == Meter.Aggregation.UNIQUE_COUNT
        else row
        for row in rows
    )


def daily_quantities(
    periods: Iterable[tuple[Contract, Period]],
) -> dict[UUID, dict[UUID, dict[date, Decimal]]]:
    """Return what contracts used of each meter on each day of their periods that has any, as `day_rows` does, by contract.

    One query for all of them, and two for each with a meter that counts different values.
    """
    by_id = {contract.pk: (contract, period) for contract, period in periods}
    found: dict[UUID, dict[UUID, dict[date, Decimal]]] = {contract_id: {} for contract_id in by_id}
    different: set[UUID] = set()
    with connection.cursor() as cursor:
        cursor.execute(reads.BY_DAY, reads.asked(by_id.values()))
        for contract_id, meter_id, aggregation, day, quantity in cursor.fetchall():
            found[contract_id].setdefault(meter_id, {})[day] = quantity
            if aggregation == Meter.Aggregation.UNIQUE_COUNT:
                different.add(contract_id)
    for contract_id in different:
        found[contract_id] = _daily_alone(*by_id[contract_id])
    return found


def _daily_alone(contract: Contract, period: Period) -> dict[UUID, dict[date, Decimal]]:
    meter_ids = {one.meter_key: one.meter_id for one in terms_in(contract, period).charges}
    quantities: dict[UUID, dict[date, Decimal]] = {}
    for row in day_rows(contract=contract, period=period):
        meter_id = meter_ids.get(row.meter_key)
        if meter_id and row.day:
            of_meter = quantities.setdefault(meter_id, {})
            of_meter[row.day] = of_meter.get(row.day, Decimal(0)) + row.quantity
    return quantities


def as_total(row: UsageRow, meter_id: UUID) -> Total:
    """Return a day's row as a total of its meter."""
    return Total(
        meter_id,
        row.dimensions,
        row.quantity,
        row.events,
        row.last_received_at,
        last_on=row.day or date.min,
        as_of=row.as_of,
    )


def received(*, start: datetime | None = None, end: datetime | None = None) -> Received:
    """Return what was received from `start` up to, not with, `end`, of all time if left out, in one query."""
    found = Receipt.objects.all()
    if start:
        found = found.filter(received_at__gte=start)
    if end:
        found = found.filter(received_at__lt=end)
    sums = found.aggregate(
        *(
            Sum(name, default=0)
            for name in ("received", "counted", "voided", "duplicate", "conflict", "quarantined")
        ),
        last=Max("received_at"),
    )
    return Received(
        received=sums["received__sum"],
        counted=sums["counted__sum"],
        voided=sums["voided__sum"],
        duplicate=sums["duplicate__sum"],
        conflict=sums["conflict__sum"],
        quarantined=sums["quarantined__sum"],
        last_at=sums["last"],
    )


def waiting() -> QuerySet[QuarantinedEvent]:
    """Return the events that wait in quarantine, the newest first."""
    return QuarantinedEvent.objects.filter(resolved_at=None).order_by("-received_at", "-id")


def waiting_by_reason() -> tuple[WaitingReason, ...]:
    """Return how many events wait for each reason, the most first, in one query."""
    rows = (
        waiting()
        .order_by()
        .values_list("reason")
        .annotate(many=Count("id"), last=Max("received_at"))
        .order_by("-many", "reason")
    )
    labels: dict[str, str] = dict(QuarantinedEvent.Reason.choices)
    return tuple(WaitingReason(reason, labels.get(reason, reason), many, last) for reason, many, last in rows)


def _usage_row(row: Sequence[Any], dimensions: Sequence[str]) -> UsageRow:
    meter_key, name, unit, day, values, quantity, events, last_received_at, aggregation = row
    return UsageRow(
        meter_key=meter_key,
        meter_name=name,
        unit=unit,
        day=day,
        dimensions={
            dimension: value for dimension, value in zip(dimensions, values, strict=True) if value is not None
        },
        quantity=quantity,
        events=events,
        last_received_at=last_received_at,
        aggregation=aggregation,
    )


def _group_of(row: UsageRow, dimensions: Sequence[str], *, by_day: bool) -> tuple[object, ...]:
    day = [row.day] if by_day else []
    return (row.meter_key, *day, *(row.dimensions.get(name) for name in dimensions))


def _different(
    asked: Sequence[tuple[Contract, PeriodTerms]], meter_ids: Sequence[UUID]
) -> Iterator[tuple[UUID, Total]]:
    """Yield, by contract, how many different values its meters had in the whole period."""
    for contract, terms in asked:
        period = terms.period
        priced_by = {
            planned.meter_id: dimensions_of(planned)
            for planned in terms.charges
            if planned.meter_id in meter_ids
        }
        for meter_id in meter_ids:
            names = priced_by.get(meter_id, ())
            with connection.cursor() as cursor:
                cursor.execute(
                    reads.DIFFERENT_VALUES,
                    [
                        list(names),
                        contract.customer_id,
                        contract.pk,
                        meter_id,
                        period.starts_on,
                        period.ends_on,
                    ],
                )
                for dimensions, many, events, last_on, received_at in cursor.fetchall():
                    yield (
                        contract.pk,
                        Total(
                            meter_id, reads.read_json(dimensions), Decimal(many), events, received_at, last_on
                        ),
                    )
