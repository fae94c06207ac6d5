"""What customers have left of payments and credit notes, and what is owed back of them, as rows."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from apps.core.money import Money
from apps.invoices.models import Invoice
from apps.payments import balances
from apps.payments.models import Payment, Refund

_MOST = 200


@dataclass(frozen=True, slots=True)
class LeftRow:
    """A payment or credit note of which something is left."""

    id: UUID
    name: str
    customer_key: str
    customer_name: str
    on: date
    left: Money
    is_credit_note: bool
    waits_for: str


@dataclass(frozen=True, slots=True)
class RefundRow:
    """What is owed back, or was paid back."""

    refund: Refund
    name: str
    amount: Money


def left_rows(*, customer_id: UUID | None = None) -> list[LeftRow]:
    """Return payments and credit notes of which something is left, the oldest first; two queries."""
    payments = _of(balances.payments_left(), customer_id).order_by("received_on")
    notes = _of(balances.notes_left(), customer_id).order_by("issued_on")
    rows = [
        *(_left_row(one, one.reference, one.received_on) for one in payments[:_MOST]),
        *(_left_row(one, str(one.number), one.issued_on) for one in notes[:_MOST]),
    ]
    return sorted(rows, key=lambda row: (row.on, row.name))


def refund_rows(*, customer_id: UUID | None = None) -> list[RefundRow]:
    """Return what is owed back first, then what was paid back, the newest first; one query."""
    found = Refund.objects.select_related("customer", "payment", "credit_note").defer("credit_note__snapshot")
    if customer_id is not None:
        found = found.filter(customer=customer_id)
    ordered = found.order_by(F("paid_on").desc(nulls_first=True), "-owed_on", "pk")
    return [
        RefundRow(one, str(one.payment or one.credit_note), Money(one.amount, one.currency).rounded())
        for one in ordered[:_MOST]
    ]


def _of(found: QuerySet[Any], customer_id: UUID | None) -> QuerySet[Any]:
    some = found.filter(left__gt=0).select_related("customer")
    return some if customer_id is None else some.filter(customer=customer_id)


def _left_row(one: Payment | Invoice, name: str, on: date) -> LeftRow:
    left: Decimal = one.left  # type: ignore[union-attr]  # annotated
    is_note = isinstance(one, Invoice)
    is_for_next = isinstance(one, Invoice) and one.remainder == Invoice.Remainder.NEXT_INVOICE
    return LeftRow(
        id=one.pk,
        name=name,
        customer_key=one.customer.key,
        customer_name=one.customer.name,
        on=on,
        left=Money(left, one.currency).rounded(),
        is_credit_note=is_note,
        waits_for="the next invoice" if is_for_next else "",
    )
