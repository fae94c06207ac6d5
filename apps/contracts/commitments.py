"""What a contract's commitments ask of one billing period."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.contracts.brought import Brought
from apps.contracts.errors import CommitmentCountsNothing
from apps.contracts.models import Commitment, Contract
from apps.core.money import rounded_to_minor_unit
from apps.core.periods import Period, months_after
from apps.plans.queries import PlannedCharge
from apps.rating import terms


def due_in(
    contract: Contract,
    rows: Sequence[Commitment],
    period: Period,
    *,
    whole: Period,
    charges: Sequence[PlannedCharge],
    brought: Brought,
) -> tuple[tuple[terms.Commitment, ...], dict[str, str]]:
    """Return the commitments of a period, and of those over several periods the names under which they are brought forward.

    A minimum of every period is prorated by day where the contract covers only part of it. One over several periods asks
    for its share so far on the days on which it is trued up, and for all of it when it or the contract ends; in the periods
    between it only counts.
    """
    currency = contract.plan_version.currency
    due, names = [], {}
    for row in rows:
        if row.per == Commitment.Per.PERIOD:
            share, before = Fraction(period.days, whole.days), Decimal(0)
        else:
            names[row.key] = name = f"{row.key}@{row.starts_on}"
            share, before = _share_so_far(contract, row, period), brought.counted.get(name, Decimal(0))
        due.append(
            terms.Commitment(
                key=row.key,
                name=row.name,
                minimum=rounded_to_minor_unit(Fraction(row.amount) * share, currency),
                counts=_counted(contract, row, charges),
                counted_before=before,
            )
        )
    return tuple(due), names


def settlement_days(row: Commitment) -> list[date]:
    """Return the days by which a commitment over several periods is trued up, the last of them its end."""
    days = []
    if row.settled_months:
        nth = 1
        while (day := months_after(row.starts_on, nth * row.settled_months)) < row.ends_on:
            days.append(day)
            nth += 1
    return [*days, row.ends_on]


def _share_so_far(contract: Contract, row: Commitment, period: Period) -> Fraction:
    """Return how much of the whole is to be reached by the period's end: nothing, unless it is trued up then."""
    if contract.ends_on is not None and period.ends_on >= contract.ends_on:
        return Fraction(1)
    days = settlement_days(row)
    reached = [nth for nth, day in enumerate(days, start=1) if period.starts_on < day <= period.ends_on]
    return Fraction(reached[-1], len(days)) if reached else Fraction(0)


def _counted(contract: Contract, row: Commitment, charges: Sequence[PlannedCharge]) -> tuple[str, ...]:
    keys = tuple(one.charge.key for one in charges if one.base_key in row.charge_keys)
    # None named would mean all usage.
    if row.charge_keys and not keys:
        raise CommitmentCountsNothing(contract.number, row.name, row.charge_keys)
    return keys
