"""Letting payments and credit notes pay invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from apps.core import db
from apps.invoices.models import Invoice
from apps.ledger import post as ledger
from apps.payments import post
from apps.payments.models import Allocation, Payment


@dataclass(frozen=True, slots=True)
class Paid:
    """A part of a payment or credit note that pays an invoice."""

    source: Payment | Invoice
    invoice: Invoice
    amount: Decimal


def allocate(parts: Sequence[Paid], *, on: date, at: datetime, actor: str) -> list[Allocation]:
    """Write what pays what, and post it on the day, or on that of the invoice where it was issued later. A step.

    The caller holds the customer's row, so that nobody else allocates what is left meanwhile; the database has the last word.
    """
    db.require_transaction()
    made = [
        Allocation(
            payment=part.source if isinstance(part.source, Payment) else None,
            credit_note=part.source if isinstance(part.source, Invoice) else None,
            invoice=part.invoice,
            amount=part.amount,
            allocated_at=at,
        )
        for part in parts
    ]
    Allocation.objects.bulk_create(made)
    ledger.post([post.of_allocation(one, on=_day(one, on)) for one in made], at=at, actor=actor)
    return made


def _day(allocation: Allocation, on: date) -> date:
    issued_on = allocation.invoice.issued_on
    return max(on, issued_on) if issued_on else on
