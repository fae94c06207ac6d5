"""Pausing a case, as while a customer disputes the invoice, and resuming it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.dunning.errors import CaseNotOpen, CaseNotPaused, ReasonMissing
from apps.dunning.models import Case


@transaction.atomic(durable=True)
def pause(*, case_id: UUID, reason: str, at: datetime, actor: str) -> Case:
    """Stop reminding until the case is resumed; refuse without a reason."""
    case = Case.objects.select_for_update().get(pk=case_id)
    if not reason.strip():
        raise ReasonMissing
    if case.status != Case.Status.OPEN:
        raise CaseNotOpen(str(case.invoice), case.status)
    return _set(case, Case.Status.PAUSED, "dunning.pause", reason=reason.strip(), at=at, actor=actor)


@transaction.atomic(durable=True)
def resume(*, case_id: UUID, at: datetime, actor: str) -> Case:
    """Let a paused case go on; the next step is the latest that is due."""
    case = Case.objects.select_for_update().get(pk=case_id)
    if case.status != Case.Status.PAUSED:
        raise CaseNotPaused(str(case.invoice), case.status)
    return _set(case, Case.Status.OPEN, "dunning.resume", reason="", at=at, actor=actor)


def _set(case: Case, status: str, action: str, *, reason: str, at: datetime, actor: str) -> Case:
    case.status = status
    case.save(update_fields=["status"])
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="invoice",
        subject_key=str(case.invoice.number),
        reason=reason,
    )
    return case
