"""Close runs: many contracts drafted, or their drafts finalized, by any number of workers, from one list that survives them.

A run is a row a contract. A worker takes some that nobody else is at, closes them and notes it in one transaction; if it dies,
they wait again for whoever comes next. What stops a batch is found by halving it, and parked; the others go on. Outside tax services are
asked between transactions, contract by contract.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Exists, OuterRef

from apps.contracts.models import Contract
from apps.core import audit, db, outbox
from apps.core.errors import Refusal
from apps.credits.errors import GrantOverdrawn
from apps.customers.models import LegalEntity
from apps.invoices import close, draft, finalize, queries, tax_answers
from apps.invoices.compose import OF_A_DAY
from apps.invoices.errors import AlreadyFinalized, ApprovalMissing, Held, RunUnderWay, Voided
from apps.invoices.models import CloseRun, CloseTask, Invoice
from apps.invoices.tax_asked import TaxToAsk

# What one transaction closes: enough to make its statements cheap, few enough to hold usage of these customers back but briefly.
BATCH = 50
_FOR_EACH_WORKER = 500
_MOST_WORKERS = 16
_ALL = 10**9
_ONE_ACTIVE = "one_active_run_a_step_and_legal_entity"
# Refusals after which a draft is left as it is: it waits for people, or somebody has decided on it.
_FOR_PEOPLE = (ApprovalMissing, Held)
_LEFT = (AlreadyFinalized, Voided, *_FOR_PEOPLE)
# What may be over when a contract is closed again by itself: a tax service is asked, credits that another one drew are counted
# anew, and a statement finds its locks free.
_PASSING = (TaxToAsk, GrantOverdrawn, OperationalError)
_MORE_TRIES = 2
_STATUS = CloseTask.Status


def start_drafts(*, at: datetime, actor: str, legal_entity: LegalEntity | None = None) -> CloseRun | None:
    """Begin to draft what ended by `at` and has no invoice, of a legal entity or of all; None where there is nothing.

    Refuses to while another run drafts for the same.
    """
    ids = due_to_draft(at=at, legal_entity=legal_entity)
    return _start(CloseRun.Step.DRAFT, dict.fromkeys(ids, ()), legal_entity, at=at, actor=actor)


def due_to_draft(*, at: datetime, legal_entity: LegalEntity | None = None) -> list[UUID]:
    """Return the contracts that a run begun at `at` drafts, of a legal entity or of all; six queries at most."""
    ids = queries.due_to_close(at=at)
    if legal_entity is None:
        return ids
    found = Contract.objects.filter(pk__in=ids, customer__legal_entity=legal_entity)
    return list(found.values_list("pk", flat=True))


def start_finalize(
    *,
    at: datetime,
    actor: str,
    legal_entity: LegalEntity | None = None,
    invoice_ids: Sequence[UUID] | None = None,
) -> CloseRun | None:
    """Begin to finalize drafts: those chosen, or else all whose review time is over by `at` and that wait for no approval.

    None where there are none. Refuses to while another run finalizes for the same.
    """
    drafts = Invoice.objects.filter(status=Invoice.Status.DRAFT)
    ids = queries.due_to_finalize(at=at, most=_ALL) if invoice_ids is None else invoice_ids
    found = drafts.filter(pk__in=ids)
    if legal_entity is not None:
        found = found.filter(legal_entity=legal_entity)
    of_contract: dict[UUID, list[UUID]] = {}
    for contract_id, invoice_id in found.values_list("contract_id", "pk"):
        of_contract.setdefault(contract_id, []).append(invoice_id)
    return _start(CloseRun.Step.FINALIZE, of_contract, legal_entity, at=at, actor=actor)


def advance(*, run_id: UUID, at: datetime, most: int = BATCH) -> int:
    """Close the next contracts of a run, and return how many; 0 when nothing waits that no other worker is at.

    Whoever finds nothing waiting at all ends the run. What cannot be closed is parked, for staff to see and close again; what the
    database stopped, such as a statement that took too long, once it stopped it alone a few times. A lost connection is not
    parked but raised.
    """
    run = CloseRun.objects.get(pk=run_id)
    if run.finished_at is not None:
        return 0
    closed = _work(run, None, at, most)
    if not closed:
        _finish(run, at)
    return closed


def unfinished() -> list[UUID]:
    """Return the runs of which something may wait, the oldest first."""
    return list(CloseRun.objects.filter(finished_at=None).order_by("started_at").values_list("pk", flat=True))


@transaction.atomic(durable=True)
def _start(
    step: CloseRun.Step,
    chosen: Mapping[UUID, Sequence[UUID]],
    legal_entity: LegalEntity | None,
    *,
    at: datetime,
    actor: str,
) -> CloseRun | None:
    """Write down a run of these contracts, each with the drafts that are chosen of it, and ring for workers."""
    if not chosen:
        return None
    run = CloseRun(step=step, legal_entity=legal_entity, started_by=actor, started_at=at)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError as problem:
        if _ONE_ACTIVE not in str(problem):
            raise
        raise RunUnderWay(run.get_step_display()) from problem
    CloseTask.objects.bulk_create(
        [CloseTask(run=run, contract_id=key, drafts=list(drafts)) for key, drafts in chosen.items()],
        batch_size=2000,
    )
    audit.record(
        at=at,
        actor=actor,
        action="invoices.start_run",
        subject_type="close run",
        subject_key=str(run),
        after={"step": run.step, "contracts": len(chosen)},
    )
    workers = min(-(-len(chosen) // _FOR_EACH_WORKER), _MOST_WORKERS)
    outbox.enqueue_many(
        task="invoices.work_on_run",
        at=at,
        messages=[(f"{run.pk}:{nth}", {"run_id": str(run.pk)}) for nth in range(workers)],
    )
    return run


def _work(run: CloseRun, task_ids: Sequence[UUID] | None, at: datetime, most: int) -> int:
    """Close the next of a run, or those of the tasks that still wait, in one transaction; halve what cannot be done."""
    taken: list[CloseTask] = []
    try:
        with transaction.atomic(durable=True):
            taken += _take(run, task_ids, most)
            if taken:
                _close(run, taken, at)
    except Exception as problem:  # one contract must not stop the others
        if not taken or db.is_away(problem):
            raise
        if len(taken) == 1:
            _alone(run, taken[0], problem, at)
        for part in _halves(taken):
            _work(run, [task.pk for task in part], at, most)
    return len(taken)


def _halves(tasks: Sequence[CloseTask]) -> list[Sequence[CloseTask]]:
    middle = len(tasks) // 2
    return [tasks[:middle], tasks[middle:]] if middle else []


def _alone(run: CloseRun, task: CloseTask, problem: Exception, at: datetime) -> None:
    """Close a contract again, a few times, if what stopped it may be over by then; else set it aside."""
    for _ in range(_MORE_TRIES):
        if not isinstance(problem, _PASSING):
            break
        try:
            _close_asking(run, task, at=at)
        except Exception as other:  # the others go on, whatever is wrong with it
            if db.is_away(other):
                raise
            problem = other
        else:
            return
    _set_aside(run, task, problem, at)


@tax_answers.asks_first
@transaction.atomic(durable=True)
def _close_asking(run: CloseRun, task: CloseTask, *, at: datetime) -> None:
    if taken := _take(run, [task.pk], 1):
        _close(run, taken, at)


def _take(run: CloseRun, task_ids: Sequence[UUID] | None, most: int) -> list[CloseTask]:
    """Lock waiting tasks that no other worker is at, no two of one customer or one family.

    What one of those bills makes a difference to the other; the others wait for the next round.
    """
    waiting = CloseTask.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        run=run, status=_STATUS.WAITING
    )
    if task_ids is not None:
        waiting = waiting.filter(pk__in=task_ids)
    taken: list[CloseTask] = []
    seen: set[UUID] = set()
    for task in waiting.select_related("contract").order_by("pk")[:most]:
        kin = {task.contract.customer_id, task.contract.parent_id or task.contract.pk}
        if seen.isdisjoint(kin):
            taken.append(task)
            seen |= kin
    return taken


def _close(run: CloseRun, tasks: Sequence[CloseTask], at: datetime) -> None:
    """Make each contract's next draft, or finalize its next, and note it; a contract with more to do waits for the next round."""
    if run.step == CloseRun.Step.DRAFT:
        ids = [task.contract_id for task in tasks]
        made = draft.draft_each(ids, at=at, actor=run.started_by)
        close.release(ids, at=at, actor=run.started_by)
        going_on = {invoice.contract_id for invoice in made if draft.goes_on(invoice, at=at)}
    else:
        oldest = _oldest_drafts(tasks)
        made = finalize.finalize_each([ids[0] for ids in oldest.values()], at=at, actor=run.started_by)
        going_on = {contract_id for contract_id, ids in oldest.items() if len(ids) > 1}
    _note(tasks, {invoice.contract_id for invoice in made}, going_on, at)


