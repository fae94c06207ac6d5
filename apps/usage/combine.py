"""Bringing daily totals together into what a charge prices: each meter by the rule of its aggregation. Pure.

Sums add up. Of highest and latest values one is left: across days, and across dimensions that only pages tell apart. Levels
with other dimension values are things of their own, so theirs add up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from uuid import UUID

from apps.contracts.terms import PeriodTerms
from apps.core.money import EXACT
from apps.plans.models import Meter
from apps.plans.queries import PlannedCharge
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.matrix import Matrix
from apps.rating.price_models.percentage import Percentage
from apps.rating.usage import Event, Usage

_ROUNDINGS: dict[str, str] = {
    Meter.Rounding.UP: ROUND_CEILING,
    Meter.Rounding.DOWN: ROUND_FLOOR,
    Meter.Rounding.NEAREST: ROUND_HALF_UP,
}
# What is one value of a whole period, and no sum of its parts'.
_ONE_VALUE = frozenset({Meter.Aggregation.MAX, Meter.Aggregation.LATEST, Meter.Aggregation.UNIQUE_COUNT})


@dataclass(frozen=True, slots=True)
class Total:
    """The quantity of one meter with one set of dimension values; `last_on` and `as_of` say how new its last value is.

    `since` is the first day of the part of the period that it is of, where prices change within the period.
    """

    meter_id: UUID
    dimensions: Mapping[str, str]
    quantity: Decimal
    events: int
    last_received_at: datetime
    last_on: date = date.min
    as_of: datetime | None = None
    since: date | None = None


Key = tuple[tuple[str, str], ...]


def as_usage(terms: PeriodTerms, found: Iterable[Total]) -> list[Usage]:
    """Give every charge the totals of its meter, by those dimensions that it prices by, rounded as the meter says.

    Where prices change within the period, sums are told apart by its parts, and each counts at the price of its part; what is
    one value for the whole period counts at the price of the last part that has the charge. A charge that is priced event by event gets each total as one
    event; `by_event` knows the events themselves.
    """
    of_meter: dict[UUID, list[Total]] = {}
    for total in found:
        of_meter.setdefault(total.meter_id, []).append(total)
    usage: list[Usage] = []
    for planned in terms.charges:
        if planned.meter_id in of_meter:
            usage += _used(planned, of_meter[planned.meter_id], terms)
    return usage


def part_of(day: date | None, parts: Sequence[date]) -> date:
    """Return the first day of the part that a day lies in, the first where there is no day."""
    return parts[0] if day is None else parts[max(bisect_right(parts, day) - 1, 0)]


def dimensions_of(planned: PlannedCharge, since: date = date.max) -> tuple[str, ...]:
    """Return the dimensions that a charge prices by on a day, at last if none is given."""
    price = _price_on(planned, since)
    return price.dimensions if isinstance(price, Matrix) else ()


def _used(planned: PlannedCharge, totals: Sequence[Total], terms: PeriodTerms) -> Iterator[Usage]:
    parts = [part.starts_on for part in terms.parts]
    only_since = terms.only_since.get(planned.charge.key)
    counting = [since for since in parts if only_since is None or since in only_since]
    adds_up = planned.aggregation not in _ONE_VALUE
    so_far: dict[Key, Decimal] = {}
    for since in counting if adds_up else counting[-1:]:
        of_days = [since] if adds_up else counting
        # Different values are counted for the period as a whole, so they have no part.
        of_part = [
            total
            for total in totals
            if part_of(total.since, parts) in of_days or (total.since is None and not adds_up)
        ]
        joined = across_dimensions(
            across_days(of_part, planned.aggregation),
            dimensions_of(planned, since),
            planned.aggregation,
            is_level=planned.is_level,
        )
        for key, total in joined.items():
            before = so_far.get(key, Decimal(0))
            with localcontext(EXACT):
                so_far[key] = before + total.quantity
                # What is rounded is the period's total, so parts are told apart by what they add to it.
                quantity = _rounded(so_far[key], planned) - _rounded(before, planned)
            yield Usage(
                planned.charge.key,
                quantity,
                key,
                events=_as_event(price_for(planned, key, since), quantity),
                day=since,
            )


def price_for(planned: PlannedCharge, dimensions: Key, since: date) -> object:
    """Return the price of usage with these dimension values on a day, or None where there is none.

    Of a dated one it is the latest, since its model stays the same.
    """
    price: object = _price_on(planned, since)
    if isinstance(price, Matrix):
        given = dict(dimensions)
        price = price.price_for(given) if price.is_priced_by(given) else None
    return price.prices[-1][1] if isinstance(price, Dated) else price


def _price_on(planned: PlannedCharge, day: date) -> object:
    begun = [change.price for change in planned.charge.changes if change.starts_on <= day]
    return begun[-1] if begun else planned.charge.price


def _as_event(price: object, quantity: Decimal) -> tuple[Event, ...]:
    """Return a whole quantity as one event, for a price by events; it stands for them where each is priced alike."""
    if isinstance(price, Percentage):
        return (Event(quantity),)
    return (Event(quantity, amount=quantity),) if isinstance(price, Dynamic) else ()


def across_days(totals: Iterable[Total], aggregation: str) -> list[Total]:
    """Join the totals with the same dimension values."""
    joined: dict[Key, Total] = {}
    for total in totals:
        key = tuple(sorted(total.dimensions.items()))
        joined[key] = _joined(joined[key], total, aggregation) if key in joined else total
    return list(joined.values())


def across_dimensions(
    totals: Iterable[Total], names: Sequence[str], aggregation: str, *, is_level: bool
) -> dict[Key, Total]:
    """Join the totals with the same values of the named dimensions; the others tell nothing any more."""
    rule = Meter.Aggregation.SUM if is_level else aggregation
    joined: dict[Key, Total] = {}
    for total in totals:
        key = tuple((name, total.dimensions[name]) for name in names if name in total.dimensions)
        joined[key] = _joined(joined[key], total, rule) if key in joined else total
    return joined


def _joined(one: Total, other: Total, aggregation: str) -> Total:
    events = one.events + other.events
    received = max(one.last_received_at, other.last_received_at)
    newer = max(one, other, key=_newness)
    match aggregation:
        case Meter.Aggregation.MAX:
            quantity = max(one.quantity, other.quantity)
        case Meter.Aggregation.LATEST:
            quantity = newer.quantity
        case _:
            with localcontext(EXACT):
                quantity = one.quantity + other.quantity
    return replace(newer, quantity=quantity, events=events, last_received_at=received)


def _newness(total: Total) -> tuple[date, datetime, Decimal]:
    # Of values of the same instant the higher one counts, as within a day.
    return (total.last_on, total.as_of or total.last_received_at, total.quantity)


def _rounded(quantity: Decimal, planned: PlannedCharge) -> Decimal:
    if not planned.rounding or not planned.rounding_step:
        return quantity
    wide = Context(prec=120, rounding=_ROUNDINGS[planned.rounding])
    steps = wide.to_integral_value(wide.divide(quantity, planned.rounding_step))
    return wide.multiply(steps, planned.rounding_step)
