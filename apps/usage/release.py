"""Letting events out of quarantine: counted once their cause is mended, at their original time, or dismissed for good."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from apps.core import audit
from apps.usage import months
from apps.usage.errors import NoReason, TooManyEvents
from apps.usage.ingest import MOST_EVENTS, again_after_deadlock, take_in
from apps.usage.intake import Ingested, Intake, State
from apps.usage.models import QuarantinedEvent
from apps.usage.quarantine import as_sent

# What is decided over waiting events is decided one after the other, so that none is released and dismissed at once. Their rows
# are not locked for it: ingest takes ids first and then such rows, and so does a release.
_DECIDE = "SELECT pg_advisory_xact_lock(hashtext('usage_quarantine'))"


def release(*, ids: Collection[UUID], at: datetime, actor: str, any_age: bool = False) -> Ingested:
    """Judge waiting events again, count those that now count at their own time, and leave the others with their reason.

    With `any_age`, staff answer for how late they are; what is too early waits for its time. Takes up to 10,000 at once, in
    one transaction; one that was counted in the meantime is told as a duplicate, and waits no more.
    """
    if len(ids) > MOST_EVENTS:
        raise TooManyEvents(len(ids), MOST_EVENTS)
    return again_after_deadlock(lambda: _release(ids, at=at, actor=actor, any_age=any_age))


@transaction.atomic(durable=True)
def dismiss(*, ids: Collection[UUID], reason: str, at: datetime, actor: str) -> int:
    """Decide that waiting events are not to be billed, also if they are sent again; they stay on record.

    Refuses without a reason.
    """
    if not reason.strip():
        raise NoReason
    _decide_alone()
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


@transaction.atomic(durable=True)
def _release(ids: Collection[UUID], *, at: datetime, actor: str, any_age: bool) -> Ingested:
    _decide_alone()
    waiting = list(_waiting(ids))
    if not waiting:
        return Ingested(0, 0, 0, 0, 0, ())
    intake = Intake.of([as_sent(event, actor=actor) for event in waiting])
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


def _decide_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DECIDE)


def _waiting(ids: Collection[UUID]) -> QuerySet[QuarantinedEvent]:
    return QuarantinedEvent.objects.filter(pk__in=ids, resolved_at=None).order_by("received_at", "id")


def _keep_reasons(waiting: Sequence[QuarantinedEvent], answers: Sequence[Ingested]) -> None:
    """Write down why the others still wait."""
    for event, answer in zip(waiting, answers, strict=True):
        for detail in answer.details:
            if detail.state is State.QUARANTINED and (event.reason, event.remedy) != (
                detail.reason,
                detail.remedy,
            ):
                _waiting([event.pk]).update(reason=detail.reason, field=detail.field, remedy=detail.remedy)
