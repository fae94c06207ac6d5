"""Pricing a contract's period: its terms, its usage totals and its grants, brought to the one engine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Sum

from apps.contracts.models import Contract
from apps.contracts.terms import terms_for
from apps.core.periods import Period
from apps.credits.queries import open_grants
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.price_models.matrix import Matrix
from apps.rating.terms import Grant
from apps.rating.usage import Usage
from apps.usage.models import UsageDay


@dataclass(frozen=True, slots=True)
class Total:
    """The quantity of one meter with one set of dimension values in a period, and the days and events behind it."""

    meter_id: UUID
    dimensions: Mapping[str, str]
    quantity: Decimal
    events: int
    days: int


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


def price(contract: Contract, period: Period) -> Priced:
    """Price the contract's usage in the period as it is counted now; write nothing.

    Invoices, their drafts and the spend to date are all this. Takes two queries, and one more where the plan has
    charges in credits.
    """
    charges = charges_of(contract.plan_version_id)
    totals = totals_of(contract, period)
    terms = terms_for(contract, period, grants=_grants(contract, period, charges))
    return Priced(period, charges, totals, rate(terms, _usage(charges, totals)))


def totals_of(contract: Contract, period: Period) -> tuple[Total, ...]:
    """Return the usage of the period by meter and dimension values, in one query."""
    found = (
        UsageDay.objects.filter(
            customer_id=contract.customer_id,
            contract_id=contract.pk,
            day__gte=period.starts_on,
            day__lt=period.ends_on,
        )
        .values_list("meter_id", "dimensions")
        .annotate(Sum("quantity"), Sum("events"), Count("day"))
        .order_by("meter_id", "dimensions")
    )
    return tuple(Total(*row) for row in found)


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


def _grants(contract: Contract, period: Period, charges: Sequence[PlannedCharge]) -> tuple[Grant, ...]:
    if not any(planned.charge.credit_unit for planned in charges):
        return ()
    found = open_grants([contract.customer_id], on=period.starts_on, until=period.ends_on)
    return found[contract.customer_id]


def _usage(charges: Sequence[PlannedCharge], totals: Iterable[Total]) -> list[Usage]:
    """Give every charge the totals of its meter; a matrix gets those dimensions that it prices by."""
    of_meter: dict[UUID, list[Total]] = {}
    for total in totals:
        of_meter.setdefault(total.meter_id, []).append(total)
    return [
        Usage(planned.charge.key, total.quantity, _dimensions(planned, total))
        for planned in charges
        if planned.meter_id
        for total in of_meter.get(planned.meter_id, [])
    ]


def _dimensions(planned: PlannedCharge, total: Total) -> tuple[tuple[str, str], ...]:
    if not isinstance(planned.charge.price, Matrix):
        return ()
    return tuple((name, total.dimensions[name]) for name in planned.charge.price.dimensions)
