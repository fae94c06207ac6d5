"""Credits that wait for their payment: which of the invoices that sell them are paid."""

from uuid import UUID

from apps.invoices import purchase
from apps.payments.models import WriteOff
from apps.payments.queries import open_amounts


def paid_purchases() -> list[UUID]:
    """Return the invoices of which nothing is open and whose credits wait for that, the first finalized first; three queries.

    One that was written off, in full or in part, is not among them: what a customer then still gets, staff decide and give.
    """
    waiting = purchase.unpaid_purchases()
    written_off = set(WriteOff.objects.filter(invoice__in=waiting).values_list("invoice_id", flat=True))
    left = open_amounts([one for one in waiting if one not in written_off])
    return [one for one in waiting if one in left and left[one] <= 0]
