"""Monthly recurring revenue: what the fees of the contracts that run on a day come to in a month.

MRR is the revenue that recurs by contract, brought to a month: a yearly fee counts for a twelfth, a quarterly one for a third
(https://help.chartmogul.com/hc/en-us/articles/201244842). What a whole
period without any usage costs, its fees less their discounts, is divided by its months. Usage, minimums, one-time fees and
tax are no part of it. The history is what is agreed now about those days: an amendment dated back changes it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

from django.db.models import Q

from apps.contracts.agreed import NOTHING, Agreed, in_force
from apps.contracts.discounts import off
from apps.contracts.models import Contract, Discount, Phase, SeatChange
from apps.core.money import rounded_to_minor_unit
from apps.core.periods import Period
from apps.plans.models import Charge
from apps.plans.queries import PlannedCharge
from apps.rating import terms
from apps.rating.engine import rate
from apps.rating.terms import ChargeKind, Fee, Terms

_MONTHS_A_YEAR = 12
_NOTHING = Decimal(0)
# Fees are priced for a whole period, so that any one does.
_WHOLE = Period(date(2000, 1, 1), date(2000, 2, 1), "UTC")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a contract's fees come to on the local days from `starts_on` up to, not with, `ends_on`.

    Of a month and of a year, each rounded once from the exact fees to the currency's minor unit.
    """

    contract_id: UUID
    customer_id: UUID
    currency: str
    starts_on: date
    ends_on: date
    a_month: Decimal
    a_year: Decimal


@dataclass(frozen=True, slots=True)
class _Signed:
    """What is read of a signed contract."""

    id: UUID
    customer_id: UUID
    plan_version_id: UUID
    currency: str
    starts_on: date
    ends_on: date
    months: int


def stretches(*, until: date) -> list[Stretch]:
    """Return the stretches of all signed contracts that begin by a day, without those of no fee; six queries at most."""
    signed = [
        _Signed(*values[:5], values[5] or date.max, values[6])
        for values in Contract.objects.exclude(status=Contract.Status.DRAFT)
        .filter(starts_on__lte=until)
        .values_list(
            "id",
            "customer_id",
            "plan_version_id",
            "plan_version__currency",
            "starts_on",
            "ends_on",
            "billing_months",
        )
    ]
    rows = _agreed()
    fees = _fees({one.plan_version_id for one in signed} | _later_versions(rows.values()))
    kept: dict[object, tuple[Decimal, Decimal]] = {}
    return [
        stretch
        for one in signed
        for stretch in _stretches(one, rows.get(one.id, NOTHING), fees, kept)
        if stretch.a_month and stretch.starts_on <= until
    ]


def monthly(found: Iterable[Stretch], day: date, currency: str) -> dict[UUID, Decimal]:
    """Return the MRR of each customer that has any on a local day."""
    sums: dict[UUID, Decimal] = {}
    for one in found:
        if one.starts_on <= day < one.ends_on and one.currency == currency:
            sums[one.customer_id] = sums.get(one.customer_id, _NOTHING) + one.a_month
    return sums


def yearly(found: Iterable[Stretch], day: date, currency: str) -> Decimal:
    """Return ARR: twelve times MRR, from the exact fees, so that a yearly fee counts as what it is."""
    return sum(
        (one.a_year for one in found if one.starts_on <= day < one.ends_on and one.currency == currency),
        _NOTHING,
    )


def before(found: Iterable[Stretch], day: date, currency: str) -> frozenset[UUID]:
    """Return the customers that had recurring revenue on any day before this one."""
    return frozenset(one.customer_id for one in found if one.currency == currency and one.starts_on < day)


