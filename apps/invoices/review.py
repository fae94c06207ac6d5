"""Deciding on drafts: finalizing many, each for itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError

from apps.core.errors import Refusal
from apps.invoices import close, draft, finalize
from apps.invoices.errors import AlreadyFinalized, ApprovalMissing, Held
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


def finalize_or_park(*, invoice_id: UUID, at: datetime, actor: str) -> Invoice | None:
    """Finalize a draft for the schedule: a refusal parks the contract for staff to see; one finalized already is fine.

    One that is held, or that waits for approval, waits on; its total is brought up to date for those who approve it.
    """
    try:
        return finalize.finalize(invoice_id=invoice_id, at=at, actor=actor)
    except (AlreadyFinalized, Held):
        return None
    except ApprovalMissing:
        draft.refresh(invoice_id=invoice_id, at=at, actor=actor)
        return None
    except (OperationalError, InterfaceError):
        raise
    except Exception as problem:  # noqa: BLE001  one draft must not stop the others, whatever is wrong with it
        contract_id = Invoice.objects.values_list("contract_id", flat=True).get(pk=invoice_id)
        close.park(contract_id=contract_id, problem=problem, at=at, actor=actor)
        return None
