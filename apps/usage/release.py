"""Letting events out of quarantine: counted once their cause is mended, at their original time, or dismissed for good."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.core import audit
from apps.usage import months, strict_json
from apps.usage.errors import NoReason, TooManyEvents
from apps.usage.ingest import MOST_EVENTS, take_in
from apps.usage.intake import Batch, Ingested, Intake, State
from apps.usage.models import QuarantinedEvent


def release(*, ids: Collection[UUID], at: datetime, actor: str, any_age: bool = False) -> Ingested:
    """Judge waiting events again, count those that now count at their own time, and leave the others with their reason.

    With `any_age`, staff answer for how late they are; what is too early waits for its time. Takes up to 10,000 at once, in one transaction; one that
    was counted in the meantime is told as a duplicate, and waits no more.
    """
    if len(ids) > MOST_EVENTS:
        raise TooManyEvents(len(ids), MOST_EVENTS)
    with transaction.atomic(durable=True):
        waiting = list(_waiting(ids).select_for_update())
        intake = Intake.of([_batch(event, actor=actor) for event in waiting])
        months.make_now(months.that_hold(intake.events, until=at))
        answers = take_in(intake, at=at, any_age=any_age, releases=True)
        released = sum(answer.counted for answer in answers)
        audit.record(
            at=at,
            actor=actor,
            action="usage.release",
            subject_type="quarantine",
            subject_key=f"{len(waiting)} events",
            after={"counted": released, "still_waiting": sum(answer.quarantined for answer in answers)},
        )
        _keep_reasons(waiting, answers)
    return Ingested(
        received=len(waiting),
        counted=released,
        duplicate=sum(answer.duplicate for answer in answers),
        conflict=sum(answer.conflict for answer in answers),
        quarantined=sum(answer.quarantined for answer in answers),
        details=tuple(
            replace(detail, index=place) for place, answer in enumerate(answers) for detail in answer.details
        ),
    )


@transaction.atomic(durable=True)
def dismiss(*, ids: Collection[UUID], reason: str, at: datetime, actor: str) -> int:
    """Decide that waiting events are not to be billed; they stay on record. Refuses without a reason."""
    if not reason.strip():
        raise NoReason
    dismissed = _waiting(ids).update(resolved_at=at, resolution=QuarantinedEvent.Resolution.DISMISSED)
    audit.record(
        at=at,
        actor=actor,
        action="usage.dismiss",
        subject_type="quarantine",
        subject_key=f"{dismissed} events",
        reason=reason.strip(),
    )
    return dismissed


def _waiting(ids: Collection[UUID]) -> QuerySet[QuarantinedEvent]:
    return QuarantinedEvent.objects.filter(pk__in=ids, resolved_at=None).order_by("received_at", "id")


def _batch(waiting: QuarantinedEvent, *, actor: str) -> Batch:
    # Under the key that it was kept for: one that came by a confined key never counts for another customer.
    return Batch([strict_json.load(waiting.body.encode())], actor, waiting.customer_key or None)


def _keep_reasons(waiting: Sequence[QuarantinedEvent], answers: Sequence[Ingested]) -> None:
    """Write down why the others still wait."""
    for event, answer in zip(waiting, answers, strict=True):
        for detail in answer.details:
            if detail.state is State.QUARANTINED and (event.reason, event.remedy) != (
                detail.reason,
                detail.remedy,
            ):
                event.reason, event.field, event.remedy = detail.reason, detail.field, detail.remedy
                event.save(update_fields=["reason", "field", "remedy"])
