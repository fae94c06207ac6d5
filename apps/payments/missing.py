"""The entries of payments, allocations, write-offs and refunds that the journal does not have, each on its own day."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet

from apps.core.periods import local_day
from apps.customers.models import LegalEntity
from apps.ledger.missing import PAID, without_entry
from apps.ledger.models import Entry
from apps.ledger.post import NewEntry
from apps.payments import post
from apps.payments.models import Allocation, Payment, Refund, WriteOff

_KIND = Entry.Kind


def payments(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what customers paid."""
    found = Payment.objects.filter(customer__legal_entity=entity).select_related("customer__legal_entity")
    for payment in without_entry(found, _KIND.PAYMENT):
        yield post.of_payment(payment)


def allocations(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what of payments and credit notes pays invoices."""
    found = Allocation.objects.filter(invoice__legal_entity=entity, write_off=None).select_related(
        "payment", "credit_note", "invoice__customer", "invoice__legal_entity"
    )
    for allocation in without_entry(
        found.defer("invoice__snapshot", "credit_note__snapshot"), _KIND.ALLOCATION
    ):
        yield post.of_allocation(allocation, on=_day_paid(allocation))


def write_offs(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what was given up."""
    found = WriteOff.objects.filter(invoice__legal_entity=entity, reverses=None)
    for written in without_entry(_with_invoice(found), _KIND.WRITE_OFF):
        yield post.of_write_off(written)


def recoveries(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what was given up and then came; the write-offs are posted before."""
    found = WriteOff.objects.filter(invoice__legal_entity=entity, reverses__isnull=False)
    for recovery in without_entry(_with_invoice(found), _KIND.REVERSAL, _KIND.WRITE_OFF):
        taken_back = Entry.objects.filter(kind=_KIND.WRITE_OFF, source_key=str(recovery.reverses_id)).first()
        yield post.of_recovery(recovery, reverses=taken_back.pk if taken_back else None)


def refunds(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what is owed back of balances, and what of that was paid back."""
    is_own = Q(credit_note__legal_entity=entity) | Q(credit_note=None, customer__legal_entity=entity)
    found = (
        Refund.objects.filter(is_own)
        .select_related("customer__legal_entity", "payment", "credit_note__legal_entity")
        .defer("credit_note__snapshot")
    )
    for refund in without_entry(found, _KIND.REFUND):
        yield post.of_refund(refund)
    for refund in without_entry(found.filter(paid_on__isnull=False), _KIND.REFUND, key=PAID):
        yield post.of_refund_paid(refund)


def _day_paid(allocation: Allocation) -> date:
    """Return the day that a payment or credit note paid: its own, or a later one on which it was applied or the invoice issued."""
    invoice, payment, note = allocation.invoice, allocation.payment, allocation.credit_note
    days = [invoice.issued_on, payment.received_on if payment else None, note.issued_on if note else None]
    recorded_at = payment.recorded_at if payment else note.finalized_at if note else None
    if allocation.allocated_at != recorded_at:
        days.append(local_day(allocation.allocated_at, invoice.timezone))
    return max(day for day in days if day)


def _with_invoice(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.select_related("invoice__customer", "invoice__legal_entity").defer("invoice__snapshot")
