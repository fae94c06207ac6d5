"""Following up overdue invoices: cases are opened, remind step by step, and are closed once paid."""

import logging
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction

from apps.core import audit, outbox
from apps.core.periods import local_day
from apps.dunning import policy, queries
from apps.dunning.models import Case, PolicyStep, Reminder
from apps.invoices.models import Invoice
from apps.payments.queries import open_amounts, receivables

log = logging.getLogger(__name__)


def advance(*, at: datetime, actor: str) -> int:
    """Follow up every overdue invoice, each in a transaction of its own; return how many reminders were taken.

    Running it again, or twice at once, takes no step again. A legal entity without a policy gets the default.
    """
    for entity_id in queries.without_policy():
        policy.ensure(legal_entity_id=entity_id, at=at, actor=actor)
    # Local days are ahead of UTC's by one at most; each invoice is judged by its own zone below.
    latest_on = at.date() + timedelta(days=1)
    overdue = [row.invoice_id for row in receivables(today=at.date()) if row.due_on < latest_on]
    live = Case.objects.exclude(status=Case.Status.CLOSED).values_list("invoice_id", flat=True)
    return sum(_followed_up(invoice_id, at=at, actor=actor) for invoice_id in sorted({*overdue, *live}))


def _followed_up(invoice_id: UUID, *, at: datetime, actor: str) -> bool:
    try:
        return follow_up(invoice_id=invoice_id, at=at, actor=actor)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # One invoice must not keep the others from being followed up.
        log.exception("Invoice %s could not be followed up", invoice_id)
        return False


@transaction.atomic(durable=True)
def follow_up(*, invoice_id: UUID, at: datetime, actor: str) -> bool:
    """Bring one invoice's case up to date and tell whether a reminder was taken.

    The case of a paid invoice is closed. Of several steps that have become due, as after downtime, the latest is taken and
    the ones before it are passed over: nobody gets two mails at once. A paused case takes no step.
    """
    # The lock on the invoice lets one caller at a time decide about its case.
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    case = Case.objects.filter(invoice_id=invoice_id).exclude(status=Case.Status.CLOSED).first()
    if open_amounts([invoice_id])[invoice_id] <= 0:
        if case:
            _close(case, at=at, actor=actor)
        return False
    today = local_day(at, invoice.timezone)
    if invoice.due_on is None or today <= invoice.due_on:
        return False
    case = case or _open(invoice, at=at, actor=actor)
    step = _due_step(invoice, case, today)
    if step is None or case.status == Case.Status.PAUSED:
        return False
    _take(case, step, at=at, actor=actor)
    return True


def _open(invoice: Invoice, *, at: datetime, actor: str) -> Case:
    case = Case.objects.create(invoice=invoice, opened_at=at)
    _record(case, "dunning.open", at=at, actor=actor)
    return case


def _close(case: Case, *, at: datetime, actor: str) -> None:
    case.status, case.closed_at = Case.Status.CLOSED, at
    case.save(update_fields=["status", "closed_at"])
    _record(case, "dunning.close", at=at, actor=actor)


def _due_step(invoice: Invoice, case: Case, today: date) -> PolicyStep | None:
    assert invoice.due_on is not None, "a finalized invoice has a due day"
    late = (today - invoice.due_on).days
    step = (
        PolicyStep.objects.filter(policy__legal_entity_id=invoice.legal_entity_id, days_after_due__lte=late)
        .order_by("-days_after_due")
        .first()
    )
    taken = case.reminders.order_by("-days_after_due").values_list("days_after_due", flat=True).first()
    return step if step and (taken is None or step.days_after_due > taken) else None


def _take(case: Case, step: PolicyStep, *, at: datetime, actor: str) -> None:
    reminder = Reminder.objects.create(
        case=case, days_after_due=step.days_after_due, tone=step.tone, taken_at=at
    )
    outbox.enqueue(task="dunning.send_reminder", key=str(reminder.pk), at=at, reminder_id=str(reminder.pk))
    _record(
        case, "dunning.remind", at=at, actor=actor, after={"tone": step.tone, "days": step.days_after_due}
    )


def _record(
    case: Case, action: str, *, at: datetime, actor: str, after: dict[str, object] | None = None
) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="invoice",
        subject_key=str(case.invoice.number),
        after=after,
    )
