"""What payments, allocations, write-offs and refunds post to the journal."""

from datetime import date
from uuid import UUID

from apps.ledger.models import Account, Entry
from apps.ledger.post import NewEntry, credit, debit
from apps.payments.models import Allocation, Payment, Refund, WriteOff

_ROLE = Account.Role


def of_payment(payment: Payment) -> NewEntry:
    """Return the entry of money received: it is the customer's balance until it pays an invoice."""
    return NewEntry(
        kind=Entry.Kind.PAYMENT,
        source_key=str(payment.pk),
        description=f"Payment {payment.reference}",
        document_on=payment.received_on,
        customer=payment.customer,
        legal_entity=payment.customer.legal_entity,
        postings=[
            debit(_ROLE.CASH, payment.currency, payment.amount),
            credit(_ROLE.BALANCES, payment.currency, payment.amount),
        ],
    )


def of_allocation(allocation: Allocation, *, on: date) -> NewEntry:
    """Return the entry of a part of a payment or credit note that pays an invoice: less is owed on both sides."""
    invoice = allocation.invoice
    return NewEntry(
        kind=Entry.Kind.ALLOCATION,
        source_key=str(allocation.pk),
        description=f"{allocation.payment or allocation.credit_note} pays {invoice.number}",
        document_on=on,
        customer=invoice.customer,
        legal_entity=invoice.legal_entity,
        postings=[
            debit(_ROLE.BALANCES, invoice.currency, allocation.amount),
            credit(_ROLE.RECEIVABLES, invoice.currency, allocation.amount),
        ],
    )


def of_write_off(write_off: WriteOff) -> NewEntry:
    """Return the entry of an open amount that is given up."""
    invoice = write_off.invoice
    return NewEntry(
        kind=Entry.Kind.WRITE_OFF,
        source_key=str(write_off.pk),
        description=f"Write-off of {invoice.number}",
        document_on=write_off.written_off_on,
        customer=invoice.customer,
        legal_entity=invoice.legal_entity,
        postings=[
            debit(_ROLE.WRITE_OFFS, invoice.currency, write_off.amount),
            credit(_ROLE.RECEIVABLES, invoice.currency, write_off.amount),
        ],
    )


def of_recovery(recovery: WriteOff, *, reverses: UUID | None) -> NewEntry:
    """Return the entry that takes a write-off back; `reverses` is the write-off's own."""
    invoice = recovery.invoice
    return NewEntry(
        kind=Entry.Kind.REVERSAL if reverses else Entry.Kind.WRITE_OFF,
        source_key=str(recovery.pk),
        description=f"Recovery of {invoice.number}",
        document_on=recovery.written_off_on,
        customer=invoice.customer,
        legal_entity=invoice.legal_entity,
        postings=[
            debit(_ROLE.RECEIVABLES, invoice.currency, recovery.amount),
            credit(_ROLE.WRITE_OFFS, invoice.currency, recovery.amount),
        ],
        reverses=reverses,
    )


def of_refund(refund: Refund) -> NewEntry:
    """Return the entry of a refund that is owed from now on, and is no balance any more."""
    source = refund.credit_note
    return NewEntry(
        kind=Entry.Kind.REFUND,
        source_key=str(refund.pk),
        description=f"Refund of {refund.payment or source}",
        document_on=refund.owed_on,
        customer=refund.customer,
        legal_entity=source.legal_entity if source else refund.customer.legal_entity,
        postings=[
            debit(_ROLE.BALANCES, refund.currency, refund.amount),
            credit(_ROLE.REFUNDS, refund.currency, refund.amount),
        ],
    )


def of_refund_paid(refund: Refund) -> NewEntry:
    """Return the entry of a refund that was paid back."""
    assert refund.paid_on, "what is paid has a day"
    source = refund.credit_note
    return NewEntry(
        kind=Entry.Kind.REFUND,
        source_key=f"{refund.pk}:paid",
        description=f"Paid back, {refund.reference}"[:200],
        document_on=refund.paid_on,
        customer=refund.customer,
        legal_entity=source.legal_entity if source else refund.customer.legal_entity,
        postings=[
            debit(_ROLE.REFUNDS, refund.currency, refund.amount),
            credit(_ROLE.CASH, refund.currency, refund.amount),
        ],
    )
