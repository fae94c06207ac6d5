"""Putting products, meters, credit units and plans into the catalogue, by their keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import models, transaction

from apps.core import audit
from apps.plans.errors import MeterInUse
from apps.plans.models import Charge, CreditUnit, Meter, Plan, PlanVersion, Product

# What decides how much an event counts for.
_SHAPE = ("event_type", "aggregation", "value_property", "dimensions")


@transaction.atomic(durable=True)
def put_product(*, key: str, name: str, at: datetime, actor: str) -> Product:
    """Create the product with this key, or rename it."""
    product, _ = Product.objects.update_or_create(key=key, defaults={"name": name})
    _record(product, key=key, at=at, actor=actor, after={"name": name})
    return product


@transaction.atomic(durable=True)
def put_meter(
    *,
    key: str,
    name: str,
    unit: str,
    event_type: str,
    aggregation: str,
    value_property: str = "",
    dimensions: Sequence[str] = (),
    late_days: int = 35,
    at: datetime,
    actor: str,
) -> Meter:
    """Create the meter with this key, or change how it is shown; what it counts is fixed once a published price uses it."""
    fields = {
        "name": name,
        "unit": unit,
        "event_type": event_type,
        "aggregation": aggregation,
        "value_property": value_property,
        "dimensions": list(dimensions),
        "late_days": late_days,
    }
    _refuse_reshaping(key, fields)
    meter, _ = Meter.objects.update_or_create(key=key, defaults=fields)
    _record(meter, key=key, at=at, actor=actor, after=fields)
    return meter


@transaction.atomic(durable=True)
def put_credit_unit(*, key: str, name: str, at: datetime, actor: str) -> CreditUnit:
    """Create the credit unit with this key, or rename it."""
    unit, _ = CreditUnit.objects.update_or_create(key=key, defaults={"name": name})
    _record(unit, key=key, at=at, actor=actor, after={"name": name})
    return unit


@transaction.atomic(durable=True)
def put_plan(*, key: str, name: str, description: str = "", at: datetime, actor: str) -> Plan:
    """Create the plan with this key, or change how it is described."""
    plan, _ = Plan.objects.update_or_create(key=key, defaults={"name": name, "description": description})
    _record(plan, key=key, at=at, actor=actor, after={"name": name})
    return plan


def _refuse_reshaping(key: str, fields: Mapping[str, object]) -> None:
    """Refuse to change what a meter counts once a published price stands on it: totals would mix two measures."""
    meter = Meter.objects.select_for_update().filter(key=key).first()
    if meter is None:
        return
    changed = [name for name in _SHAPE if getattr(meter, name) != fields[name]]
    published = Charge.objects.filter(meter=meter).exclude(plan_version__status=PlanVersion.Status.DRAFT)
    if changed and published.exists():
        raise MeterInUse(meter.name, changed)


def _record(thing: models.Model, *, key: str, at: datetime, actor: str, after: dict[str, object]) -> None:
    kind = thing._meta.model_name or ""
    audit.record(
        at=at, actor=actor, action=f"plans.put_{kind}", subject_type=kind, subject_key=key, after=after
    )
