"""Approving drafts: above an amount of the legal entity's, two people must have seen the draft as it is finalized."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F

from apps.core import audit, db
from apps.core.formats import say_money
from apps.core.money import Money
from apps.invoices.errors import (
    AlreadyFinalized,
    ApprovalMissing,
    DraftChanged,
    Held,
    OwnEdit,
    TotalChanged,
    Voided,
)
from apps.invoices.models import Approval, DraftHold, Invoice

NEEDED = 2


@transaction.atomic(durable=True)
def approve(
    *, invoice_id: UUID, at: datetime, actor: str, seen: Decimal | None = None, edition: int | None = None
) -> Approval:
    """Note that a person approves a draft as it is; of one person twice it counts once.

    `seen` and `edition` are the total and the edition that the person was shown: where the draft comes to something else by
    now, or is of another edition, it is refused. So is whoever changed the draft's lines last, and an invoice that is no draft.
    """
    invoice = (
        Invoice.objects.select_for_update(of=("self",))
        .select_related("customer", "contract")
        .get(pk=invoice_id)
    )
    if invoice.number:
        raise AlreadyFinalized(invoice.number)
    if invoice.status == Invoice.Status.VOID:
        raise Voided(invoice.contract.number)
    if invoice.edited_by == actor:
        raise OwnEdit(invoice.customer.name)
    if seen is not None and seen != invoice.total:
        raise TotalChanged(invoice.customer.name, _money(seen, invoice), _money(invoice.total, invoice))
    if edition is not None and edition != invoice.edition:
        raise DraftChanged(invoice.customer.name)
    approval, is_new = Approval.objects.get_or_create(
        invoice=invoice,
        approved_by=actor,
        total=invoice.total,
        edition=invoice.edition,
        defaults={"approved_at": at},
    )
    if is_new:
        audit.record(
            at=at,
            actor=actor,
            action="invoices.approve",
            subject_type="contract",
            subject_key=invoice.contract.number,
            after={
                "period": f"{invoice.period_start_on} to {invoice.period_end_on}",
                "total": f"{invoice.total:f} {invoice.currency}",
            },
        )
    return approval


def needs_approval(invoice: Invoice) -> bool:
    """Tell whether a draft is above the amount from which two people approve; takes no query with its legal entity at hand."""
    above = invoice.legal_entity.approval_above
    return above is not None and abs(invoice.total) > above


def missing(invoice: Invoice) -> int:
    """Return how many people are still to approve a draft as it is, in one query at most."""
    return missing_approvals([invoice])[invoice.pk]


def missing_approvals(invoices: Sequence[Invoice]) -> dict[UUID, int]:
    """Return how many people are still to approve each draft as it is in memory, in one query at most.

    Approvals of another edition or total do not count, nor does that of who changed the lines last.
    """
    above = {one.pk: (one.total, one.edition) for one in invoices if needs_approval(one)}
    counted: dict[UUID, int] = {}
    if above:
        found = (
            Approval.objects.filter(invoice__in=above)
            .exclude(approved_by=F("invoice__edited_by"))
            .values_list("invoice_id", "total", "edition")
            .annotate(people=Count("approved_by", distinct=True))
            .order_by()
        )
        counted = {pk: people for pk, total, edition, people in found if (total, edition) == above[pk]}
    return {one.pk: max(NEEDED - counted.get(one.pk, 0), 0) if one.pk in above else 0 for one in invoices}


def counts(approval: Approval, invoice: Invoice) -> bool:
    """Tell whether an approval is of the draft as it is, and of somebody who was not the last to change it; takes no query."""
    is_of_it = (approval.total, approval.edition) == (invoice.total, invoice.edition)
    return is_of_it and approval.approved_by != invoice.edited_by


def refuse_undecided(invoices: Sequence[Invoice]) -> None:
    """Refuse the first of these drafts that is held, or that waits for approval at its total of now. A step of finalizing.

    It is called in the transaction that numbers them, after they are rated for the last time, with the invoices locked: no
    way of finalizing gets around it.
    """
    db.require_transaction()
    held = dict(DraftHold.objects.filter(invoice__in=invoices).values_list("invoice_id", "reason"))
    lacking = missing_approvals(invoices)
    for one in invoices:
        if one.pk in held:
            raise Held(one.customer.name, held[one.pk])
        if lacking[one.pk]:
            above = one.legal_entity.approval_above or Decimal(0)
            raise ApprovalMissing(
                one.customer.name, _money(one.total, one), _money(above, one), lacking[one.pk]
            )


def _money(amount: Decimal, invoice: Invoice) -> str:
    return say_money(Money(amount, invoice.currency).rounded())
