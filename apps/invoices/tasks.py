"""What Beat and the outbox ring for: close runs, rendering and mailing; each task calls one action."""

from contextlib import suppress
from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.invoices import publish, queries, run, tax_sales, threshold
from apps.invoices.errors import RunUnderWay
from apps.invoices.verify import of_all

SCHEDULE = "schedule"
_BATCHES_A_TURN = 100


@shared_task(name="invoices.close_due")
def close_due(**_newer: object) -> None:
    """Start a run that drafts what ended, unless one is under way."""
    with suppress(RunUnderWay):
        run.start_drafts(at=clock.now(), actor=SCHEDULE)


@shared_task(name="invoices.finalize_due")
def finalize_due(**_newer: object) -> None:
    """Start a run that finalizes what was reviewed, unless one is under way."""
    with suppress(RunUnderWay):
        run.start_finalize(at=clock.now(), actor=SCHEDULE)


@shared_task(name="invoices.work_on_run")
def work_on_run(*, run_id: str, **_newer: object) -> None:
    """Close contracts of a run until none waits; after many, let other tasks have their turn."""
    for _ in range(_BATCHES_A_TURN):
        if not run.advance(run_id=UUID(run_id), at=clock.now()):
            return
    work_on_run.delay(run_id=run_id)


@shared_task(name="invoices.resume_runs")
def resume_runs(**_newer: object) -> None:
    """Ring for every run and every proof of all that is not finished: its workers may have died."""
    for run_id in run.unfinished():
        work_on_run.delay(run_id=str(run_id))
    for run_id in of_all.unfinished():
        verify_all.delay(run_id=str(run_id))


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


@shared_task(name="invoices.report_tax")
def report_tax(*, invoice_id: str, **_newer: object) -> None:
    """Report one document to the tax service that told its tax."""
    tax_sales.report(invoice_id=UUID(invoice_id), at=clock.now())


@shared_task(name="invoices.report_taxes_left")
def report_taxes_left(**_newer: object) -> None:
    """Report again what a tax service did not take, sales before what was given back of them."""
    for invoice_id in tax_sales.left(at=clock.now()):
        report_tax.delay(invoice_id=str(invoice_id))


@shared_task(name="invoices.bill_so_far")
def bill_so_far(**_newer: object) -> None:
    """Bill running periods of which more was used than their contracts let stand unbilled."""
    threshold.bill_due(at=clock.now(), actor=SCHEDULE)
