"""Pricing a contract's period: its terms, its usage totals and its grants, brought to the one engine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Max, Q, Sum

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
    last_received_at: datetime


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
    return price_many([(contract, period)])[contract.pk]


def price_many(periods: Sequence[tuple[Contract, Period]]) -> dict[UUID, Priced]:
    """Price one period of each contract, in as many queries as for one; return them by contract."""
    totals = totals_of(periods)
    charges = {contract.pk: charges_of(contract.plan_version_id) for contract, _ in periods}
    grants = _grants(
        [(contract, period) for contract, period in periods if _in_credits(charges[contract.pk])]
    )
    return {
        contract.pk: Priced(
            period,
            charges[contract.pk],
            totals[contract.pk],
            rate(
                terms_for(contract, period, grants=grants.get(contract.pk, ())),
                _usage(charges[contract.pk], totals[contract.pk]),
            ),
        )
        for contract, period in periods
    }


def totals_of(periods: Sequence[tuple[Contract, Period]]) -> dict[UUID, tuple[Total, ...]]:
    """Return the usage of one period of each contract by meter and dimension values, in one query."""
    within = Q(pk__in=[])
    for (starts_on, ends_on), contracts in _alike(periods).items():
        within |= Q(
            customer_id__in=[contract.customer_id for contract in contracts],
            contract_id__in=[contract.pk for contract in contracts],
            day__gte=starts_on,
            day__lt=ends_on,
        )
    found = (
        UsageDay.objects.filter(within)
        .values_list("contract_id", "meter_id", "dimensions")
        .annotate(Sum("quantity"), Sum("events"), Count("day"), Max("last_received_at"))
        .order_by("contract_id", "meter_id", "dimensions")
    )
    totals: dict[UUID, list[Total]] = {contract.pk: [] for contract, _ in periods}
    for contract_id, *row in found:
        totals[contract_id].append(Total(*row))
    return {contract_id: tuple(of_contract) for contract_id, of_contract in totals.items()}


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


def _alike(periods: Sequence[tuple[Contract, Period]]) -> dict[tuple[date, date], list[Contract]]:
    """Group contracts by the days of their period, which most of them share."""
    alike: dict[tuple[date, date], list[Contract]] = {}
    for contract, period in periods:
        alike.setdefault((period.starts_on, period.ends_on), []).append(contract)
    return alike


def _in_credits(charges: Sequence[PlannedCharge]) -> bool:
    return any(planned.charge.credit_unit for planned in charges)


def _grants(periods: Sequence[tuple[Contract, Period]]) -> dict[UUID, tuple[Grant, ...]]:
    """Return the grants that may pay for each contract; one query for each different period."""
    grants: dict[UUID, tuple[Grant, ...]] = {}
    for (starts_on, ends_on), contracts in _alike(periods).items():
        found = open_grants([contract.customer_id for contract in contracts], on=starts_on, until=ends_on)
        grants |= {contract.pk: found[contract.customer_id] for contract in contracts}
    return grants


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
