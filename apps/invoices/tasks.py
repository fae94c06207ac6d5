"""What Beat and the outbox ring for: closing, finalizing, rendering and mailing; each task calls one action."""

from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.invoices import close, publish, queries, review
from apps.invoices.verify import of_all

SCHEDULE = "schedule"


@shared_task(name="invoices.close_due")
def close_due(**_newer: object) -> None:
    """Send a close for every contract with a finished period that has no invoice."""
    for contract_id in queries.due_to_close(at=clock.now()):
        close_contract.delay(contract_id=str(contract_id))


@shared_task(name="invoices.close_contract")
def close_contract(*, contract_id: str, **_newer: object) -> None:
    """Draft the finished periods of one contract."""
    close.close_contract(contract_id=UUID(contract_id), at=clock.now(), actor=SCHEDULE)


@shared_task(name="invoices.finalize_due")
def finalize_due(**_newer: object) -> None:
    """Send a finalize for every draft whose review time is over."""
    for invoice_id in queries.due_to_finalize(at=clock.now()):
        finalize_draft.delay(invoice_id=str(invoice_id))


@shared_task(name="invoices.finalize_draft")
def finalize_draft(*, invoice_id: str, **_newer: object) -> None:
    """Finalize one draft; a refusal parks its contract."""
    review.finalize_or_park(invoice_id=UUID(invoice_id), at=clock.now(), actor=SCHEDULE)


@shared_task(name="invoices.render_pdf")
def render_pdf(*, invoice_id: str, **_newer: object) -> None:
    """Render one finalized invoice."""
    publish.render_pdf(invoice_id=UUID(invoice_id), at=clock.now(), actor=SCHEDULE)


@shared_task(name="invoices.send")
def send(*, invoice_id: str, **_newer: object) -> None:
    """Mail one rendered invoice."""
    publish.send(invoice_id=UUID(invoice_id), at=clock.now(), actor=SCHEDULE)


@shared_task(name="invoices.render_missing")
def render_missing(**_newer: object) -> None:
    """Send again what was left unrendered or unsent."""
    at = clock.now()
    for invoice_id in queries.left_unrendered(at=at):
        render_pdf.delay(invoice_id=str(invoice_id))
    for invoice_id in queries.left_unsent(at=at):
        send.delay(invoice_id=str(invoice_id))


@shared_task(name="invoices.verify_all")
def verify_all(*, run_id: str, **_newer: object) -> None:
    """Prove all finalized documents for a run that staff asked for."""
    of_all.carry_out(run_id=UUID(run_id), at=clock.now())
