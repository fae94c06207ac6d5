"""Composing a plan's draft version from charges, or from the version before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from django.db import models, transaction
from django.db.models import Max

from apps.core import audit
from apps.core.ids import uuid7
from apps.plans.errors import DraftExists
from apps.plans.models import Charge, CreditUnit, Meter, Plan, PlanVersion, Price, Product, Tier

_Row = TypeVar("_Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class NewTier:
    """A tier; `up_to` None is the last."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = Decimal(0)
    package_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price; `match` names the cell of a matrix."""

    model: str
    unit_amount: Decimal | None = None
    package_size: Decimal | None = None
    package_amount: Decimal | None = None
    free_units: Decimal = Decimal(0)
    tiers: Sequence[NewTier] = ()
    match: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge, naming its product, meter and credit unit by their keys."""

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


@transaction.atomic(durable=True)
def draft_version(
    *, plan_id: UUID, currency: str, charges: Sequence[NewCharge], at: datetime, actor: str
) -> PlanVersion:
    """Write the plan's next version as a draft; refuse while there is a draft already."""
    version = _next_version(plan_id=plan_id, currency=currency)
    for position, charge in enumerate(charges, start=1):
        _write_charge(version, position, charge)
    _record(version, at=at, actor=actor)
    return version


@transaction.atomic(durable=True)
def copy_version(*, version_id: UUID, at: datetime, actor: str) -> PlanVersion:
    """Write the plan's next version as a draft with the same charges and prices as this one."""
    source = PlanVersion.objects.get(pk=version_id)
    version = _next_version(plan_id=source.plan_id, currency=source.currency)
    for charge in source.charges.prefetch_related("prices__tiers"):
        prices = list(charge.prices.all())
        copied = _copied(charge, plan_version_id=version.pk)
        for price in prices:
            tiers = list(price.tiers.all())
            copied_price = _copied(price, charge_id=copied.pk)
            for tier in tiers:
                _copied(tier, price_id=copied_price.pk)
    _record(version, at=at, actor=actor)
    return version


def _next_version(*, plan_id: UUID, currency: str) -> PlanVersion:
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    if plan.versions.filter(status=PlanVersion.Status.DRAFT).exists():
        raise DraftExists(plan.name)
    last = plan.versions.aggregate(last=Max("number"))["last"] or 0
    return PlanVersion.objects.create(plan=plan, number=last + 1, currency=currency)


def _write_charge(version: PlanVersion, position: int, new: NewCharge) -> None:
    charge = Charge.objects.create(
        plan_version=version,
        position=position,
        key=new.key,
        name=new.name,
        kind=new.kind,
        product=Product.objects.get(key=new.product),
        meter=Meter.objects.get(key=new.meter) if new.meter else None,
        credit_unit=CreditUnit.objects.get(key=new.credit_unit) if new.credit_unit else None,
        included=new.included,
        fee_amount=new.fee_amount,
        fee_quantity=new.fee_quantity,
        dimensions=list(new.dimensions),
    )
    for at_position, price in enumerate(new.prices, start=1):
        _write_price(charge, at_position, price, Price.Role.USAGE)
    if new.overage:
        _write_price(charge, len(new.prices) + 1, new.overage, Price.Role.OVERAGE)


def _write_price(charge: Charge, position: int, new: NewPrice, role: str) -> None:
    price = Price.objects.create(
        charge=charge,
        position=position,
        role=role,
        match=dict(new.match),
        model=new.model,
        unit_amount=new.unit_amount,
        package_size=new.package_size,
        package_amount=new.package_amount,
        free_units=new.free_units,
    )
    Tier.objects.bulk_create(
        Tier(
            price=price,
            position=at_position,
            up_to=tier.up_to,
            unit_amount=tier.unit_amount,
            flat_amount=tier.flat_amount,
            package_size=tier.package_size,
        )
        for at_position, tier in enumerate(new.tiers, start=1)
    )


def _copied(row: _Row, **parent: UUID) -> _Row:
    """Insert `row` again as a new row under another parent."""
    row.pk = uuid7()
    row._state.adding = True
    for name, value in parent.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    return row


def _record(version: PlanVersion, *, at: datetime, actor: str) -> None:
    audit.record(
        at=at,
        actor=actor,
        action="plans.draft_version",
        subject_type="plan",
        subject_key=version.plan.key,
        after={"version": version.number, "currency": version.currency},
    )
