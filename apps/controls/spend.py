"""Spend to date: what the running period has cost so far, by the same call that will price its invoice."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, period_on
from apps.controls.running_terms import terms_of_many
from apps.core.money import Money
from apps.core.periods import Period, local_day
from apps.credits.paying import paying
from apps.invoices import billing, pool
from apps.invoices.billing import terms_of
from apps.plans.queries import PlannedCharge
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.terms import Grant
from apps.rating.usage import Usage
from apps.usage import queries
from apps.usage.combine import Total, as_usage
from apps.usage.errors import NOT_AT_HAND
from apps.usage.priceable import Used, used_in


@dataclass(frozen=True, slots=True)
class Spend:
    """What a contract's running period has cost so far.

    `terms`, with the grants that may pay, and `usage` are what it was priced from. `is_shared` tells that it is a share of what
    several accounts were priced to together: then they are its own, as if it were alone.
    """

    contract: Contract
    charges: tuple[PlannedCharge, ...]
    rated: Rated
    last_received_at: datetime | None
    terms: PeriodTerms
    usage: tuple[Usage, ...]
    is_shared: bool = False

    @property
    def contract_id(self) -> UUID:
        """Return whose period it is."""
        return self.contract.pk

    @property
    def period(self) -> Period:
        """Return the running period."""
        return self.terms.period


@dataclass(frozen=True, slots=True)
class SpendOn:
    """What one local day added to the period's subtotal; `so_far` is the subtotal of its usage up to that day."""

    day: date
    added: Money
    so_far: Money


def spend_to_date(*, contracts: Sequence[Contract], at: datetime, refuses: bool = False) -> dict[UUID, Spend]:
    """Price the period of each contract that `at` lies in, by contract; one that does not run then is left out.

    So is one that is priced by archived events which are not at hand; with `refuses`, that is refused instead.
    Fees count in full, as they will on the invoice. An account whose usage is priced together with its parent's is told its
    share, whoever is invoiced, so that all of them add up to the invoices. Takes one query for all totals, one for all
    families, one for what periods before left, and one more for each distinct period of contracts with charges in credits or
    money given in advance; a pool takes its own.
    """
    running = [
        (contract, period_on(contract, day))
        for contract in contracts
        if contract.covers(day := local_day(at, contract.timezone))
    ]
    families = pool.families([contract for contract, _ in running]) if running else {}
    pooled = [(contract, period) for contract, period in running if families[contract.pk].pool_in(period)]
    together = {contract.pk for contract, _ in pooled}
    asked = terms_of_many([(contract, period) for contract, period in running if contract.pk not in together])
    used = used_in(asked) if refuses else _used(asked)
    asked = [(contract, terms) for contract, terms in asked if contract.pk in used]
    grants = paying(asked)
    spends = {
        contract.pk: _spend(contract, terms, used[contract.pk], grants.get(contract.pk, ()))
        for contract, terms in asked
    }
    for contract, period in pooled:
        with suppress(*(() if refuses else NOT_AT_HAND)):
            spends[contract.pk] = _share(contract, period, families[contract.pk])
    return {contract.pk: spends[contract.pk] for contract, _ in running if contract.pk in spends}


def spend_by_day(*, contract: Contract, at: datetime) -> tuple[SpendOn, ...]:
    """Return what each day of the running period, up to today, added to the price of the usage; fees are left out.

    Tiers and allowances run on through the period, so a day has no price of its own: it is the price of the usage up to
    that day, less the price up to the day before. The days add up to the usage in the subtotal; those of an account that is
    priced together with others are told by its own terms, as if it were alone.
    """
    today = local_day(at, contract.timezone)
    period = period_on(contract, today)
    terms = terms_of(contract, period)
    terms = replace(
        terms, terms=replace(terms.terms, grants=paying([(contract, terms)]).get(contract.pk, ()))
    )
    rows = queries.day_rows(contract=contract, period=period)
    meter_ids = {planned.meter_key: planned.meter_id for planned in terms.charges if planned.meter_id}
    fees = _subtotal(terms, [])
    before = fees
    used: list[Total] = []
    days = []
    for day in _days(period, until=today):
        used += [
            replace(queries.as_total(row, meter_ids[row.meter_key]), since=day)
            for row in rows
            if row.day == day and row.meter_key in meter_ids
        ]
        now = _subtotal(terms, used) if used else before
        days.append(SpendOn(day, now - before, now - fees))
        before = now
    return tuple(days)


def _used(asked: Sequence[tuple[Contract, PeriodTerms]]) -> dict[UUID, Used]:
    """Return what the contracts used; where archived events are not at hand, of those alone that need none."""
    with suppress(*NOT_AT_HAND):
        return used_in(asked)
    found: dict[UUID, Used] = {}
    for one in asked:
        with suppress(*NOT_AT_HAND):
            found |= used_in([one])
    return found


def _spend(contract: Contract, terms: PeriodTerms, used: Used, grants: Sequence[Grant]) -> Spend:
    terms = replace(terms, terms=replace(terms.terms, grants=tuple(grants)))
    return Spend(
        contract=contract,
        charges=terms.charges,
        rated=rate(terms.terms, used.usage),
        last_received_at=max((total.last_received_at for total in used.totals), default=None),
        terms=terms,
        usage=used.usage,
    )


def _share(contract: Contract, period: Period, family: pool.Family) -> Spend:
    priced = billing.price(contract, period, family=family, asked=billing.Asked(is_apart=True))
    accounts = priced.pool.accounts if priced.pool else ()
    own = [total for use in accounts if use.contract.pk == contract.pk for total in use.totals]
    return Spend(
        contract=contract,
        charges=priced.charges,
        rated=priced.rated,
        last_received_at=max((total.last_received_at for total in (*priced.totals, *own)), default=None),
        terms=priced.terms,
        usage=tuple(as_usage(priced.terms, own or priced.totals)),
        is_shared=True,
    )


def _subtotal(terms: PeriodTerms, used: Sequence[Total]) -> Money:
    return rate(terms.terms, as_usage(terms, used)).subtotal


def _days(period: Period, *, until: date) -> list[date]:
    return [day for place in range(period.days) if (day := period.starts_on + timedelta(days=place)) <= until]
