"""What running periods will come to: the projected usage, priced by the one call that prices everything.

Usage goes on as it did in the last fourteen days that are over: what is left of the period, in days, times their mean, is
added to what was used so far. The range is that of four times in five (80%), if days go on lying apart as those did: for a
sum of so many more days, with a mean that is itself known only from those (the prediction interval of a normal sum,
https://otexts.org/fpp2/prediction-intervals.html). Fees count in full; highest and latest values, different values and levels
stay as they are. It is an estimate: no season, no trend and no plans of the customer are in it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.contracts.terms import PeriodTerms
from apps.controls.pace import Pace, paces
from apps.controls.spend import Spend
from apps.core.money import Money, rounded_to
from apps.rating.engine import rate
from apps.rating.usage import Usage
from apps.usage.combine import Total, as_usage, dimensions_of, price_for

# Of a normal distribution, four fifths lie within so many standard deviations.
_FOUR_IN_FIVE = Decimal("1.2816")
# From fewer days nobody can tell how far they lie apart: anything from nothing more to twice as much.
_FEWEST_DAYS = 3
_DECIMALS = 6
_SECOND, _SECONDS_A_DAY = timedelta(seconds=1), 86_400
_NOTHING, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a contract's running period comes to so far, and is expected to come to, after credits and before tax."""

    contract_id: UUID
    so_far: Money
    expected: Money
    low: Money
    high: Money


@dataclass(frozen=True, slots=True)
class Sum:
    """Forecasts of several contracts in one currency."""

    so_far: Money
    expected: Money
    low: Money
    high: Money


def forecast(*, spends: Collection[Spend], at: datetime) -> dict[UUID, Forecast]:
    """Return what each of these running periods will come to, by contract; one query for all.

    An account that is priced together with others is taken to go on by its own terms, as if it were alone.
    """
    going = paces(contracts=[spend.contract for spend in spends], at=at) if spends else {}
    return {spend.contract_id: _forecast(spend, going.get(spend.contract_id, ()), at=at) for spend in spends}


def added_up(forecasts: Iterable[Forecast]) -> dict[str, Sum]:
    """Return forecasts added up by currency.

    Customers use independently of each other, so that their ranges add up as deviations do: by the root of their squares.
    """
    found: dict[str, list[Forecast]] = {}
    for one in forecasts:
        found.setdefault(one.expected.currency, []).append(one)
    return {currency: _sum(of_currency, currency) for currency, of_currency in sorted(found.items())}


def to_come(
    terms: PeriodTerms, going: Sequence[Pace], *, at: datetime, deviations: Decimal = _NOTHING
) -> list[Usage]:
    """Return what will be used until the period's end; `deviations` is how many standard deviations more, or less. Pure.

    It counts at the prices of its own days, where they change within the period.
    """
    left = {since: days for since, days in _days_left(terms, at).items() if days}
    factors = _factors(going, sum(left.values(), _NOTHING), deviations)
    metered = {planned.meter_id for planned in terms.charges}
    more = [
        Total(
            meter_id=pace.meter_id,
            dimensions=pace.dimensions,
            quantity=rounded_to(pace.used / pace.days * days * factors[pace.meter_id], _DECIMALS),
            events=0,
            last_received_at=at,
            since=since,
        )
        for pace in going
        if pace.meter_id in factors and pace.meter_id in metered
        for since, days in left.items()
        if _is_priced(terms, pace, since)
    ]
    return as_usage(terms, more)


def _forecast(spend: Spend, going: Sequence[Pace], *, at: datetime) -> Forecast:
    now, terms = spend.rated.total, spend.terms
    if not going:
        return Forecast(spend.contract_id, now, now, now, now)
    # Of a share only what is added to it can be priced.
    base = rate(terms.terms, spend.usage).total if spend.is_shared else now
    expected, high = (
        now + (rate(terms.terms, (*spend.usage, *more)).total - base)
        for more in (
            to_come(terms, going, at=at, deviations=deviations) for deviations in (_NOTHING, _FOUR_IN_FIVE)
        )
    )
    # As far below as above, but for what is spent already: pricing it a third time would tell little more.
    low = max(expected - (high - expected), min(now, expected))
    # Where more use costs less, by volume prices, the upper end of the use is the lower one of what it costs.
    return Forecast(spend.contract_id, now, expected, min(low, high), max(low, high))


def _days_left(terms: PeriodTerms, at: datetime) -> dict[date, Decimal]:
    """Return how many days of each part of the period are left, by its first day."""
    return {
        part.starts_on: max(
            _ONE * ((part.ends_at - max(at, part.starts_at)) // _SECOND) / _SECONDS_A_DAY, _NOTHING
        )
        for part in terms.parts
    }


def _factors(going: Sequence[Pace], left: Decimal, deviations: Decimal) -> dict[UUID, Decimal]:
    """Return how many times its mean each meter goes on at, so many standard deviations from it."""
    used: dict[UUID, Decimal] = {}
    squares: dict[UUID, tuple[Decimal, int]] = {}
    for pace in going:
        used[pace.meter_id] = used.get(pace.meter_id, _NOTHING) + pace.used
        squares[pace.meter_id] = (pace.squares, pace.days)
    return {
        meter: max(_ONE + deviations * _deviation(total, *squares[meter], left), _NOTHING)
        for meter, total in used.items()
        if total > 0 and left
    }


def _deviation(used: Decimal, squares: Decimal, days: int, left: Decimal) -> Decimal:
    """Return the standard deviation of the sum of the days that are left, as a share of that sum."""
    if days < _FEWEST_DAYS:
        return _ONE / _FOUR_IN_FIVE
    mean = used / days
    variance = max((squares - used * mean) / (days - 1), _NOTHING)
    return (variance * left * (_ONE + left / days)).sqrt() / (mean * left)


def _is_priced(terms: PeriodTerms, pace: Pace, since: date) -> bool:
    """Tell whether usage of these dimension values has a price then: what another plan priced may have none."""
    for planned in terms.charges:
        if planned.meter_id == pace.meter_id and (named := dimensions_of(planned, since)):
            key = tuple((name, pace.dimensions[name]) for name in named if name in pace.dimensions)
            if price_for(planned, key, since) is None:
                return False
    return True


def _sum(forecasts: Sequence[Forecast], currency: str) -> Sum:
    expected = Money.total((one.expected for one in forecasts), currency)
    below = _root([one.expected.amount - one.low.amount for one in forecasts], currency)
    above = _root([one.high.amount - one.expected.amount for one in forecasts], currency)
    so_far = Money.total((one.so_far for one in forecasts), currency)
    return Sum(so_far, expected, max(expected - below, min(so_far, expected)), expected + above)


def _root(deviations: Iterable[Decimal], currency: str) -> Money:
    return Money(sum((one * one for one in deviations), _NOTHING).sqrt(), currency).rounded()
