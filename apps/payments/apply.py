"""Letting a customer's balance pay its invoices: by hand, and by itself where a credit note is meant for the next one."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.core import audit
from apps.core.money import Money
from apps.core.periods import local_day
from apps.customers.models import Customer
from apps.invoices.models import Invoice
from apps.payments.allocate import Paid, allocate
from apps.payments.balances import Source, notes_left, sources_for
from apps.payments.errors import NothingToApply
from apps.payments.queries import open_amounts, with_open_amounts


@transaction.atomic(durable=True)
def apply_balance(*, invoice_id: UUID, at: datetime, actor: str) -> Money:
    """Let the customer's balance pay an invoice, the oldest money first; return what it paid. Refuses where nothing can."""
    invoice = _locked(invoice_id)
    paid = _pay(invoice, sources_for(invoice), at=at, actor=actor)
    if not paid.amount:
        raise NothingToApply(str(invoice))
    return paid


@transaction.atomic(durable=True)
def apply_marked(*, invoice_id: UUID, at: datetime, actor: str) -> Money:
    """Let credit notes that are meant for the next invoice pay this one, if it is finalized after them; again does nothing."""
    invoice = _locked(invoice_id)
    marked = [
        one for one in sources_for(invoice) if isinstance(one.what, Invoice) and _is_for(one.what, invoice)
    ]
    return _pay(invoice, marked, at=at, actor=actor)


def waiting(*, most: int = 500) -> list[UUID]:
    """Return the open invoices that a credit note is meant for, the oldest first; one query."""
    notes = notes_left().filter(
        customer=OuterRef("customer"),
        legal_entity=OuterRef("legal_entity"),
        currency=OuterRef("currency"),
        remainder=Invoice.Remainder.NEXT_INVOICE,
        finalized_at__lt=OuterRef("finalized_at"),
        left__gt=0,
    )
    found: QuerySet[Any] = (
        with_open_amounts(Invoice.objects.filter(status=Invoice.Status.FINALIZED))  # type: ignore[misc]
        .filter(Exists(notes), open_amount__gt=0)
        .order_by("finalized_at", "number")
    )
    return list(found.values_list("pk", flat=True)[:most])


def _locked(invoice_id: UUID) -> Invoice:
    """Return an invoice whose customer's money nobody else moves until the transaction ends."""
    invoice = Invoice.objects.select_related("customer", "legal_entity").get(pk=invoice_id)
    Customer.objects.select_for_update(no_key=True).get(pk=invoice.customer_id)
    return invoice


def _is_for(note: Invoice, invoice: Invoice) -> bool:
    if note.remainder != Invoice.Remainder.NEXT_INVOICE:
        return False
    return bool(note.finalized_at and invoice.finalized_at and note.finalized_at < invoice.finalized_at)


def _pay(invoice: Invoice, money: Sequence[Source], *, at: datetime, actor: str) -> Money:
    is_open = open_amounts([invoice.pk]).get(invoice.pk, Decimal(0))
    parts = []
    for one in money:
        amount = min(is_open, one.left)
        if amount > 0:
            parts.append((one, Paid(one.what, invoice, amount)))
            is_open -= amount
    paid = Money.total((Money(part.amount, invoice.currency) for _, part in parts), invoice.currency)
    if parts:
        today = local_day(at, invoice.timezone)
        latest_on = max([today, *(one.on for one, _ in parts)])
        allocate([part for _, part in parts], on=latest_on, at=at, actor=actor)
        audit.record(
            at=at,
            actor=actor,
            action="payments.apply_balance",
            subject_type="invoice",
            subject_key=str(invoice.number),
            after={"paid_by": {str(one.what): str(part.amount) for one, part in parts}},
        )
    return paid
