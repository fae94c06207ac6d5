"""Pricing a contract's period: its terms, its usage totals and its grants, brought to the one engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.contracts.brought import Brought
from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, terms_in
from apps.core.periods import Period
from apps.credits.queries import open_grants
from apps.invoices.brought import terms_of
from apps.plans.queries import PlannedCharge
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.terms import Grant
from apps.rating.usage import Usage
from apps.usage.combine import Total
from apps.usage.priceable import used_in
from apps.usage.queries import day_rows


@dataclass(frozen=True, slots=True)
class Priced:
    """A priced period, with the terms and totals that it came from."""

    terms: PeriodTerms
    totals: tuple[Total, ...]
    rated: Rated

    @property
    def period(self) -> Period:
        """Return the days that were priced."""
        return self.terms.period

    @property
    def charges(self) -> tuple[PlannedCharge, ...]:
        """Return the charges of these days, with their meters."""
        return self.terms.charges

    @property
    def credits_used(self) -> dict[str, Decimal]:
        """Return what each grant pays, by its key, for those that pay anything."""
        return {use.grant: use.used for use in self.rated.grants if use.used}

    @property
    def forward(self) -> Brought:
        """Return what the period brings into the next."""
        return self.terms.brought.after(self.rated, terms_of=self.terms.long_commitments)


def price(
    contract: Contract, period: Period, *, source_key: str = "", more: Sequence[tuple[Usage, bool]] = ()
) -> Priced:
    """Price the contract's usage in the period as it is counted now; write nothing.

    `source_key` names the draft that is priced, which may count on the credits that it has reserved. `more` is usage of
    earlier periods that is priced with this one: added, or where its flag is set taken away, though not below zero. Takes
    one query, one more where the plan has charges in credits, one for usage that is priced by events, and one where the
    period before brings something into this one.
    """
    terms = terms_of(contract, period)
    used = used_in([(contract, terms)])[contract.pk]
    grants = _grants(contract, period, terms.charges, source_key)
    return Priced(terms, used.totals, rate(replace(terms.terms, grants=grants), _with(used.usage, more)))


def daily_quantities(contract: Contract, period: Period) -> dict[UUID, dict[date, Decimal]]:
    """Return the quantity of each charged meter on each day of the period that has any, in one query."""
    meter_ids = {planned.meter_key: planned.meter_id for planned in terms_in(contract, period).charges}
    quantities: dict[UUID, dict[date, Decimal]] = {}
    for row in day_rows(contract=contract, period=period):
        meter_id = meter_ids.get(row.meter_key)
        if meter_id and row.day:
            of_meter = quantities.setdefault(meter_id, {})
            of_meter[row.day] = of_meter.get(row.day, Decimal(0)) + row.quantity
    return quantities


def _with(usage: Sequence[Usage], more: Sequence[tuple[Usage, bool]]) -> list[Usage]:
    if not more:
        return list(usage)
    sums = {(one.charge, tuple(sorted(one.dimensions)), one.day): one for one in usage}
    first_on = min((one.day for one in usage if one.day), default=None)
    for one, is_less in more:
        key = (one.charge, tuple(sorted(one.dimensions)), first_on)
        before = sums[key].quantity if key in sums else Decimal(0)
        after = max(before - one.quantity, Decimal(0)) if is_less else before + one.quantity
        sums[key] = replace(one, quantity=after, day=first_on)
    return list(sums.values())


def _grants(
    contract: Contract, period: Period, charges: Sequence[PlannedCharge], source_key: str
) -> tuple[Grant, ...]:
    if not any(planned.charge.credit_unit for planned in charges):
        return ()
    found = open_grants(
        [contract.customer_id], on=period.starts_on, until=period.ends_on, source_key=source_key
    )
    return found[contract.customer_id]
