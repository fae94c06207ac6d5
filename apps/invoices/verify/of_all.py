"""Proving all invoices in the background, for staff who ask for it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit, outbox
from apps.invoices.models import Invoice, VerifyRun
from apps.invoices.verify.run import verify
from apps.invoices.verify.sealed import broken_chains

# So many problems are kept in words; all are counted.
MOST_TOLD = 200
_NOTE_EVERY = 20


@transaction.atomic(durable=True)
def start(*, at: datetime, actor: str) -> VerifyRun:
    """Ask for a proof of all finalized documents."""
    run = VerifyRun.objects.create(
        started_at=at,
        started_by=actor,
        documents=Invoice.objects.filter(status=Invoice.Status.FINALIZED, finalized_at__lte=at).count(),
    )
    audit.record(at=at, actor=actor, action="invoices.verify", subject_type="proof", subject_key=str(run.pk))
    outbox.enqueue(task="invoices.verify_all", key=str(run.pk), at=at, run_id=str(run.pk))
    return run


def carry_out(*, run_id: UUID, at: datetime) -> VerifyRun:
    """Prove the documents of a run and note what is found as it goes; from the beginning, if it was stopped before."""
    run = VerifyRun.objects.get(pk=run_id)
    if run.finished_at is not None:
        return run
    run.checked = run.events = run.problem_count = run.waiting_count = 0
    run.problems = []
    found = Invoice.objects.filter(status=Invoice.Status.FINALIZED, finalized_at__lte=run.started_at)
    for invoice_id in list(found.order_by("number").values_list("pk", flat=True)):
        one = verify(invoice_id=invoice_id)
        run.checked += 1
        run.events += one.events
        run.waiting_count += len(one.waiting)
        _note(run, [(one.number, finding.problem) for finding in one.findings])
        if run.checked % _NOTE_EVERY == 0:
            run.save()
    _note(run, [(gap.prefix, gap.problem) for gap in broken_chains()])
    run.finished_at = at
    run.save()
    return run


def _note(run: VerifyRun, problems: list[tuple[str, str]]) -> None:
    run.problem_count += len(problems)
    run.problems = [*run.problems, *map(list, problems)][:MOST_TOLD]
