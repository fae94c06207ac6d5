"""Closing the months of a legal entity's books: soft-closed, opened again, and locked for good."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit, db
from apps.customers.models import LegalEntity
from apps.ledger.errors import MonthNotClosable, ReasonMissing
from apps.ledger.models import AccountingPeriod
from apps.ledger.post import month_after

_STATUS = AccountingPeriod.Status


@transaction.atomic(durable=True)
def soft_close(*, legal_entity_id: UUID, month: date, at: datetime, actor: str) -> AccountingPeriod:
    """Close an open month for all but staff: what is dated in it is posted on the first day of the next open month.

    Refuses a month that is not over (its days are those of UTC), and one that is not open.
    """
    periods = _locked_up_to(legal_entity_id, month)
    closed = periods[-1]
    if at.date() < month_after(closed.starts_on):
        raise MonthNotClosable(
            closed.starts_on, f"is not over. Close it from {month_after(closed.starts_on)} on."
        )
    if closed.status != _STATUS.OPEN:
        raise MonthNotClosable(closed.starts_on, f"is {closed.get_status_display().lower()} already.")
    return _changed(closed, _STATUS.SOFT_CLOSED, at=at, actor=actor)


@transaction.atomic(durable=True)
def lock(*, legal_entity_id: UUID, month: date, at: datetime, actor: str) -> AccountingPeriod:
    """Lock a soft-closed month for good: nothing is posted to it any more, by anybody.

    Refuses a month that is not soft-closed, or with an earlier one that is not locked; months without an entry before the first
    one are locked with it.
    """
    periods = _locked_up_to(legal_entity_id, month)
    locked = periods[-1]
    if locked.status == _STATUS.LOCKED:
        raise MonthNotClosable(locked.starts_on, "is locked already.")
    if locked.status == _STATUS.OPEN:
        raise MonthNotClosable(locked.starts_on, "is open. Soft-close it first, and look at its reports.")
    before = next((one for one in periods if one.status != _STATUS.LOCKED), locked)
    if before is not locked:
        raise MonthNotClosable(locked.starts_on, f"is not the next one to lock. Lock {before} first.")
    return _changed(locked, _STATUS.LOCKED, at=at, actor=actor)


@transaction.atomic(durable=True)
def reopen(*, legal_entity_id: UUID, month: date, reason: str, at: datetime, actor: str) -> AccountingPeriod:
    """Open a soft-closed month again, with the reason; a locked one stays locked, whoever asks."""
    opened = _locked_up_to(legal_entity_id, month)[-1]
    if opened.status == _STATUS.LOCKED:
        raise MonthNotClosable(
            opened.starts_on, "is locked for good. Correct it by an entry in an open month."
        )
    if opened.status == _STATUS.OPEN:
        raise MonthNotClosable(opened.starts_on, "is open.")
    if not reason.strip():
        raise ReasonMissing(f"{opened} is opened again")
    return _changed(opened, _STATUS.OPEN, at=at, actor=actor, reason=reason.strip())


def _locked_up_to(legal_entity_id: UUID, month: date) -> list[AccountingPeriod]:
    """Return the months from the first one with books up to `month`, all locked against entries until the commit."""
    db.require_transaction()
    entity = LegalEntity.objects.select_for_update(no_key=True).get(pk=legal_entity_id)
    month = month.replace(day=1)
    of_entity = AccountingPeriod.objects.filter(legal_entity=entity, starts_on__lte=month)
    first = of_entity.order_by("starts_on").values_list("starts_on", flat=True).first() or month
    periods = []
    while first <= month:
        # One after the other, the earliest first, as those that post take them: so nobody waits for each other.
        AccountingPeriod.objects.bulk_create(
            [AccountingPeriod(legal_entity=entity, starts_on=first)], ignore_conflicts=True
        )
        periods.append(of_entity.select_for_update().get(starts_on=first))
        first = month_after(first)
    return periods


def _changed(
    period: AccountingPeriod, status: AccountingPeriod.Status, *, at: datetime, actor: str, reason: str = ""
) -> AccountingPeriod:
    before, period.status = period.status, status
    period.save(update_fields=["status"])
    audit.record(
        at=at,
        actor=actor,
        action=f"ledger.{'reopen' if status == _STATUS.OPEN else 'lock' if status == _STATUS.LOCKED else 'soft_close'}",
        subject_type="accounting period",
        subject_key=f"{period.legal_entity.key} {period.starts_on:%Y-%m}",
        before={"status": before},
        after={"status": status.value},
        reason=reason,
    )
    return period
