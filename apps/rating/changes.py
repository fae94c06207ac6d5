"""The segments that a charge's changes cut a period into."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.core.periods import Period
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Matrix
from apps.rating.terms import Charge, Fee


@dataclass(frozen=True, slots=True)
class Segment:
    """The days `[starts_on, ends_on)` of a period in which a charge has one price and one allowance."""

    starts_on: date
    ends_on: date
    price: PriceModel | Dated | Matrix | Fee
    included: Decimal


def segments_of(charge: Charge, period: Period) -> tuple[Segment, ...]:
    """Return the segments of a charge in time order; one where nothing changes."""
    if not charge.changes:
        return (Segment(period.starts_on, period.ends_on, charge.price, charge.included),)
    starts = [period.starts_on, *(change.starts_on for change in charge.changes)]
    ends = [*starts[1:], period.ends_on]
    agreed = [
        (charge.price, charge.included),
        *((change.price, change.included) for change in charge.changes),
    ]
    return tuple(
        Segment(start, end, price, included)
        for start, end, (price, included) in zip(starts, ends, agreed, strict=True)
    )


def place_on(charge: Charge, day: date) -> int:
    """Return the place of the segment that a day lies in; a day outside the period belongs to the nearest."""
    return bisect_right(charge.changes, day, key=lambda change: change.starts_on)
