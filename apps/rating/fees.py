"""The lines of recurring and one-time fees."""

from decimal import Decimal
from fractions import Fraction

from apps.core.periods import Period
from apps.rating.changes import Segment, segments_of
from apps.rating.lines import Line, LineKind, money_line
from apps.rating.steps import Step
from apps.rating.terms import Charge, ChargeKind, Fee, Terms


def fee_line(charge: Charge, terms: Terms) -> Line:
    """Return a fee's one line: amount times quantity, a recurring one by the days on which it runs.

    One that changes has a reason for each segment, and the quantity of the last.
    """
    segments = segments_of(charge, terms.period)
    fee = _fee(segments[-1])
    return money_line(
        charge=charge.key,
        name=charge.name,
        kind=LineKind(charge.kind.value),
        quantity=fee.quantity,
        steps=_steps(charge, segments, terms.period),
        currency=terms.currency,
    )


def _steps(charge: Charge, segments: tuple[Segment, ...], period: Period) -> tuple[Step, ...]:
    if charge.kind is ChargeKind.ONE_TIME:
        fee = _fee(segments[0])
        return (Step(fee.quantity, fee.amount * fee.quantity, (("unit_amount", fee.amount),)),)
    if len(segments) == 1:
        return (_step(charge, segments[0], period, _days(charge, segments[0], period)),)
    days = [(segment, _days(charge, segment, period)) for segment in segments]
    return tuple(_step(charge, segment, period, count) for segment, count in days if count)


def _step(charge: Charge, segment: Segment, period: Period, days: int) -> Step:
    fee = _fee(segment)
    full = fee.amount * fee.quantity
    amount: Decimal | Fraction = full if days == period.days else Fraction(full) * days / period.days
    since = (("starts_on", segment.starts_on),) if charge.changes else ()
    facts = (("unit_amount", fee.amount), ("days", days), ("of_days", period.days), *since)
    return Step(fee.quantity, amount, facts)


def _days(charge: Charge, segment: Segment, period: Period) -> int:
    starts_on, ends_on = segment.starts_on, segment.ends_on
    if charge.active is not None:
        starts_on = max(starts_on, charge.active.starts_on)
        ends_on = ends_on if charge.active.ends_on is None else min(ends_on, charge.active.ends_on)
    return max((ends_on - starts_on).days, 0)


def _fee(segment: Segment) -> Fee:
    assert isinstance(segment.price, Fee), "terms refuse a fee with a price for usage"
    return segment.price
