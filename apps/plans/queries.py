"""Reading the catalogue: meters by what they count, and a version's charges as the pricing engine takes them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, prefetch_related_objects

from apps.plans import priced, rows
from apps.plans.models import Allowance, Charge, EventTypeAlias, Meter, PlanVersion
from apps.rating import terms
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Matrix

_KEPT_SECONDS = 60
# Every change of a row is by a transaction of a higher number, so no two states of these tables have one stamp.
CATALOGUE_STAMP = """
    SELECT count(*) || '/' || coalesce(sum(xmin::text::bigint), 0)
    FROM (SELECT xmin FROM plans_meter UNION ALL SELECT xmin FROM plans_eventtypealias) AS rows
"""


@dataclass(frozen=True, slots=True)
class PlannedCharge:
    """A charge with what the engine does not need to know: its meter, product and unit.

    `carry_over_limit` is how much of the included quantity may come into the next period, `amount_property` the property of an
    event that holds its price, `allowance_key` the allowance that it shares with other charges.
    """

    charge: terms.Charge
    meter_id: UUID | None
    meter_key: str
    product_name: str
    unit: str
    aggregation: str = Meter.Aggregation.SUM
    is_level: bool = False
    rounding: str = ""
    rounding_step: Decimal | None = None
    product_key: str = ""
    in_advance: bool = False
    carry_over_limit: Decimal | None = None
    amount_property: str = ""
    allowance_key: str = ""

    @property
    def base_key(self) -> str:
        """Return its key in the plan: where that means another thing later in a period, the later charge's is marked with the day."""
        return self.charge.key.partition("@")[0]


@dataclass(frozen=True, slots=True)
class PlannedAllowance:
    """An allowance of several charges, and how much of it may come into the next period."""

    allowance: terms.Allowance
    carry_over_limit: Decimal | None


def charges_of(plan_version_id: UUID) -> tuple[PlannedCharge, ...]:
    """Return the charges of a plan version in their order; five queries, none for a published one seen within the minute.

    Raises ValueError where a draft's prices are not whole.
    """
    return _offer(plan_version_id)[0]


def allowances_of(plan_version_id: UUID) -> tuple[PlannedAllowance, ...]:
    """Return the allowances that charges of a plan version share; no query where `charges_of` was asked before."""
    return _offer(plan_version_id)[1]


def price_days_of(plan_version_id: UUID) -> frozenset[date]:
    """Return the days on which prices of a plan version begin by their own dates; no query, as `allowances_of`."""
    return _offer(plan_version_id)[2]


def meters_by_type(*, stamp: str = "") -> Mapping[str, tuple[Meter, ...]]:
    """Return the meters by the types of events that they count, also those that are aliases of others.

    One query, none if the caller has asked for the `CATALOGUE_STAMP`, and two more where a meter has changed since this
    process last asked.
    """
    return _meters(stamp or _catalogue_stamp())


def rows_of(plan_version_id: UUID) -> list[Charge]:
    """Return the charges of a plan version in their order, with all that they price by; three queries."""
    found = list(_charges(plan_version_id).prefetch_related("prices"))
    # Matrices have thousands of prices, and hardly one with tiers.
    tiered = [price for row in found for price in row.prices.all() if price.model in rows.TIERED]
    prefetch_related_objects(tiered, "tiers")
    return found


def planned(row: Charge) -> PlannedCharge:
    """Return a charge as the engine takes it; raise ValueError, with the remedy, where its prices are not whole."""
    return _planned(row, priced.charge_of(rows.read_charge(row)))


def _planned(row: Charge, charge: terms.Charge) -> PlannedCharge:
    return PlannedCharge(
        charge=charge,
        meter_id=row.meter_id,
        meter_key=row.meter.key if row.meter else "",
        product_key=row.product.key,
        product_name=row.product.name,
        unit=row.meter.unit if row.meter else "",
        aggregation=row.meter.aggregation if row.meter else Meter.Aggregation.SUM,
        is_level=bool(row.meter and row.meter.level),
        rounding=row.meter.rounding if row.meter else "",
        rounding_step=row.meter.rounding_step if row.meter else None,
        in_advance=row.in_advance,
        carry_over_limit=row.carry_over_limit,
        amount_property=row.amount_property,
        allowance_key=row.allowance.key if row.allowance else "",
    )


