"""Writing a version's charges, prices and allowances as rows: steps of the actions that compose a draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from django.db import models

from apps.core import db
from apps.core.ids import uuid7
from apps.plans.models import Allowance, Charge, CreditUnit, Meter, PlanVersion, Price, Product, Tier

_Row = TypeVar("_Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class NewTier:
    """A tier; `up_to` None is the last. Stairs have a flat amount alone, tiers of percentages a rate."""

    up_to: Decimal | None
    unit_amount: Decimal | None = None
    flat_amount: Decimal = Decimal(0)
    package_size: Decimal | None = None
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price; `match` names the cell of a matrix, `starts_on` the day that it is in force from (None: from the beginning).

    `event_minimum` and `event_maximum` also bound the amounts that events of a dynamic price carry.
    """

    model: str
    unit_amount: Decimal | None = None
    package_size: Decimal | None = None
    package_amount: Decimal | None = None
    free_units: Decimal = Decimal(0)
    tiers: Sequence[NewTier] = ()
    match: Mapping[str, str] = field(default_factory=dict)
    rate: Decimal | None = None
    fixed_amount: Decimal = Decimal(0)
    free_events: int = 0
    free_amount: Decimal = Decimal(0)
    event_minimum: Decimal | None = None
    event_maximum: Decimal | None = None
    starts_on: date | None = None


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge, naming its product, meter, credit unit and shared allowance by their keys."""

    key: str
    name: str
    product: str
    kind: str = Charge.Kind.USAGE
    meter: str | None = None
    credit_unit: str | None = None
    included: Decimal = Decimal(0)
    fee_amount: Decimal | None = None
    fee_quantity: Decimal | None = None
    dimensions: Sequence[str] = ()
    prices: Sequence[NewPrice] = ()
    overage: NewPrice | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    in_advance: bool = False
    carry_over_limit: Decimal | None = None
    allowance: str | None = None
    amount_property: str = ""


@dataclass(frozen=True, slots=True)
class NewAllowance:
    """Included units that several charges share."""

    key: str
    name: str
    quantity: Decimal
    carry_over_limit: Decimal | None = None


def write_all(
    version: PlanVersion, charges: Sequence[NewCharge], allowances: Sequence[NewAllowance] = ()
) -> None:
    """Write a version's allowances, and its charges in their order. A step."""
    for allowance in allowances:
        write_allowance(version, allowance)
    for position, charge in enumerate(charges, start=1):
        write_charge(version, position, charge)


def write_allowance(version: PlanVersion, new: NewAllowance, *, over: Allowance | None = None) -> Allowance:
    """Write an allowance, in place of the one that it changes. A step."""
    db.require_transaction()
    row = over or Allowance(plan_version=version)
    row.key, row.name = new.key, new.name
    row.quantity, row.carry_over_limit = new.quantity, new.carry_over_limit
    row.save()
    return row


def write_charge(
    version: PlanVersion, position: int, new: NewCharge, *, over: Charge | None = None
) -> Charge:
    """Write a charge with its prices, in place of the one that it changes. A step."""
    db.require_transaction()
    row = over or Charge(plan_version=version)
    row.position = position
    row.key, row.name, row.kind = new.key, new.name, new.kind
    row.product = Product.objects.get(key=new.product)
    row.meter = Meter.objects.get(key=new.meter) if new.meter else None
    row.credit_unit = CreditUnit.objects.get(key=new.credit_unit) if new.credit_unit else None
    row.allowance = version.allowances.get(key=new.allowance) if new.allowance else None
    row.included, row.carry_over_limit = new.included, new.carry_over_limit
    row.minimum, row.maximum = new.minimum, new.maximum
    row.in_advance = new.in_advance
    row.fee_amount, row.fee_quantity = new.fee_amount, new.fee_quantity
    row.dimensions = list(new.dimensions)
    row.amount_property = new.amount_property
    row.save()
    row.prices.all().delete()
    for at_position, price in enumerate(new.prices, start=1):
        _write_price(row, at_position, price, Price.Role.USAGE)
    if new.overage:
        _write_price(row, len(new.prices) + 1, new.overage, Price.Role.OVERAGE)
    return row


def copy_all(source: PlanVersion, version: PlanVersion) -> None:
    """Write everything of one version into another, empty one. A step."""
    db.require_transaction()
    allowances = {}
    for allowance in source.allowances.all():
        copied_from = allowance.pk
        allowances[copied_from] = _copied(allowance, plan_version_id=version.pk).pk
    for charge in source.charges.prefetch_related("prices__tiers"):
        prices = list(charge.prices.all())
        shared = allowances.get(charge.allowance_id) if charge.allowance_id else None
        copied = _copied(charge, plan_version_id=version.pk, allowance_id=shared)
        for price in prices:
            tiers = list(price.tiers.all())
            copied_price = _copied(price, charge_id=copied.pk)
            for tier in tiers:
                _copied(tier, price_id=copied_price.pk)


def _write_price(charge: Charge, position: int, new: NewPrice, role: str) -> None:
    price = Price.objects.create(
        charge=charge,
        position=position,
        role=role,
        match=dict(new.match),
        starts_on=new.starts_on,
        model=new.model,
        unit_amount=new.unit_amount,
        package_size=new.package_size,
        package_amount=new.package_amount,
        free_units=new.free_units,
        rate=new.rate,
        fixed_amount=new.fixed_amount,
        free_events=new.free_events,
        free_amount=new.free_amount,
        event_minimum=new.event_minimum,
        event_maximum=new.event_maximum,
    )
    Tier.objects.bulk_create(
        Tier(
            price=price,
            position=at_position,
            up_to=tier.up_to,
            unit_amount=tier.unit_amount,
            rate=tier.rate,
            flat_amount=tier.flat_amount,
            package_size=tier.package_size,
        )
        for at_position, tier in enumerate(new.tiers, start=1)
    )


def _copied(row: _Row, **parent: UUID | None) -> _Row:
    """Insert `row` again as a new row under another parent."""
    row.pk = uuid7()
    row._state.adding = True
    for name, value in parent.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row
