"""A version's charges, prices and allowances as rows: written by steps of the actions that compose a draft, and read again."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from django.db import models

from apps.core import db
from apps.core.ids import uuid7
from apps.plans.described import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.models import Allowance, Charge, CreditUnit, Meter, PlanVersion, Price, Product, Tier

_Row = TypeVar("_Row", bound=models.Model)
TIERED = frozenset(
    (Price.Model.GRADUATED, Price.Model.VOLUME, Price.Model.STAIRSTEP, Price.Model.GRADUATED_PERCENTAGE)
)
_AT_ONCE = 2000


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
    priced = [(price, Price.Role.USAGE) for price in new.prices]
    _write_prices(row, [*priced, (new.overage, Price.Role.OVERAGE)] if new.overage else priced)
    return row


def read_charge(row: Charge) -> NewCharge:
    """Return a charge as it was composed; no query where its relations and prices are fetched."""
    prices = list(row.prices.all())
    return NewCharge(
        key=row.key,
        name=row.name,
        product=row.product.key,
        kind=row.kind,
        meter=row.meter.key if row.meter else None,
        credit_unit=row.credit_unit.key if row.credit_unit else None,
        included=row.included,
        fee_amount=row.fee_amount,
        fee_quantity=row.fee_quantity,
        dimensions=tuple(row.dimensions),
        prices=tuple(_read_price(price) for price in prices if price.role == Price.Role.USAGE),
        overage=next((_read_price(price) for price in prices if price.role == Price.Role.OVERAGE), None),
        minimum=row.minimum,
        maximum=row.maximum,
        in_advance=row.in_advance,
        carry_over_limit=row.carry_over_limit,
        allowance=row.allowance.key if row.allowance else None,
        amount_property=row.amount_property,
    )


def read_allowance(row: Allowance) -> NewAllowance:
    """Return an allowance as it was composed."""
    return NewAllowance(row.key, row.name, row.quantity, row.carry_over_limit)


def copy_all(source: PlanVersion, version: PlanVersion) -> None:
    """Write everything of one version into another, empty one. A step."""
    db.require_transaction()
    allowances = {}
    for allowance in source.allowances.all():
        copied_from = allowance.pk
        allowances[copied_from] = _copied(allowance, plan_version_id=version.pk).pk
    for charge in source.charges.prefetch_related("prices__tiers"):
        prices = list(charge.prices.all())
        tiers = [(price, list(price.tiers.all())) for price in prices if price.model in TIERED]
        shared = allowances.get(charge.allowance_id) if charge.allowance_id else None
        copied = _copied(charge, plan_version_id=version.pk, allowance_id=shared)
        Price.objects.bulk_create(
            (_anew(price, charge_id=copied.pk) for price in prices), batch_size=_AT_ONCE
        )
        Tier.objects.bulk_create(_anew(tier, price_id=price.pk) for price, of in tiers for tier in of)


def _write_prices(charge: Charge, priced: Sequence[tuple[NewPrice, str]]) -> None:
    written = [
        Price(
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
        for position, (new, role) in enumerate(priced, start=1)
    ]
    Price.objects.bulk_create(written, batch_size=_AT_ONCE)
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
        for price, (new, _) in zip(written, priced, strict=True)
        for at_position, tier in enumerate(new.tiers, start=1)
    )


def _read_price(row: Price) -> NewPrice:
    return NewPrice(
        model=row.model,
        unit_amount=row.unit_amount,
        package_size=row.package_size,
        package_amount=row.package_amount,
        free_units=row.free_units,
        tiers=tuple(
            NewTier(tier.up_to, tier.unit_amount, tier.flat_amount, tier.package_size, tier.rate)
            for tier in (row.tiers.all() if row.model in TIERED else ())
        ),
        match=row.match,
        rate=row.rate,
        fixed_amount=row.fixed_amount,
        free_events=row.free_events,
        free_amount=row.free_amount,
        event_minimum=row.event_minimum,
        event_maximum=row.event_maximum,
        starts_on=row.starts_on,
    )


def _copied(row: _Row, **parent: UUID | None) -> _Row:
    """Insert `row` again as a new row under another parent."""
    _anew(row, **parent).save(force_insert=True)
    return row


def _anew(row: _Row, **parent: UUID | None) -> _Row:
    """Return `row` as a new one under another parent, not yet inserted."""
    row.pk = uuid7()
    row._state.adding = True
    for name, value in parent.items():
        setattr(row, name, value)
    return row