def offered_versions() -> QuerySet[PlanVersion]:
    """Return the published versions of plans that anybody may be offered: custom ones are made for one contract."""
    return PlanVersion.objects.filter(
        status=PlanVersion.Status.PUBLISHED, plan__is_custom=False
    ).select_related("plan")


def dimension_names(meter: Meter) -> tuple[str, ...]:
    """Return what a meter tells events apart by: properties, and ranges of numbers."""
    return (*meter.dimensions, *meter.ranges)


def _catalogue_stamp() -> str:
    with connection.cursor() as cursor:
        cursor.execute(CATALOGUE_STAMP)
        (stamp,) = cursor.fetchone()
        return str(stamp)


@lru_cache(maxsize=2)
def _meters(_stamp: str) -> dict[str, tuple[Meter, ...]]:
    of_type: dict[str, tuple[Meter, ...]] = {}
    for meter in Meter.objects.order_by("key"):
        of_type[meter.event_type] = (*of_type.get(meter.event_type, ()), meter)
    aliases = EventTypeAlias.objects.values_list("sent_type", "event_type")
    counted_as = {sent: of_type[real] for sent, real in aliases if real in of_type}
    return {
        type_: (*of_type.get(type_, ()), *counted_as.get(type_, ()))
        for type_ in of_type.keys() | counted_as.keys()
    }


class _StillDraft(Exception):
    """The version may change yet, so nothing of it is kept."""


_Offer = tuple[tuple[PlannedCharge, ...], tuple[PlannedAllowance, ...], frozenset[date]]


def _offer(plan_version_id: UUID) -> _Offer:
    try:
        return _published_offer(plan_version_id, int(time.monotonic() // _KEPT_SECONDS))
    except _StillDraft:
        found = rows_of(plan_version_id)
        charges, allowances, days = _terms_of(plan_version_id, found)
        return tuple(_planned(row, charges[row.pk]) for row in found), allowances, days


@lru_cache(maxsize=4096)
def _published_offer(plan_version_id: UUID, _age: int) -> _Offer:
    # The names of meters and products may change, so they are kept for a minute.
    if PlanVersion.objects.filter(pk=plan_version_id, status=PlanVersion.Status.DRAFT).exists():
        raise _StillDraft
    charges, allowances, days = _published_terms(plan_version_id)
    return tuple(_planned(row, charges[row.pk]) for row in _charges(plan_version_id)), allowances, days


_Terms = tuple[Mapping[UUID, terms.Charge], tuple[PlannedAllowance, ...], frozenset[date]]


@lru_cache(maxsize=4096)
def _published_terms(plan_version_id: UUID) -> _Terms:
    # Published prices never change, and a matrix of thousands takes a while to read.
    return _terms_of(plan_version_id, rows_of(plan_version_id))


def _terms_of(plan_version_id: UUID, found: Sequence[Charge]) -> _Terms:
    composed = {row.pk: rows.read_charge(row) for row in found}
    shared = {
        row.key: row for row in Allowance.objects.filter(plan_version_id=plan_version_id).order_by("key")
    }
    allowances = priced.allowances_of(
        [rows.read_allowance(row) for row in shared.values()], list(composed.values())
    )
    charges = {key: priced.charge_of(charge) for key, charge in composed.items()}
    planned = tuple(
        PlannedAllowance(allowance, shared[allowance.key].carry_over_limit) for allowance in allowances
    )
    return charges, planned, _price_days(charges.values())


def _price_days(charges: Iterable[terms.Charge]) -> frozenset[date]:
    dated = (price for charge in charges for price in _prices(charge) if isinstance(price, Dated))
    return frozenset(day for price in dated for day, _ in price.prices)


def _prices(charge: terms.Charge) -> list[object]:
    price = charge.price
    return [cell.price for cell in price.cells] + [price.default] if isinstance(price, Matrix) else [price]


def _charges(plan_version_id: UUID) -> QuerySet[Charge]:
    return (
        Charge.objects.filter(plan_version_id=plan_version_id)
        .select_related("meter", "product", "credit_unit", "allowance")
        .order_by("position")
    )
