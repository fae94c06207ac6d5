"""Holding a draft back, so that its review time does not finalize it, and releasing it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.invoices.errors import AlreadyFinalized, ReasonMissing, Voided
from apps.invoices.models import DraftHold, Invoice


@transaction.atomic(durable=True)
def hold(*, invoice_id: UUID, reason: str, at: datetime, actor: str) -> DraftHold:
    """Hold a draft until it is released: nobody finalizes it before. Holding it again changes the reason.

    Who approved it before did not know the reason: their approvals no longer count.
    """
    invoice = _locked(invoice_id)
    if not reason.strip():
        raise ReasonMissing("hold the draft")
    held, _ = DraftHold.objects.update_or_create(
        invoice=invoice, defaults={"reason": reason.strip(), "held_by": actor, "held_at": at}
    )
    invoice.edition += 1
    invoice.save(update_fields=["edition"])
    _record("invoices.hold", invoice, at=at, actor=actor, reason=held.reason)
    return held


@transaction.atomic(durable=True)
def release(*, invoice_id: UUID, at: datetime, actor: str) -> bool:
    """Let a held draft be finalized again, and tell whether it was held; its review time went on meanwhile."""
    invoice = _locked(invoice_id)
    gone, _ = DraftHold.objects.filter(invoice=invoice).delete()
    if gone:
        _record("invoices.release", invoice, at=at, actor=actor)
    return bool(gone)


def _locked(invoice_id: UUID) -> Invoice:
    invoice = (
        Invoice.objects.select_for_update(of=("self",))
        .select_related("customer", "contract")
        .get(pk=invoice_id)
    )
    if invoice.number:
        raise AlreadyFinalized(invoice.number)
    if invoice.status == Invoice.Status.VOID:
        raise Voided(invoice.contract.number)
    return invoice


def _record(action: str, invoice: Invoice, *, at: datetime, actor: str, reason: str = "") -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="contract",
        subject_key=invoice.contract.number,
        reason=reason,
        after={"period": f"{invoice.period_start_on} to {invoice.period_end_on}"},
    )
