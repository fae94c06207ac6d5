"""Pricing a contract's period: its terms, its usage totals and its grants, brought to the one engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from apps.contracts.models import Contract
from apps.contracts.terms import terms_for
from apps.core.periods import Period
from apps.credits.queries import open_grants
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.terms import Grant
from apps.usage.models import UsageDay
from apps.usage.queries import Total, as_usage, totals


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


def price(contract: Contract, period: Period, *, source_key: str = "") -> Priced:
    """Price the contract's usage in the period as it is counted now; write nothing.

    `source_key` names the draft that is priced, which may count on the credits that it has reserved. Takes one query, and one more where the plan has charges in credits.
    """
    charges = charges_of(contract.plan_version_id)
    used = totals([(contract, period)])[contract.pk]
    terms = terms_for(contract, period, grants=_grants(contract, period, charges, source_key))
    return Priced(period, charges, used, rate(terms, as_usage(charges, used)))


def daily_quantities(contract: Contract, period: Period) -> dict[UUID, dict[date, Decimal]]:
    """Return the quantity of each meter on each day of the period that has any, in one query."""
    found = (
        UsageDay.objects.filter(
            customer_id=contract.customer_id,
            contract_id=contract.pk,
            day__gte=period.starts_on,
            day__lt=period.ends_on,
        )
        .values_list("meter_id", "day")
        .annotate(Sum("quantity"))
        .order_by("meter_id", "day")
    )
    quantities: dict[UUID, dict[date, Decimal]] = {}
    for meter_id, day, quantity in found:
        quantities.setdefault(meter_id, {})[day] = quantity
    return quantities


def _grants(
    contract: Contract, period: Period, charges: Sequence[PlannedCharge], source_key: str
) -> tuple[Grant, ...]:
    if not any(planned.charge.credit_unit for planned in charges):
        return ()
    found = open_grants(
        [contract.customer_id], on=period.starts_on, until=period.ends_on, source_key=source_key
    )
    return found[contract.customer_id]
