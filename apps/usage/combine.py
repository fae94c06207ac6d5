"""Bringing daily totals together into what a charge prices: each meter by the rule of its aggregation. Pure.

Sums add up. Of highest and latest values one is left: across days, and across dimensions that only pages tell apart. Levels
with other dimension values are things of their own, so theirs add up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from uuid import UUID

from apps.core.money import EXACT
from apps.plans.models import Meter
from apps.plans.queries import PlannedCharge
from apps.rating.price_models.matrix import Matrix
from apps.rating.usage import Usage

_ROUNDINGS: dict[str, str] = {
    Meter.Rounding.UP: ROUND_CEILING,
    Meter.Rounding.DOWN: ROUND_FLOOR,
    Meter.Rounding.NEAREST: ROUND_HALF_UP,
}


@dataclass(frozen=True, slots=True)
class Total:
    """The quantity of one meter with one set of dimension values; `last_on` and `as_of` say how new its last value is."""

    meter_id: UUID
    dimensions: Mapping[str, str]
    quantity: Decimal
    events: int
    last_received_at: datetime
    last_on: date = date.min
    as_of: datetime | None = None


Key = tuple[tuple[str, str], ...]


def as_usage(charges: Sequence[PlannedCharge], found: Iterable[Total]) -> list[Usage]:
    """Give every charge the totals of its meter, by those dimensions that it prices by, rounded as the meter says."""
    of_meter: dict[UUID, list[Total]] = {}
    for total in found:
        of_meter.setdefault(total.meter_id, []).append(total)
    usage = []
    for planned in charges:
        if planned.meter_id is None or planned.meter_id not in of_meter:
            continue
        names = planned.charge.price.dimensions if isinstance(planned.charge.price, Matrix) else ()
        totals = of_meter[planned.meter_id]
        usage += [
            Usage(planned.charge.key, _rounded(total.quantity, planned), key)
            for key, total in across_dimensions(
                across_days(totals, planned.aggregation),
                names,
                planned.aggregation,
                is_level=planned.is_level,
            ).items()
        ]
    return usage


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
