"""Reading the catalogue: meters by what they count, and a version's charges as the pricing engine takes them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from django.db import connection

from apps.core.money import is_currency
from apps.core.periods import Period
from apps.plans.models import Charge, EventTypeAlias, Meter, PlanVersion, Price
from apps.rating import terms
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.volume import Volume

_KEPT_SECONDS = 60
# Every change of a row is by a transaction of a higher number, so no two states of these tables have one stamp.
CATALOGUE_STAMP = """
    SELECT count(*) || '/' || coalesce(sum(xmin::text::bigint), 0)
    FROM (SELECT xmin FROM plans_meter UNION ALL SELECT xmin FROM plans_eventtypealias) AS rows
"""


@dataclass(frozen=True, slots=True)
class PlannedCharge:
    """A charge with what the engine does not need to know: its meter, product and unit."""

    charge: terms.Charge
    meter_id: UUID | None
    meter_key: str
    product_name: str
    unit: str
    aggregation: str = Meter.Aggregation.SUM
    is_level: bool = False
    rounding: str = ""
    rounding_step: Decimal | None = None


def charges_of(plan_version_id: UUID) -> tuple[PlannedCharge, ...]:
    """Return the charges of a plan version in their order; three queries, none for a published one seen before.

    Raises ValueError where a draft's prices are not whole.
    """
    try:
        return _published_charges(plan_version_id, int(time.monotonic() // _KEPT_SECONDS))
    except _StillDraft:
        return _charges(plan_version_id)


def meters_by_type(*, stamp: str = "") -> Mapping[str, tuple[Meter, ...]]:
    """Return the meters by the types of events that they count, also those that are aliases of others.

    One query, none if the caller has asked for the `CATALOGUE_STAMP`, and two more where a meter has changed since this
    process last asked.
    """
    return _meters(stamp or _catalogue_stamp())


def mistakes_of(version: PlanVersion) -> list[str]:
    """Return what keeps a draft version from being published, each as a sentence."""
    rows = _rows(version.pk)
    if not rows:
        return ["It has no charge; add one."]
    mistakes = [] if is_currency(version.currency) else [f"{version.currency} is no currency of ISO 4217."]
    for row in rows:
        try:
            _planned(row)
        except ValueError as mistake:
            mistakes.append(f"Charge {row.key}: {mistake}")
        if (
            row.kind == Charge.Kind.USAGE
            and row.meter
            and set(row.dimensions) - set(dimension_names(row.meter))
        ):
            mistakes.append(
                f"Charge {row.key} prices by a dimension that its meter {row.meter.key} does not keep."
            )
    return [*mistakes, *_different_counts(rows)]


def dimension_names(meter: Meter) -> tuple[str, ...]:
    """Return what a meter tells events apart by: properties, and ranges of numbers."""
    return (*meter.dimensions, *meter.ranges)


def active_in(charge: terms.Charge, covered: Period, whole: Period) -> terms.Charge:
    """Return the charge with a recurring fee confined to the covered days of the whole period."""
    if charge.kind is not terms.ChargeKind.RECURRING or covered == whole:
        return charge
    return replace(charge, active=terms.ActiveDays(covered.starts_on, covered.ends_on))


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


def _different_counts(rows: Sequence[Charge]) -> list[str]:
    """Different values are counted once for all charges of a meter, so these must tell them apart alike."""
    priced_by: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        if row.meter and row.meter.aggregation == Meter.Aggregation.UNIQUE_COUNT:
            priced_by.setdefault(row.meter.key, set()).add(tuple(row.dimensions))
    return [
        f"Meter {key} counts different values: let all its charges price by the same dimensions."
        for key, ways in priced_by.items()
        if len(ways) > 1
    ]


class _StillDraft(Exception):
    """The version may change yet, so nothing of it is kept."""


@lru_cache(maxsize=4096)
def _published_charges(plan_version_id: UUID, _age: int) -> tuple[PlannedCharge, ...]:
    # Published prices never change; the names of meters and products may, so they are kept for a minute.
    if PlanVersion.objects.filter(pk=plan_version_id, status=PlanVersion.Status.DRAFT).exists():
        raise _StillDraft
    return _charges(plan_version_id)


def _charges(plan_version_id: UUID) -> tuple[PlannedCharge, ...]:
    return tuple(_planned(row) for row in _rows(plan_version_id))


def _rows(plan_version_id: UUID) -> list[Charge]:
    return list(
        Charge.objects.filter(plan_version_id=plan_version_id)
        .select_related("meter", "product", "credit_unit")
        .prefetch_related("prices__tiers")
        .order_by("position")
    )


def _planned(row: Charge) -> PlannedCharge:
    return PlannedCharge(
        charge=terms.Charge(
            key=row.key,
            name=row.name,
            kind=terms.ChargeKind(row.kind),
            price=_price_of(row),
            included=row.included,
            credit_unit=row.credit_unit.key if row.credit_unit else None,
            overage=_overage(row),
        ),
        meter_id=row.meter_id,
        meter_key=row.meter.key if row.meter else "",
        product_name=row.product.name,
        unit=row.meter.unit if row.meter else "",
        aggregation=row.meter.aggregation if row.meter else Meter.Aggregation.SUM,
        is_level=bool(row.meter and row.meter.level),
        rounding=row.meter.rounding if row.meter else "",
        rounding_step=row.meter.rounding_step if row.meter else None,
    )


def _price_of(row: Charge) -> PriceModel | Matrix | terms.Fee:
    if row.kind != Charge.Kind.USAGE:
        return terms.Fee(row.fee_amount or Decimal(0), row.fee_quantity or Decimal(0))
    prices = [price for price in row.prices.all() if price.role == Price.Role.USAGE]
    if row.dimensions:
        cells = tuple(Cell(tuple(price.match.items()), _model(price)) for price in prices if price.match)
        default = next((_model(price) for price in prices if not price.match), None)
        return Matrix(tuple(row.dimensions), cells, default)
    if len(prices) != 1 or prices[0].match:
        raise ValueError("give it exactly one price, or name the dimensions that its prices differ by.")
    return _model(prices[0])


def _overage(row: Charge) -> PriceModel | None:
    prices = [price for price in row.prices.all() if price.role == Price.Role.OVERAGE]
    if len(prices) > 1:
        raise ValueError("give it one price for credits beyond the grants.")
    return _model(prices[0]) if prices else None


def _model(price: Price) -> PriceModel:
    match price.model:
        case Price.Model.PER_UNIT:
            return PerUnit(price.unit_amount or Decimal(0))
        case Price.Model.PACKAGE:
            return Package(
                price.package_size or Decimal(0), price.package_amount or Decimal(0), price.free_units
            )
        case Price.Model.GRADUATED:
            return Graduated(_tiers(price))
        case Price.Model.VOLUME:
            return Volume(_tiers(price))
        case unknown:
            raise ValueError(f"there is no price model {unknown}.")


def _tiers(price: Price) -> tuple[Tier, ...]:
    return tuple(
        Tier(tier.up_to, tier.unit_amount, tier.flat_amount, tier.package_size) for tier in price.tiers.all()
    )
