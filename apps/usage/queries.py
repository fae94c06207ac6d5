"""Reading usage: totals as the pricing engine takes them, rows for pages, what was received, what waits in quarantine."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import TruncDate

from apps.contracts.models import Contract
from apps.core.periods import Period
from apps.plans.queries import PlannedCharge
from apps.rating.price_models.matrix import Matrix
from apps.rating.usage import Usage
from apps.usage import sql
from apps.usage.models import QuarantinedEvent, Receipt, UsageDay


@dataclass(frozen=True, slots=True)
class Total:
    """The quantity of one meter with one set of dimension values in a contract's period."""

    meter_id: UUID
    dimensions: Mapping[str, str]
    quantity: Decimal
    events: int
    last_received_at: datetime


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


@dataclass(frozen=True, slots=True)
class Received:
    """What was received, and what became of it: received = counted + duplicate + conflict + quarantined."""

    received: int
    counted: int
    duplicate: int
    conflict: int
    quarantined: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReceivedOn:
    """What was received and counted on one UTC day."""

    day: date
    received: int
    counted: int


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """How many events wait in quarantine for one reason, since when."""

    reason: str
    label: str
    count: int
    last_at: datetime


def totals(periods: Iterable[tuple[Contract, Period]]) -> dict[UUID, tuple[Total, ...]]:
    """Return each contract's totals in its period by meter and dimension values, in one query for all of them."""
    asked = list(periods)
    found: dict[UUID, list[Total]] = {contract.pk: [] for contract, _ in asked}
    with connection.cursor() as cursor:
        cursor.execute(
            sql.TOTALS,
            [
                [contract.customer_id for contract, _ in asked],
                [contract.pk for contract, _ in asked],
                [period.starts_on for _, period in asked],
                [period.ends_on for _, period in asked],
            ],
        )
        for contract_id, meter_id, dimensions, quantity, events, last_received_at in cursor.fetchall():
            found[contract_id].append(
                Total(meter_id, sql.read_json(dimensions), quantity, events, last_received_at)
            )
    return {contract_id: tuple(of_contract) for contract_id, of_contract in found.items()}


def as_usage(charges: Sequence[PlannedCharge], found: Iterable[Total]) -> list[Usage]:
    """Give every charge the totals of its meter; a matrix gets those dimensions that it prices by."""
    of_meter: dict[UUID, list[Total]] = {}
    for total in found:
        of_meter.setdefault(total.meter_id, []).append(total)
    return [
        Usage(planned.charge.key, total.quantity, _priced_by(planned, total))
        for planned in charges
        if planned.meter_id
        for total in of_meter.get(planned.meter_id, [])
    ]


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

    One query. A dimension that an event did not have is left out of its row.
    """
    found = UsageDay.objects.filter(customer_id=customer_id, day__gte=start, day__lt=end)
    if meter_key:
        found = found.filter(meter__key=meter_key)
    names = [f"dimension_{place}" for place in range(len(dimensions))]
    grouped = ["meter__key", "meter__name", "meter__unit", *(["day"] if by_day else []), *names]
    rows = (
        found.annotate(
            **{
                name: KeyTextTransform(dimension, "dimensions")
                for name, dimension in zip(names, dimensions, strict=True)
            }
        )
        .values(*grouped)
        .annotate(total=Sum("quantity"), counted=Sum("events"), last=Max("last_received_at"))
        .order_by(*grouped)
    )
    return tuple(
        UsageRow(
            meter_key=row["meter__key"],
            meter_name=row["meter__name"],
            unit=row["meter__unit"],
            day=row.get("day"),
            dimensions={
                dimension: row[name]
                for name, dimension in zip(names, dimensions, strict=True)
                if row[name] is not None
            },
            quantity=row["total"],
            events=row["counted"],
            last_received_at=row["last"],
        )
        for row in rows
    )


def day_rows(*, contract: Contract, period: Period) -> tuple[UsageRow, ...]:
    """Return what a contract used in a period, by day, meter and all dimension values, in one query."""
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
        )
    )
    return tuple(UsageRow(*row) for row in found)


def received(*, start: datetime | None = None, end: datetime | None = None) -> Received:
    """Return what was received from `start` up to, not with, `end`, of all time if left out, in one query."""
    found = Receipt.objects.all()
    if start:
        found = found.filter(received_at__gte=start)
    if end:
        found = found.filter(received_at__lt=end)
    sums = found.aggregate(
        *(Sum(name, default=0) for name in ("received", "counted", "duplicate", "conflict", "quarantined")),
        last=Max("received_at"),
    )
    return Received(
        received=sums["received__sum"],
        counted=sums["counted__sum"],
        duplicate=sums["duplicate__sum"],
        conflict=sums["conflict__sum"],
        quarantined=sums["quarantined__sum"],
        last_at=sums["last"],
    )


def received_by_day(*, at: datetime, days: int = 30) -> tuple[ReceivedOn, ...]:
    """Return what was received on each of the last UTC days, today's last, in one query; a day without any is there."""
    today = at.date()
    first = today - timedelta(days=days - 1)
    rows = (
        Receipt.objects.filter(
            received_at__gte=datetime(first.year, first.month, first.day, tzinfo=at.tzinfo)
        )
        .annotate(on=TruncDate("received_at"))
        .values("on")
        .annotate(events=Sum("received"), good=Sum("counted"))
        .order_by("on")
        .values_list("on", "events", "good")
    )
    found = {day: (events, good) for day, events, good in rows}
    every_day = [first + timedelta(days=place) for place in range(days)]
    return tuple(ReceivedOn(day, *found.get(day, (0, 0))) for day in every_day)


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


def last_received(customer_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return when each customer's usage was last counted, in one query; one without usage is left out."""
    rows = (
        UsageDay.objects.filter(customer_id__in=customer_ids)
        .values_list("customer_id")
        .annotate(last=Max("last_received_at"))
        .order_by()
    )
    return dict(rows)


def _priced_by(planned: PlannedCharge, total: Total) -> tuple[tuple[str, str], ...]:
    if not isinstance(planned.charge.price, Matrix):
        return ()
    return tuple((name, total.dimensions[name]) for name in planned.charge.price.dimensions)