def _agreed() -> dict[UUID, Agreed]:
    """Return what changes fees, by contract, for those that have such rows."""
    phases: dict[UUID, list[Phase]] = {}
    seats: dict[UUID, list[SeatChange]] = {}
    discounts: dict[UUID, list[Discount]] = {}
    for phase in Phase.objects.filter(removed_by=None):
        phases.setdefault(phase.contract_id, []).append(phase)
    for change in SeatChange.objects.filter(removed_by=None):
        seats.setdefault(change.contract_id, []).append(change)
    # Free units are for usage.
    for discount in Discount.objects.filter(removed_by=None, units=None).select_related("product"):
        discounts.setdefault(discount.contract_id, []).append(discount)
    return {
        contract: Agreed(
            phases=tuple(phases.get(contract, ())),
            seats=tuple(seats.get(contract, ())),
            discounts=tuple(discounts.get(contract, ())),
        )
        for contract in phases.keys() | seats.keys() | discounts.keys()
    }


def _later_versions(rows: Iterable[Agreed]) -> set[UUID]:
    return {phase.plan_version_id for agreed in rows for phase in agreed.phases}


def _fees(versions: set[UUID]) -> Mapping[UUID, tuple[PlannedCharge, ...]]:
    """Return the recurring fees of plan versions, in their order; one query."""
    found: dict[UUID, list[PlannedCharge]] = {}
    rows = Charge.objects.filter(Q(plan_version__in=versions), kind=Charge.Kind.RECURRING).order_by(
        "position"
    )
    for row in rows.select_related("product"):
        found.setdefault(row.plan_version_id, []).append(_planned(row))
    return {version: tuple(fees) for version, fees in found.items()}


def _planned(row: Charge) -> PlannedCharge:
    assert row.fee_amount is not None, "a fee has an amount"
    assert row.fee_quantity is not None, "a fee has a quantity"
    return PlannedCharge(
        charge=terms.Charge(
            row.key, row.name, Fee(row.fee_amount, row.fee_quantity), kind=ChargeKind.RECURRING
        ),
        meter_id=None,
        meter_key="",
        product_name=row.product.name,
        product_key=row.product.key,
        unit="",
    )


def _stretches(
    one: _Signed,
    rows: Agreed,
    fees: Mapping[UUID, Sequence[PlannedCharge]],
    kept: dict[object, tuple[Decimal, Decimal]],
) -> Iterator[Stretch]:
    """Yield a contract's stretches between the days on which its fees or their discounts change."""
    days = {row.starts_on for row in (*rows.phases, *rows.seats, *rows.discounts)}
    days |= {row.ends_on for row in rows.discounts if row.ends_on}
    inside = sorted(day for day in days if one.starts_on < day < one.ends_on)
    for first, end in pairwise((one.starts_on, *inside, one.ends_on)):
        version = rows.plan_version_on(first, one.plan_version_id)
        seats = rows.seats_on(first)
        taken_off = in_force(rows.discounts, first)
        at = (version, one.months, tuple(sorted(seats.items())), tuple(row.pk for row in taken_off))
        if at not in kept:
            kept[at] = _rounded(
                fees.get(version, ()), seats, taken_off, currency=one.currency, months=one.months
            )
        yield Stretch(one.id, one.customer_id, one.currency, first, end, *kept[at])


def _rounded(
    fees: Sequence[PlannedCharge],
    seats: Mapping[str, Decimal],
    taken_off: Sequence[Discount],
    *,
    currency: str,
    months: int,
) -> tuple[Decimal, Decimal]:
    charges = tuple(
        terms.Charge(
            planned.charge.key,
            planned.charge.name,
            Fee(price.amount, seats.get(planned.charge.key, price.quantity)),
            kind=ChargeKind.RECURRING,
        )
        for planned in fees
        if isinstance(price := planned.charge.price, Fee)
    )
    if not charges:
        return _NOTHING, _NOTHING
    period = Terms(currency=currency, period=_WHOLE, charges=charges, discounts=off(taken_off, fees))
    exact = Fraction(rate(period, ()).subtotal.amount) / months
    return rounded_to_minor_unit(exact, currency), rounded_to_minor_unit(exact * _MONTHS_A_YEAR, currency)
