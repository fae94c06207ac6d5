"""Publishing and retiring plan versions."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit, db
from apps.plans.errors import NotADraft, NotPublishable, NotPublished
from apps.plans.mistakes import mistakes_of
from apps.plans.models import PlanVersion


@transaction.atomic(durable=True)
def publish(*, version_id: UUID, at: datetime, actor: str) -> PlanVersion:
    """Publish a draft version, after which the database lets nobody change it.

    Refuses a version without charges, and one whose prices are not whole: each mistake is named.
    """
    return write_published(version_id=version_id, at=at, actor=actor)


def write_published(*, version_id: UUID, at: datetime, actor: str) -> PlanVersion:
    """Do what `publish` does as a step of an action that has more to write."""
    db.require_transaction()
    version = PlanVersion.objects.select_for_update().select_related("plan").get(pk=version_id)
    if version.status != PlanVersion.Status.DRAFT:
        raise NotADraft(str(version), version.status)
    mistakes = mistakes_of(version)
    if mistakes:
        raise NotPublishable(str(version), mistakes)
    version.status = PlanVersion.Status.PUBLISHED
    version.published_at = at
    version.save(update_fields=["status", "published_at"])
    audit.record(
        at=at,
        actor=actor,
        action="plans.publish",
        subject_type="plan",
        subject_key=version.plan.key,
        after={"version": version.number},
    )
    return version


@transaction.atomic(durable=True)
def retire(*, version_id: UUID, at: datetime, actor: str) -> PlanVersion:
    """Retire a published version: contracts on it stay as they are, and no new one can be signed on it."""
    version = PlanVersion.objects.select_for_update().select_related("plan").get(pk=version_id)
    if version.status != PlanVersion.Status.PUBLISHED:
        raise NotPublished(str(version), version.status)
    version.status = PlanVersion.Status.RETIRED
    version.retired_at = at
    version.save(update_fields=["status", "retired_at"])
    audit.record(
        at=at,
        actor=actor,
        action="plans.retire",
        subject_type="plan",
        subject_key=version.plan.key,
        after={"version": version.number},
    )
    return version
