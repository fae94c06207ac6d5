"""Deciding on drafts: finalizing many, each for itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.core.errors import Refusal
from apps.invoices import draft, finalize
from apps.invoices.errors import ApprovalMissing
from apps.invoices.models import Invoice


@dataclass(frozen=True, slots=True)
class Refused:
    """A draft that stayed one, and why."""

    invoice_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What became of the drafts."""

    finalized: tuple[Invoice, ...]
    refused: tuple[Refused, ...]


def finalize_many(*, invoice_ids: Sequence[UUID], at: datetime, actor: str) -> Reviewed:
    """Finalize the drafts, the oldest period first, each in a transaction of its own; a refusal stops no other.

    One that waits for approval is left as it is rated now, since that is the total to approve.
    """
    order = Invoice.objects.filter(pk__in=invoice_ids).order_by("period_start_on", "id")
    done: list[Invoice] = []
    refused: list[Refused] = []
    for invoice_id in list(order.values_list("pk", flat=True)):
        try:
            done.append(finalize.finalize(invoice_id=invoice_id, at=at, actor=actor))
        except Refusal as reason:
            refused.append(Refused(invoice_id, str(reason)))
            if isinstance(reason, ApprovalMissing):
                draft.refresh(invoice_id=invoice_id, at=at, actor=actor)
    return Reviewed(tuple(done), tuple(refused))