def _oldest_drafts(tasks: Sequence[CloseTask]) -> dict[UUID, list[UUID]]:
    """Return the chosen drafts of each contract that still are, in the order in which they are finalized; one query."""
    chosen = [invoice_id for task in tasks for invoice_id in task.drafts]
    found = Invoice.objects.filter(pk__in=chosen, status=Invoice.Status.DRAFT)
    # What is billed of a period before its end was drafted before, and is taken off the period's own invoice.
    drafts: dict[UUID, list[UUID]] = {}
    for contract_id, invoice_id in found.order_by("period_start_on", "pk").values_list("contract_id", "pk"):
        drafts.setdefault(contract_id, []).append(invoice_id)
    return drafts


def _note(
    tasks: Sequence[CloseTask], made: Collection[UUID], going_on: Collection[UUID], at: datetime
) -> None:
    for task in tasks:
        task.invoices += task.contract_id in made
        if task.contract_id not in going_on:
            task.status, task.done_at = _STATUS.DONE, at
    db.update_rows(tasks, ["status", "done_at", "invoices"])


def _set_aside(run: CloseRun, task: CloseTask, problem: Exception, at: datetime) -> None:
    """Park the contract of a task; a draft that is finalized already, or waits for people, is left as it is."""
    is_left = isinstance(problem, _LEFT)
    waits = isinstance(problem, _FOR_PEOPLE)
    drafts = _oldest_drafts([task]).get(task.contract_id, [])
    with transaction.atomic(durable=True):
        held = _take(run, [task.pk], 1)
        if held and not is_left:
            close.set_aside(contract_id=task.contract_id, problem=problem, at=at, actor=run.started_by)
        for one in held:
            one.drafts = (_beside(drafts) if waits else drafts) if is_left else one.drafts
            if not (is_left and one.drafts):
                one.status, one.done_at = _STATUS.DONE if is_left else _STATUS.PARKED, at
            one.save(update_fields=["status", "done_at", "drafts"])
    if isinstance(problem, ApprovalMissing) and drafts:
        # What it comes to now is what people are to approve.
        with suppress(Refusal):
            draft.refresh(invoice_id=drafts[0], at=at, actor=run.started_by)


def _beside(drafts: Sequence[UUID]) -> list[UUID]:
    """Return those of a contract's drafts that need not wait for the first: an invoice of its own day waits for none, nor any for it."""
    of_a_day = set(Invoice.objects.filter(pk__in=drafts, kind__in=OF_A_DAY).values_list("pk", flat=True))
    return [one for one in drafts[1:] if one in of_a_day or drafts[0] in of_a_day]


@transaction.atomic(durable=True)
def _finish(run: CloseRun, at: datetime) -> None:
    """End a run of which nothing waits."""
    waiting = CloseTask.objects.filter(run=OuterRef("pk"), status=_STATUS.WAITING)
    ended = CloseRun.objects.filter(~Exists(waiting), pk=run.pk, finished_at=None).update(finished_at=at)
    if ended:
        counted = Counter(run.tasks.order_by().values_list("status", flat=True))
        audit.record(
            at=at,
            actor=run.started_by,
            action="invoices.finish_run",
            subject_type="close run",
            subject_key=str(run),
            after=dict(counted),
        )
