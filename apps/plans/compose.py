"""Composing a plan's draft version from charges, or from the version before."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from apps.core import audit, db
from apps.plans import rows
from apps.plans.described import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.errors import DraftExists, PlanKeyTaken
from apps.plans.models import Plan, PlanVersion

__all__ = [
    "NewAllowance",
    "NewCharge",
    "NewPrice",
    "NewTier",
    "copy_plan",
    "copy_version",
    "custom_version",
    "draft_version",
    "write_custom",
]

# What is left of a plan's key, of 63 characters at most, where "-custom-" and a number follow.
_STEM = 48


@transaction.atomic(durable=True)
def draft_version(
    *,
    plan_id: UUID,
    currency: str,
    charges: Sequence[NewCharge],
    allowances: Sequence[NewAllowance] = (),
    at: datetime,
    actor: str,
) -> PlanVersion:
    """Write the plan's next version as a draft; refuse while there is a draft already."""
    version = _next_version(plan_id=plan_id, currency=currency)
    rows.write_all(version, charges, allowances)
    _record(version, at=at, actor=actor)
    return version


@transaction.atomic(durable=True)
def copy_version(*, version_id: UUID, at: datetime, actor: str) -> PlanVersion:
    """Write the plan's next version as a draft with the same charges and prices as this one."""
    source = PlanVersion.objects.select_related("plan").get(pk=version_id)
    return _copied(source.plan, source, at=at, actor=actor)


@transaction.atomic(durable=True)
def copy_plan(*, version_id: UUID, key: str, name: str, at: datetime, actor: str) -> PlanVersion:
    """Make a new plan whose first version is a draft with the charges and prices of this one; refuse a taken key."""
    source = PlanVersion.objects.select_related("plan").get(pk=version_id)
    if Plan.objects.filter(key=key).exists():
        raise PlanKeyTaken(key)
    plan = Plan.objects.create(key=key, name=name, description=source.plan.description)
    return _copied(plan, source, at=at, actor=actor)


@transaction.atomic(durable=True)
def custom_version(
    *, base_id: UUID, name: str, charges: Sequence[NewCharge] | None = None, at: datetime, actor: str
) -> PlanVersion:
    """Make a plan for one contract, out of the lists of plans, with a draft based on a version.

    The draft has the base's charges, or `charges` in their place, and always its allowances. Edit and publish it like any
    other. Its key is made of the base's plan and a number.
    """
    return write_custom(base_id=base_id, name=name, charges=charges, at=at, actor=actor)


def write_custom(
    *, base_id: UUID, name: str, charges: Sequence[NewCharge] | None, at: datetime, actor: str
) -> PlanVersion:
    """Do what `custom_version` does as a step of an action that has more to write."""
    db.require_transaction()
    source = PlanVersion.objects.select_related("plan").get(pk=base_id)
    plan = Plan.objects.create(key=_custom_key(source.plan.key), name=name, is_custom=True)
    if charges is None:
        return _copied(plan, source, at=at, actor=actor)
    version = _next_version(plan_id=plan.pk, currency=source.currency, based_on=source)
    rows.write_all(version, charges, [rows.read_allowance(row) for row in source.allowances.all()])
    _record(version, at=at, actor=actor)
    return version


def _copied(plan: Plan, source: PlanVersion, *, at: datetime, actor: str) -> PlanVersion:
    version = _next_version(plan_id=plan.pk, currency=source.currency, based_on=source)
    rows.copy_all(source, version)
    _record(version, at=at, actor=actor)
    return version


def _custom_key(base: str) -> str:
    """Return the first free key of the form base-custom-1; a plan that is copied again keeps its stem."""
    stem = f"{base.partition('-custom-')[0][:_STEM]}-custom-"
    taken = set(Plan.objects.filter(key__startswith=stem).values_list("key", flat=True))
    return next(key for number in count(1) if (key := f"{stem}{number}") not in taken)


def _next_version(*, plan_id: UUID, currency: str, based_on: PlanVersion | None = None) -> PlanVersion:
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    if plan.versions.filter(status=PlanVersion.Status.DRAFT).exists():
        raise DraftExists(plan.name)
    last = plan.versions.aggregate(last=Max("number"))["last"] or 0
    if based_on and based_on.status == PlanVersion.Status.DRAFT:
        # A draft may be deleted, and what is published never changes.
        based_on = None
    return PlanVersion.objects.create(plan=plan, number=last + 1, currency=currency, based_on=based_on)


def _record(version: PlanVersion, *, at: datetime, actor: str) -> None:
    audit.record(
        at=at,
        actor=actor,
        action="plans.draft_version",
        subject_type="plan",
        subject_key=version.plan.key,
        after={"version": version.number, "currency": version.currency},
    )
