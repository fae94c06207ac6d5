"""Pricing a contract's period: its terms, its usage totals and its grants, brought to the one engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import terms_for
from apps.core.periods import Period
from apps.credits.queries import open_grants
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.terms import Grant
from apps.rating.usage import Usage
from apps.usage.combine import Total, as_usage
from apps.usage.queries import day_rows, totals


@dataclass(frozen=True, slots=True)
class Priced:
    """A priced period, with the charges and totals that it came from."""

    period: Period
    charges: tuple[PlannedCharge, ...]
    totals: tuple[Total, ...]
    rated: Rated

    @property
    def credits_used(self) -> dict[str, Decimal]:
        """Return what each grant pays, by its key, for those that pay anything."""
        return {use.grant: use.used for use in self.rated.grants if use.used}


def price(
    contract: Contract, period: Period, *, source_key: str = "", more: Sequence[tuple[Usage, bool]] = ()
) -> Priced:
    """Price the contract's usage in the period as it is counted now; write nothing.

    `source_key` names the draft that is priced, which may count on the credits that it has reserved. `more` is usage of
    earlier periods that is priced with this one: added, or where its flag is set taken away, though not below zero. Takes
    one query, and one more where the plan has charges in credits.
    """
    charges = charges_of(contract.plan_version_id)
    used = totals([(contract, period)])[contract.pk]
    terms = terms_for(contract, period, grants=_grants(contract, period, charges, source_key))
    return Priced(period, charges, used, rate(terms, _with(as_usage(charges, used), more)))


def daily_quantities(contract: Contract, period: Period) -> dict[UUID, dict[date, Decimal]]:
    """Return the quantity of each charged meter on each day of the period that has any, in one query."""
    meter_ids = {planned.meter_key: planned.meter_id for planned in charges_of(contract.plan_version_id)}
    quantities: dict[UUID, dict[date, Decimal]] = {}
    for row in day_rows(contract=contract, period=period):
        meter_id = meter_ids.get(row.meter_key)
        if meter_id and row.day:
            of_meter = quantities.setdefault(meter_id, {})
            of_meter[row.day] = of_meter.get(row.day, Decimal(0)) + row.quantity
    return quantities


def _with(usage: Sequence[Usage], more: Sequence[tuple[Usage, bool]]) -> list[Usage]:
    sums = {(one.charge, tuple(sorted(one.dimensions))): one for one in usage}
    for one, is_less in more:
        key = (one.charge, tuple(sorted(one.dimensions)))
        before = sums[key].quantity if key in sums else Decimal(0)
        after = max(before - one.quantity, Decimal(0)) if is_less else before + one.quantity
        sums[key] = replace(one, quantity=after)
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
