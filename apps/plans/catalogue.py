"""Putting products, meters, credit units and plans into the catalogue, by their keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q

from apps.core import audit
from apps.plans import meter_rules
from apps.plans.errors import BadMeter, MeterInUse
from apps.plans.models import Charge, CreditUnit, EventTypeAlias, Meter, Plan, PlanVersion, Product

# What decides how much an event counts for.
_SHAPE = (
    "event_type",
    "aggregation",
    "value_property",
    "dimensions",
    "filters",
    "value_expression",
    "level",
    "per",
    "outcome_states",
    "ranges",
)


@transaction.atomic(durable=True)
def put_product(*, key: str, name: str, tax_class: str | None = None, at: datetime, actor: str) -> Product:
    """Create the product with this key, or rename it; its tax class stays where none is given."""
    fields = {"name": name} | ({"tax_class": tax_class} if tax_class else {})
    product, _ = Product.objects.update_or_create(key=key, defaults=fields)
    _record(product, key=key, at=at, actor=actor, after=dict(fields))
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
    early_hours: int = 1,
    filters: Sequence[Mapping[str, object]] = (),
    value_expression: str = "",
    level: str = "",
    per: str = "",
    outcome_states: Mapping[str, str] | None = None,
    ranges: Mapping[str, object] | None = None,
    rounding: str = "",
    rounding_step: Decimal | None = None,
    at: datetime,
    actor: str,
) -> Meter:
    """Create the meter with this key, or change how it is shown; what it counts is fixed once a published price uses it."""
    fields: dict[str, object] = {
        "name": name,
        "unit": unit,
        "event_type": event_type,
        "aggregation": aggregation,
        "value_property": value_property,
        "dimensions": list(dimensions),
        "late_days": late_days,
        "early_hours": early_hours,
        "filters": list(filters),
        "value_expression": value_expression,
        "level": level,
        "per": per,
        "outcome_states": dict(outcome_states or {}),
        "ranges": dict(ranges or {}),
        "rounding": rounding,
        "rounding_step": rounding_step,
    }
    if found := meter_rules.mistakes(fields):
        raise BadMeter(found)
    before = Meter.objects.select_for_update().filter(key=key).first()
    changed = [name for name in _SHAPE if before and getattr(before, name) != fields[name]]
    if before and changed:
        _refuse_reshaping(before, changed)
    if before is None or changed:
        fields["counts_from"] = at if _misses_events(before, event_type) else None
    meter, _ = Meter.objects.update_or_create(key=key, defaults=fields)
    _record(meter, key=key, at=at, actor=actor, after={name: str(value) for name, value in fields.items()})
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


@transaction.atomic(durable=True)
def mark_whole(*, meter_id: UUID, counts_from: datetime | None) -> bool:
    """Note that a meter's totals hold all past events, unless its shape has changed since `counts_from`; tell whether."""
    return bool(Meter.objects.filter(pk=meter_id, counts_from=counts_from).update(counts_from=None))


def _refuse_reshaping(meter: Meter, changed: list[str]) -> None:
    """Refuse to change what a meter counts once a published price stands on it: totals would mix two measures."""
    published = Charge.objects.filter(meter=meter).exclude(plan_version__status=PlanVersion.Status.DRAFT)
    if published.exists():
        raise MeterInUse(meter.name, changed)


def _misses_events(before: Meter | None, event_type: str) -> bool:
    """Tell whether events may be stored that a new shape counts, or that the totals of the shape before hold."""
    if before is None:
        return _may_have_events(event_type)
    return before.counts_from is not None or any(map(_may_have_events, {before.event_type, event_type}))


def _may_have_events(event_type: str) -> bool:
    """Tell whether events of a type may be stored: only those are that a published price counts, by their type or an alias."""
    charges = Charge.objects.filter(meter__event_type=event_type)
    return (
        charges.exclude(plan_version__status=PlanVersion.Status.DRAFT).exists()
        or EventTypeAlias.objects.filter(Q(sent_type=event_type) | Q(event_type=event_type)).exists()
    )


def _record(thing: models.Model, *, key: str, at: datetime, actor: str, after: dict[str, object]) -> None:
    kind = thing._meta.model_name or ""
    audit.record(
        at=at, actor=actor, action=f"plans.put_{kind}", subject_type=kind, subject_key=key, after=after
    )
