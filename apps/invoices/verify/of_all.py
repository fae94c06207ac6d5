"""Proving all invoices in the background, for staff who ask for it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit, outbox
from apps.invoices.models import Invoice, VerifyRun
from apps.invoices.verify.run import one_consistent_state, verify_or_tell
from apps.invoices.verify.sealed import broken_chains
from apps.usage.archives import configured

# So many problems are kept in words; all are counted.
MOST_TOLD = 200
_A_TURN = 20


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


def carry_out(*, run_id: UUID, at: datetime) -> None:
    """Prove what is left of a run's documents, turn by turn; if a worker dies, whoever comes next goes on where it was."""
    while _take_turn(run_id, at):
        pass


def unfinished() -> list[UUID]:
    """Return the proofs that are not at their end, the oldest first."""
    found = VerifyRun.objects.filter(finished_at=None).order_by("started_at")
    return list(found.values_list("pk", flat=True))


@transaction.atomic
def _take_turn(run_id: UUID, at: datetime) -> bool:
    """Prove the next documents and note what is found; tell whether some are left for this worker."""
    one_consistent_state()
    run = VerifyRun.objects.select_for_update(skip_locked=True).filter(pk=run_id, finished_at=None).first()
    if run is None:
        return False
    archives = configured()
    found = Invoice.objects.filter(status=Invoice.Status.FINALIZED, finalized_at__lte=run.started_at)
    ids = found.order_by("number").values_list("pk", flat=True)[run.checked : run.documents]
    for invoice_id in list(ids[:_A_TURN]):
        one = verify_or_tell(invoice_id=invoice_id, archives=archives)
        run.checked += 1
        if one.archived:
            _tell_once(run, one.not_provable)
        run.events += one.events
        run.waiting_count += len(one.waiting)
        _note(run, [(one.number, finding.problem) for finding in one.findings])
    is_done = not ids[_A_TURN:].exists()
    if is_done:
        _note(run, [(gap.prefix, gap.problem) for gap in broken_chains()])
        run.finished_at = at
    run.save()
    return not is_done


def _tell_once(run: VerifyRun, text: str) -> None:
    """Say what could not be proven, which is no problem that was found."""
    if ["Archive", text] not in run.problems:
        run.problems = [["Archive", text], *run.problems]


def _note(run: VerifyRun, problems: list[tuple[str, str]]) -> None:
    run.problem_count += len(problems)
    run.problems = [*run.problems, *map(list, problems)][:MOST_TOLD]
