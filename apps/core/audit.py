"""The trail of who changed what."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from apps.core import db
from apps.core.models import AuditEntry


def record(
    *,
    at: datetime,
    actor: str,
    action: str,
    subject_type: str,
    subject_key: str,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Add one entry to the audit trail, inside the transaction of the change that it tells of."""
    record_all(
        [
            entry(
                at=at,
                actor=actor,
                action=action,
                subject_type=subject_type,
                subject_key=subject_key,
                reason=reason,
                before=before,
                after=after,
            )
        ]
    )


def entry(
    *,
    at: datetime,
    actor: str,
    action: str,
    subject_type: str,
    subject_key: str,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Return an entry of the audit trail, for `record_all` to add."""
    return AuditEntry(
        at=at,
        actor=actor,
        action=action,
        subject_type=subject_type,
        subject_key=subject_key,
        reason=reason,
        before=dict(before or {}),
        after=dict(after or {}),
    )


def record_all(entries: Sequence[AuditEntry]) -> None:
    """Add many entries in one statement, inside the transaction of the changes that they tell of."""
    db.require_transaction()
    AuditEntry.objects.bulk_create(entries)


def latest_actions(*, subject_type: str) -> dict[str, str]:
    """Return what was done last to each thing of a type, by its key; one query."""
    found = AuditEntry.objects.filter(subject_type=subject_type).order_by("subject_key", "-at", "-id")
    return dict(found.distinct("subject_key").values_list("subject_key", "action"))
