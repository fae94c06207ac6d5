"""What an amendment does to the price: periods as they stand beside the same periods as they would be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core.money import Money
from apps.core.periods import Period
from apps.invoices import billing
from apps.invoices.billing import terms_of
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.usage.combine import as_usage
from apps.usage.queries import as_total, day_rows

MOST_PERIODS = 6


@dataclass(frozen=True, slots=True)
class Priced:
    """A period of a contract, priced: its lines by what they are of, in their order, and their sum before credits and tax."""

    period: Period
    lines: Mapping[tuple[str, str], Money]
    subtotal: Money


@dataclass(frozen=True, slots=True)
class Row:
    """One line in both; None where it is not there."""

    name: str
    now: Money | None
    then: Money | None
    difference: Money


@dataclass(frozen=True, slots=True)
class Effect:
    """A period before and after; `used_in` is the period whose usage it is priced with, itself where it has begun."""

    period: Period
    used_in: Period
    is_billed: bool
    rows: tuple[Row, ...]
    now: Money
    then: Money

    @property
    def difference(self) -> Money:
        """Return what the period costs more, or less."""
        return self.then - self.now

    @property
    def is_expected(self) -> bool:
        """Tell whether its usage is not known yet."""
        return self.used_in != self.period


def periods_to_show(contract: Contract, effective_on: date, today: date) -> tuple[list[Period], int]:
    """Return the periods from the one that an amendment begins in up to the next to come, the oldest first.

    Of many, those in the middle are left out; returns also how many these are.
    """
    found: list[Period] = []
    last_on = max(today, effective_on)
    day = effective_on
    while contract.covers(day):
        period = period_on(contract, day)
        found.append(period)
        if period.starts_on > last_on:
            break
        day = period.ends_on
    if len(found) <= MOST_PERIODS:
        return found, 0
    half = MOST_PERIODS // 2
    return [*found[:half], *found[-half:]], len(found) - MOST_PERIODS


def priced(contract: Contract, periods: Sequence[Period], *, today: date) -> list[Priced | None]:
    """Price the periods as the contract stands; None for one that it does not cover (any more)."""
    return [_priced(contract, period, today) for period in periods]


def effects(
    contract: Contract, now: Sequence[Priced | None], then: Sequence[Priced | None], *, today: date
) -> list[Effect]:
    """Put periods as they stand beside the same as they would be."""
    nothing = Money(Decimal(0), contract.plan_version.currency)
    found = []
    for before, after in zip(now, then, strict=True):
        some = before or after
        if some is None:
            continue
        period = some.period
        lines = dict.fromkeys([*(before.lines if before else ()), *(after.lines if after else ())])
        rows = [
            _row(key[1], before.lines.get(key) if before else None, after.lines.get(key) if after else None)
            for key in lines
        ]
        found.append(
            Effect(
                period=period,
                used_in=used_in(contract, period, today),
                is_billed=bool(contract.billed_until_on and period.starts_on < contract.billed_until_on),
                rows=tuple(rows),
                now=before.subtotal if before else nothing,
                then=after.subtotal if after else nothing,
            )
        )
    return found


def used_in(contract: Contract, period: Period, today: date) -> Period:
    """Return the period whose usage tells most about a period: itself, or for one to come the last whole one."""
    if period.starts_on <= today or not contract.covers(today):
        return period
    running = period_on(contract, today)
    before = running.starts_on - timedelta(days=1)
    return period_on(contract, before) if contract.covers(before) else running


def _priced(contract: Contract, period: Period, today: date) -> Priced | None:
    covered = period.overlap(contract.starts_on, contract.ends_on)
    if covered is None:
        return None
    source = used_in(contract, covered, today)
    rated = (
        billing.price(contract, covered).rated if source == covered else _expected(contract, covered, source)
    )
    return Priced(covered, _summed(rated), rated.subtotal)


def _expected(contract: Contract, period: Period, source: Period) -> Rated:
    """Price a period to come with the usage of another, each day's at the day that lies as far from the first."""
    terms = terms_of(contract, period)
    meter_ids = {one.meter_key: one.meter_id for one in terms.charges if one.meter_id}
    last_on, later = period.ends_on - timedelta(days=1), period.starts_on - source.starts_on
    found = [
        replace(as_total(row, meter_ids[row.meter_key]), since=min(row.day + later, last_on))
        for row in day_rows(contract=contract, period=source)
        if row.day and row.meter_key in meter_ids
    ]
    return rate(terms.terms, as_usage(terms, found))


def _summed(rated: Rated) -> dict[tuple[str, str], Money]:
    """Add up the lines of one charge, discount or commitment; the second part of a key is its name."""
    sums: dict[tuple[str, str], Money] = {}
    for line in rated.lines:
        key = (line.charge or line.key or "", line.name)
        sums[key] = sums[key] + line.amount if key in sums else line.amount
    return sums


def _row(name: str, now: Money | None, then: Money | None) -> Row:
    some = now or then
    assert some is not None, "a line is in one of the two"
    nothing = Money(Decimal(0), some.currency)
    return Row(name, now, then, (then or nothing) - (now or nothing))
