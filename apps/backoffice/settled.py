"""What settles an invoice on its page: its credit notes, the balance there is for it, and what became of a credit note."""

from dataclasses import dataclass

from apps.core.money import Money
from apps.invoices import credit_notes, reissue
from apps.invoices.models import Invoice
from apps.payments import balances
from apps.payments.models import Allocation, Refund


@dataclass(frozen=True, slots=True)
class Steps:
    """What can be done with a finalized invoice, and what was: its credit notes, and the customer's balance for it."""

    notes: list[tuple[Invoice, Money]]
    balance: Money
    may_reissue: bool
    replaced_by: Invoice | None


@dataclass(frozen=True, slots=True)
class Used:
    """What became of a credit note: the invoices that it pays, what is refunded of it, and what is left."""

    pays: list[tuple[Allocation, Money]]
    refunds: list[tuple[Refund, Money]]
    left: Money


def steps_of(invoice: Invoice, left: Money | None) -> Steps | None:
    """Return what can be done with an invoice; None for a draft and a credit note. Five queries at most."""
    if invoice.number is None or invoice.kind == Invoice.Kind.CREDIT_NOTE:
        return None
    notes = list(credit_notes.of_invoice(invoice.pk))
    found = balances.balances(invoice.customer_id) if left and left.amount > 0 else {}
    return Steps(
        [(note, Money(-note.total, note.currency).rounded()) for note in notes],
        found.get(invoice.currency, Money.zero(invoice.currency)),
        bool(notes) and reissue.may_be_reissued(invoice),
        reissue.issued_again_as(invoice),
    )


def used_of(note: Invoice) -> Used | None:
    """Return what became of a credit note; None for what is none. Three queries."""
    if note.kind != Invoice.Kind.CREDIT_NOTE:
        return None
    allocations, refunds = balances.used_of(note)
    return Used(
        [(one, Money(one.amount, note.currency).rounded()) for one in allocations],
        [(one, Money(one.amount, note.currency).rounded()) for one in refunds],
        Money(balances.left_of(note), note.currency).rounded(),
    )
