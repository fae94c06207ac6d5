"""Levels, such as seats and storage: they stand until they change, from day to day and into the next period.

The points are what events said; the daily totals are drawn from them, one for each day on which the level is not zero. A
day that has begun counts to its end at the level that stands, until a change during it moves it.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import Max, QuerySet, Sum
from django.db.models.functions import Collate

from apps.contracts import locks
from apps.contracts.models import Contract
from apps.core import db
from apps.core.money import EXACT
from apps.core.periods import local_day, local_midnight
from apps.plans.models import Meter
from apps.usage import sql
from apps.usage.models import LevelPoint, UsageDay
from apps.usage.read_event import Quantity

_HOUR = Decimal(3_600_000_000)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_EASTERNMOST = "Etc/GMT-14"
_EIGHTEEN = Decimal(1).scaleb(-18)
_ROUNDING = Context(prec=120)
# Of points of one instant the last by its letters stands, in whatever language the database sorts.
_KEY = Collate("key", "C")
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))"
_ADD_POINTS = """
    INSERT INTO usage_levelpoint (customer_id, meter_id, dimensions, "time", key, value, received_at)
    SELECT added.*, %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::jsonb[], %s::timestamptz[], %s::text[], %s::numeric[]) AS added
    ON CONFLICT DO NOTHING
"""
# A meter that is no level any more leaves points behind until it is computed over past events.
_CUSTOMERS = """
    SELECT DISTINCT point.customer_id FROM usage_levelpoint point
    JOIN plans_meter meter ON meter.id = point.meter_id AND meter.level <> ''
    ORDER BY 1
"""
_SERIES = """
    SELECT DISTINCT point.customer_id::text, point.meter_id, point.dimensions::text FROM usage_levelpoint point
    JOIN plans_meter meter ON meter.id = point.meter_id AND meter.level <> ''
    WHERE point.customer_id = %s
    ORDER BY 1, 2, 3
"""

logger = logging.getLogger(__name__)

# When, and what an event said.
Said = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True)
class Point:
    """What one event said of a level; `day` is the event's local day."""

    customer_id: str
    meter: Meter
    dimensions: str
    time: datetime
    key: str
    value: Quantity
    day: date


@dataclass(frozen=True, slots=True)
class Step:
    """From an instant on, the level is this high."""

    time: datetime
    level: Decimal


@dataclass(frozen=True, slots=True)
class DrawnDay:
    """What a level counts on one local day, and how many events moved it."""

    day: date
    quantity: Decimal
    events: int


@dataclass(frozen=True, slots=True)
class _Series:
    customer_id: str
    meter: Meter
    dimensions: str


def add(points: Sequence[Point], *, at: datetime) -> None:
    """Keep points, and draw the days anew that they change. A step."""
    if not points:
        return
    _lock(points)
    columns = zip(
        *(
            (
                one.customer_id,
                str(one.meter.pk),
                one.dimensions,
                one.time.isoformat(),
                one.key,
                str(one.value),
            )
            for one in points
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(_ADD_POINTS, [at, *(sql.array(column) for column in columns)])
    _redraw(points, at=at)


def take_off(points: Sequence[Point], *, at: datetime) -> None:
    """Take points away, and draw the days anew that they changed. A step."""
    if not points:
        return
    _lock(points)
    for one in points:
        LevelPoint.objects.filter(
            customer_id=one.customer_id, meter=one.meter, time=one.time, key=one.key
        ).delete()
    _redraw(points, at=at)


def carry_all(*, at: datetime) -> None:
    """Draw the days that have begun since levels last changed, customer by customer; what stops one stops no other."""
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMERS)
        customers = [customer_id for (customer_id,) in cursor.fetchall()]
    for customer_id in customers:
        try:
            with transaction.atomic(durable=True):
                # First, as whoever bills the customer does: the days that are written refer to its contracts.
                locks.hold_customer(customer_id)
                carry(customer_id, _signed(customer_id), at=at)
        except Exception:
            if not connection.is_usable():
                raise
            logger.exception("Levels of customer %s are not carried into the new day", customer_id)


def carry(customer_id: UUID, contracts: Collection[Contract], *, at: datetime) -> None:
    """Draw the days of these contracts that have begun since a level of the customer last changed.

    A step; the caller keeps the contracts from being billed by others.
    """
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, [customer_id])
        rows = cursor.fetchall()
    meters = Meter.objects.in_bulk({meter_id for _, meter_id, _ in rows})
    for customer, meter_id, dimensions in rows:
        series = _Series(customer, meters[meter_id], dimensions)
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [_lock_key(series)])
        _draw(series, _undrawn(series, contracts, at=at), at=at)


