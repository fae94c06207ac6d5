"""What Beat and the outbox ring for: credit notes that pay the next invoice; each task calls one action."""

from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.payments import apply

SCHEDULE = "schedule"


@shared_task(name="payments.apply_marked")
def apply_marked(*, invoice_id: str, **_newer: object) -> None:
    """Let credit notes that are meant for the next invoice pay one that was just finalized."""
    apply.apply_marked(invoice_id=UUID(invoice_id), at=clock.now(), actor=SCHEDULE)


@shared_task(name="payments.apply_waiting")
def apply_waiting(**_newer: object) -> None:
    """Ring again for invoices that a credit note is meant for and has not paid."""
    for invoice_id in apply.waiting():
        apply_marked.delay(invoice_id=str(invoice_id))
