"""What Beat and the outbox ring for: credit notes that pay the next invoice, credits that wait for their payment."""

from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.invoices import purchase
from apps.payments import apply, purchases

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


@shared_task(name="payments.grant_paid_purchases")
def grant_paid_purchases(**_newer: object) -> None:
    """Ring for every paid invoice whose credits wait for that."""
    for invoice_id in purchases.paid_purchases():
        grant_paid.delay(invoice_id=str(invoice_id))


@shared_task(name="payments.grant_paid")
def grant_paid(*, invoice_id: str, **_newer: object) -> None:
    """Grant the credits that one paid invoice sells."""
    purchase.grant_paid(invoice_id=UUID(invoice_id), at=clock.now(), actor=SCHEDULE)