def quantity_of_day(steps: Sequence[Step], meter: Meter, starts_at: datetime, ends_at: datetime) -> Decimal:
    """Return what one local day counts, given the level at its start as the first step and the changes within it. Pure.

    The highest level, the level at the end, or level times time in hours or local days, rounded half up to 18 decimals.
    A level below zero, from removals that came before what they remove, counts as zero.
    """
    levels = [max(step.level, Decimal(0)) for step in steps]
    match meter.aggregation:
        case Meter.Aggregation.MAX:
            return max(levels)
        case Meter.Aggregation.LATEST:
            return levels[-1]
    ends = [*(step.time for step in steps[1:]), ends_at]
    unit = _HOUR if meter.per == Meter.Per.HOUR else Decimal((ends_at - starts_at) // _MICROSECOND)
    with localcontext(EXACT):
        area = sum(
            (
                level * ((end - max(step.time, starts_at)) // _MICROSECOND)
                for level, step, end in zip(levels, steps, ends, strict=True)
            ),
            Decimal(0),
        )
    share = Fraction(area) / Fraction(unit)
    exact = _ROUNDING.divide(Decimal(share.numerator), Decimal(share.denominator))
    return exact.quantize(_EIGHTEEN, ROUND_HALF_UP, _ROUNDING)


def _lock(points: Iterable[Point]) -> None:
    keys = sorted({_lock_key(_Series(one.customer_id, one.meter, one.dimensions)) for one in points})
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute(_LOCK, [key])


def _lock_key(series: _Series) -> str:
    # Not the dimensions: their text has two forms, and a customer's levels change seldom.
    return f"{series.customer_id} {series.meter.pk}"


def _redraw(points: Iterable[Point], *, at: datetime) -> None:
    first_on: dict[_Series, date] = {}
    for one in points:
        series = _Series(one.customer_id, one.meter, one.dimensions)
        first_on[series] = min(one.day, first_on.get(series, one.day))
    for series, day in first_on.items():
        _draw(series, dict.fromkeys(_signed(UUID(series.customer_id)), day), at=at)


def _signed(customer_id: UUID) -> list[Contract]:
    return list(Contract.objects.filter(customer_id=customer_id).exclude(status="draft"))


def _undrawn(
    series: _Series, contracts: Collection[Contract], *, at: datetime
) -> dict[Contract, date | None]:
    """Return the contracts that have days to draw, each with the first of them; None is for all of its days.

    Each contract for itself: one may have been signed, or extended, after days of another were drawn.
    """
    drawn = _stored(series).order_by().values_list("contract_id").annotate(Max("day"))
    next_on = {contract_id: day + _DAY for contract_id, day in drawn}
    first_on = {one: next_on.get(one.pk) for one in contracts}
    return {
        one: day
        for one, day in first_on.items()
        if (day or one.starts_on) <= local_day(at, one.timezone) and (day is None or one.covers(day))
    }


def _draw(series: _Series, first_on: Mapping[Contract, date | None], *, at: datetime) -> None:
    """Draw the daily totals of contracts, of each from a day on, through today and the last point."""
    if not first_on:
        return
    days = [day for day in first_on.values() if day]
    earliest = min(days) if len(days) == len(first_on) else None
    points = _points(series, earliest)
    drawn = {
        (contract.pk, day.day): day
        for contract, on in first_on.items()
        for day in days_of(
            contract, series.meter, points, first_on=on, through_on=_through(contract, points, at=at)
        )
    }
    since = {contract.pk: on or date.min for contract, on in first_on.items()}
    stored = {
        (row.contract_id, row.day): row
        for row in _stored(series).filter(contract_id__in=since, day__gte=earliest or date.min)
        if row.day >= since[row.contract_id]
    }
    _write(series, stored, drawn, at=at)


def _through(contract: Contract, points: Sequence[Said], *, at: datetime) -> date:
    """Return today, or the day of a point that came early."""
    return local_day(max(at, *(time for time, _ in points[-1:])) if points else at, contract.timezone)


def _stored(series: _Series) -> QuerySet[UsageDay]:
    return UsageDay.objects.filter(
        customer_id=series.customer_id, meter=series.meter, dimensions=orjson.loads(series.dimensions)
    )


def _points(series: _Series, first_on: date | None) -> list[Said]:
    """Return the points from a day on, after one that stands for all before."""
    found = LevelPoint.objects.filter(
        customer_id=series.customer_id, meter=series.meter, dimensions=orjson.loads(series.dimensions)
    )
    rows = found.order_by("time", _KEY).values_list("time", "value")
    if first_on is None:
        return list(rows)
    # No local day begins earlier than in the easternmost zone.
    since = local_midnight(first_on, _EASTERNMOST)
    earlier = found.filter(time__lt=since)
    if series.meter.level == Meter.Level.CHANGE:
        before = earlier.aggregate(total=Sum("value"))["total"]
    else:
        before = earlier.order_by("-time", _KEY.desc()).values_list("value", flat=True).first()
    start = [] if before is None else [(since - _MICROSECOND, before)]
    return [*start, *rows.filter(time__gte=since)]


def days_of(
    contract: Contract,
    meter: Meter,
    points: Sequence[Said],
    *,
    first_on: date | None = None,
    through_on: date,
) -> Iterator[DrawnDay]:
    """Yield the days of a contract on which a level counts, given what was said in the order of time. Pure."""
    if not points:
        return
    day = max(contract.starts_on, first_on or date.min, local_day(points[0][0], contract.timezone))
    while day <= through_on and contract.covers(day):
        starts_at = local_midnight(day, contract.timezone)
        ends_at = local_midnight(day + _DAY, contract.timezone)
        steps = _steps(points, meter, starts_at, ends_at)
        quantity = quantity_of_day(steps, meter, starts_at, ends_at)
        if quantity or len(steps) > 1:
            yield DrawnDay(day, quantity, len(steps) - 1)
        day += _DAY


def _steps(points: Sequence[Said], meter: Meter, starts_at: datetime, ends_at: datetime) -> list[Step]:
    """Return the level at the start of a day, and its changes within it."""
    before = Step(starts_at, Decimal(0))
    steps: list[Step] = []
    adds = meter.level == Meter.Level.CHANGE
    with localcontext(EXACT):
        for time, value in points:
            if time >= ends_at:
                break
            last = steps[-1] if steps else before
            level = last.level + value if adds else value
            if time < starts_at:
                before = Step(starts_at, level)
            else:
                steps.append(Step(time, level))
    return [before, *steps]


def _write(
    series: _Series,
    stored: dict[tuple[UUID, date], UsageDay],
    drawn: dict[tuple[UUID, date], DrawnDay],
    *,
    at: datetime,
) -> None:
    """Write those days that differ."""
    touched = stored.keys() - drawn.keys()
    for key in touched:
        _one(series, key).delete()
    for key, day in drawn.items():
        row = stored.get(key)
        if row and (row.quantity, row.events) == (day.quantity, day.events):
            continue
        touched |= {key}
        fields = {"quantity": day.quantity, "events": day.events, "last_received_at": at}
        if row:
            _one(series, key).update(**fields)
        else:
            contract_id, on = key
            UsageDay.objects.create(
                customer_id=UUID(series.customer_id),
                contract_id=contract_id,
                meter=series.meter,
                day=on,
                dimensions=orjson.loads(series.dimensions),
                **fields,
            )
    if touched:
        sql.mark_late_days([(str(contract), on.isoformat()) for contract, on in touched], at=at)


def _one(series: _Series, key: tuple[UUID, date]) -> QuerySet[UsageDay]:
    return _stored(series).filter(contract_id=key[0], day=key[1])
