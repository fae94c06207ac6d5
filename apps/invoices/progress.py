"""How far a close run is: for pages that show it live, and the command that waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Max, Sum

from apps.core.money import Money
from apps.invoices.models import CloseRun, CloseTask, Invoice, ParkedClose

_STATUS = CloseTask.Status
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A contract of a run that was parked, and why."""

    contract_id: UUID
    contract_number: str
    customer_key: str
    customer_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: its contracts by what became of them, and the invoices that it drafted or finalized."""

    run: CloseRun
    waiting: int
    done: int
    parked: int
    invoices: int
    totals: tuple[Money, ...]
    # Contracts a second since it began.
    rate: Decimal
    stopped: tuple[Stopped, ...]

    @property
    def contracts(self) -> int:
        """Return how many contracts the run is of."""
        return self.waiting + self.done + self.parked

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of it waits."""
        return not self.waiting


def run_progress(run: CloseRun, *, at: datetime, most_reasons: int = 20) -> Progress:
    """Return how far a run is at an instant, in three queries however many its contracts are."""
    counted = (
        run.tasks.order_by().values_list("status").annotate(Count("id"), Sum("invoices"), Max("done_at"))
    )
    by_status = {status: row for status, *row in counted}
    many = {status: by_status[status][0] if status in by_status else 0 for status in _STATUS.values}
    last_at = max((row[2] for row in by_status.values() if row[2]), default=run.started_at)
    until = last_at if run.finished_at or not many[_STATUS.WAITING] else at
    seconds = max((until - run.started_at) // _SECOND, 1)
    return Progress(
        run=run,
        waiting=many[_STATUS.WAITING],
        done=many[_STATUS.DONE],
        parked=many[_STATUS.PARKED],
        invoices=sum(row[1] for row in by_status.values()),
        totals=_totals(run),
        rate=(Decimal(many[_STATUS.DONE] + many[_STATUS.PARKED]) / seconds).quantize(Decimal("0.1")),
        stopped=_stopped(run, most_reasons),
    )


def latest(*, step: CloseRun.Step | None = None, legal_entity_id: UUID | None = None) -> CloseRun | None:
    """Return the run that was started last, of a step and of a legal entity if they are named; one query."""
    found = CloseRun.objects.all()
    if step is not None:
        found = found.filter(step=step)
    if legal_entity_id is not None:
        found = found.filter(legal_entity=legal_entity_id)
    return found.order_by("-started_at").first()


def _totals(run: CloseRun) -> tuple[Money, ...]:
    """Return what the run's invoices come to: those of its contracts that were drafted, or finalized, since it began."""
    instant = "drafted_at" if run.step == CloseRun.Step.DRAFT else "finalized_at"
    found = Invoice.objects.filter(
        **{f"{instant}__gte": run.started_at},
        contract__in=run.tasks.filter(invoices__gt=0).values("contract"),
    ).exclude(kind=Invoice.Kind.CREDIT_NOTE)
    summed = found.order_by("currency").values_list("currency").annotate(Sum("total"))
    return tuple(Money(total, currency).rounded() for currency, total in summed)


def _stopped(run: CloseRun, most: int) -> tuple[Stopped, ...]:
    parked = ParkedClose.objects.filter(
        contract__in=run.tasks.filter(status=_STATUS.PARKED).values("contract")
    )
    rows: Sequence[tuple[UUID, str, str, str, str]] = list(
        parked.order_by("contract__number").values_list(
            "contract_id", "contract__number", "contract__customer__key", "contract__customer__name", "reason"
        )[:most]
    )
    return tuple(Stopped(*row) for row in rows)
