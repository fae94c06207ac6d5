"""Composing a plan's draft version from charges, or from the version before."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from apps.core import audit
from apps.plans import rows
from apps.plans.described import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.errors import DraftExists
from apps.plans.models import Plan, PlanVersion

__all__ = ["NewAllowance", "NewCharge", "NewPrice", "NewTier", "copy_version", "draft_version"]


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
    source = PlanVersion.objects.get(pk=version_id)
    version = _next_version(plan_id=source.plan_id, currency=source.currency, based_on=source)
    rows.copy_all(source, version)
    _record(version, at=at, actor=actor)
    return version


def _next_version(*, plan_id: UUID, currency: str, based_on: PlanVersion | None = None) -> PlanVersion:
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    if plan.versions.filter(status=PlanVersion.Status.DRAFT).exists():
        raise DraftExists(plan.name)
    last = plan.versions.aggregate(last=Max("number"))["last"] or 0
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
