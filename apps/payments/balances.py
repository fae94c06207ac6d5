"""The balance of a customer: its money that pays no invoice yet, and what it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import DecimalField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from apps.core.digits import MONEY
from apps.core.money import Money
from apps.invoices.models import Invoice
from apps.payments.models import Allocation, Payment, Refund

_BALANCES = """
    SELECT currency, sum(amount) FROM (
        SELECT currency, amount FROM payments_payment WHERE customer_id = %(customer)s
        UNION ALL SELECT currency, -total FROM invoices_invoice
         WHERE customer_id = %(customer)s AND kind = 'credit_note' AND status = 'finalized'
        UNION ALL SELECT i.currency, -a.amount FROM payments_allocation a JOIN invoices_invoice i ON i.id = a.invoice_id
         WHERE i.customer_id = %(customer)s AND a.write_off_id IS NULL
        UNION ALL SELECT currency, -amount FROM payments_refund WHERE customer_id = %(customer)s
    ) AS moved GROUP BY currency HAVING sum(amount) <> 0 ORDER BY currency
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A payment or a credit note of which something is left; `on` is its day."""

    what: Payment | Invoice
    left: Decimal

    @property
    def on(self) -> date:
        """Return the day that the money came, or the credit note was issued."""
        if isinstance(self.what, Payment):
            return self.what.received_on
        assert self.what.issued_on, "a credit note has a day"
        return self.what.issued_on

    @property
    def legal_entity_id(self) -> UUID:
        """Return whose books it is in; a payment in those of its customer's, which a customer with a balance keeps."""
        return (self.what if isinstance(self.what, Invoice) else self.what.customer).legal_entity_id

    @property
    def is_credit_note(self) -> bool:
        """Tell whether it is a credit note."""
        return isinstance(self.what, Invoice)


def balances(customer_id: UUID) -> dict[str, Money]:
    """Return payments and credit notes less what they pay and what is refunded of them, by currency; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, {"customer": customer_id})
        return {currency: Money(amount, currency).rounded() for currency, amount in cursor.fetchall()}


def sources(customer_id: UUID, *, currency: str = "") -> list[Source]:
    """Return what a customer's balance is made of, the oldest first; two queries."""
    payments = payments_left().filter(customer=customer_id, left__gt=0).select_related("customer")
    notes = notes_left().filter(customer=customer_id, left__gt=0).select_related("customer", "legal_entity")
    if currency:
        payments, notes = payments.filter(currency=currency), notes.filter(currency=currency)
    found = [
        *(Source(one, one.left) for one in notes),
        *(Source(one, one.left) for one in payments),
    ]
    return sorted(found, key=lambda one: (one.on, one.what.pk))


def sources_for(invoice: Invoice) -> list[Source]:
    """Return what of its customer's balance can pay an invoice: its currency, in its legal entity's books; two queries."""
    return [
        one
        for one in sources(invoice.customer_id, currency=invoice.currency)
        if one.legal_entity_id == invoice.legal_entity_id
    ]


def payments_left() -> QuerySet[Any]:
    """Return payments with `left`, what of them pays no invoice and is not refunded."""
    return Payment.objects.annotate(left=F("amount") - _used("payment"))


def notes_left() -> QuerySet[Any]:
    """Return credit notes with `left`, what of them pays no invoice and is not refunded."""
    notes = Invoice.objects.filter(kind=Invoice.Kind.CREDIT_NOTE, status=Invoice.Status.FINALIZED)
    left = -F("total") - _used("credit_note")
    return notes.defer("snapshot").annotate(left=left)


def left_of(note: Invoice) -> Decimal:
    """Return what is left of a credit note; one query."""
    found: Decimal | None = notes_left().filter(pk=note.pk).values_list("left", flat=True).first()
    return found or Decimal(0)


def used_of(note: Invoice) -> tuple[Sequence[Allocation], Sequence[Refund]]:
    """Return the invoices that a credit note pays, and what of it is refunded; two queries."""
    allocations = Allocation.objects.filter(credit_note=note).select_related("invoice")
    return (
        list(allocations.defer("invoice__snapshot").order_by("allocated_at", "id")),
        list(Refund.objects.filter(credit_note=note)),
    )


def _used(source: str) -> CombinedExpression:
    return _sum(Allocation.objects.all(), source) + _sum(Refund.objects.all(), source)


def _sum(found: QuerySet[Any], source: str) -> Coalesce:
    summed = (
        found.filter(**{source: OuterRef("pk")})
        .order_by()
        .values(source)
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    return Coalesce(Subquery(summed), Decimal(0), output_field=DecimalField(**MONEY))
