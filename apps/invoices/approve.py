"""Approving drafts: above an amount of the legal entity's, two people must have seen the total that is finalized."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import Count

from apps.core import db
from apps.core.money import Money
from apps.invoices.errors import ApprovalMissing
from apps.invoices.models import Approval, Invoice

NEEDED = 2


def needs_approval(invoice: Invoice) -> bool:
    """Tell whether a draft is above the amount from which two people approve; takes no query with its legal entity at hand."""
    above = invoice.legal_entity.approval_above
    return above is not None and abs(invoice.total) > above


def missing_approvals(invoices: Sequence[Invoice]) -> dict[UUID, int]:
    """Return how many people are still to approve each draft at the total that it has in memory, in one query at most."""
    above = {one.pk: one.total for one in invoices if needs_approval(one)}
    counted: dict[UUID, int] = {}
    if above:
        found = Approval.objects.filter(invoice__in=above).values_list("invoice_id", "total").order_by()
        people = found.annotate(people=Count("approved_by", distinct=True))
        counted = {key: many for key, total, many in people if total == above[key]}
    return {one.pk: max(NEEDED - counted.get(one.pk, 0), 0) if one.pk in above else 0 for one in invoices}


def refuse_undecided(invoices: Sequence[Invoice]) -> None:
    """Refuse the first of these drafts that waits for approval at its total of now. A step of finalizing."""
    db.require_transaction()
    lacking = missing_approvals(invoices)
    for one in invoices:
        if lacking[one.pk]:
            above = one.legal_entity.approval_above or Decimal(0)
            raise ApprovalMissing(
                one.customer.name, _money(one.total, one), _money(above, one), lacking[one.pk]
            )


def _money(amount: Decimal, invoice: Invoice) -> str:
    return str(Money(amount, invoice.currency).rounded())
