"""Spend to date: what the running period has cost so far, by the same call that will price its invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_for
from apps.core.money import Money
from apps.core.periods import Period, local_day
from apps.credits.queries import open_grants
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.terms import Grant
from apps.usage import queries
from apps.usage.combine import Total, as_usage


@dataclass(frozen=True, slots=True)
class Spend:
    """What a contract's running period has cost so far."""

    contract_id: UUID
    period: Period
    charges: tuple[PlannedCharge, ...]
    rated: Rated
    last_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class SpendOn:
    """What one local day added to the period's subtotal; `so_far` is the subtotal of its usage up to that day."""

    day: date
    added: Money
    so_far: Money


def spend_to_date(*, contracts: Sequence[Contract], at: datetime) -> dict[UUID, Spend]:
    """Price the period of each contract that `at` lies in, by contract; one that does not run then is left out.

    Fees count in full, as they will on the invoice. Takes one query for all totals, and one more for each distinct
    period of contracts with charges in credits.
    """
    periods = [
        (contract, period_on(contract, day))
        for contract in contracts
        if contract.covers(day := local_day(at, contract.timezone))
    ]
    totals = queries.totals(periods)
    grants = _grants(periods)
    return {
        contract.pk: _spend(contract, period, totals[contract.pk], grants.get(contract.pk, ()))
        for contract, period in periods
    }


def spend_by_day(*, contract: Contract, at: datetime) -> tuple[SpendOn, ...]:
    """Return what each day of the running period, up to today, added to the price of the usage; fees are left out.

    Tiers and allowances run on through the period, so a day has no price of its own: it is the price of the usage up to
    that day, less the price up to the day before. The days add up to the usage in the subtotal.
    """
    today = local_day(at, contract.timezone)
    period = period_on(contract, today)
    charges = charges_of(contract.plan_version_id)
    rows = queries.day_rows(contract=contract, period=period)
    meter_ids = {planned.meter_key: planned.meter_id for planned in charges if planned.meter_id}
    grants = _grants([(contract, period)]).get(contract.pk, ())
    fees = _subtotal(contract, period, charges, grants, [])
    before = fees
    used: list[Total] = []
    days = []
    for day in _days(period, until=today):
        used += [
            queries.as_total(row, meter_ids[row.meter_key])
            for row in rows
            if row.day == day and row.meter_key in meter_ids
        ]
        now = _subtotal(contract, period, charges, grants, used) if used else before
        days.append(SpendOn(day, now - before, now - fees))
        before = now
    return tuple(days)


def _spend(contract: Contract, period: Period, totals: Sequence[Total], grants: Sequence[Grant]) -> Spend:
    charges = charges_of(contract.plan_version_id)
    return Spend(
        contract_id=contract.pk,
        period=period,
        charges=charges,
        rated=rate(terms_for(contract, period, grants=grants), as_usage(charges, totals)),
        last_received_at=max((total.last_received_at for total in totals), default=None),
    )


def _grants(periods: Sequence[tuple[Contract, Period]]) -> dict[UUID, tuple[Grant, ...]]:
    """Return the grants of contracts with charges in credits; those with the same period are read together."""
    alike: dict[tuple[date, date], list[Contract]] = {}
    for contract, period in periods:
        if any(planned.charge.credit_unit for planned in charges_of(contract.plan_version_id)):
            alike.setdefault((period.starts_on, period.ends_on), []).append(contract)
    found: dict[UUID, tuple[Grant, ...]] = {}
    for (starts_on, ends_on), contracts in alike.items():
        of_customer = open_grants(
            [contract.customer_id for contract in contracts], on=starts_on, until=ends_on
        )
        found |= {contract.pk: of_customer[contract.customer_id] for contract in contracts}
    return found


def _subtotal(
    contract: Contract,
    period: Period,
    charges: Sequence[PlannedCharge],
    grants: Sequence[Grant],
    used: Sequence[Total],
) -> Money:
    return rate(terms_for(contract, period, grants=grants), as_usage(charges, used)).subtotal


def _days(period: Period, *, until: date) -> list[date]:
    return [day for place in range(period.days) if (day := period.starts_on + timedelta(days=place)) <= until]
