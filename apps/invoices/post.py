"""What an invoice or a credit note posts to the journal, read from its lines."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from django.db.models import Q

from apps.core.money import EXACT
from apps.invoices.models import Invoice, InvoiceLine
from apps.ledger.models import Account, Entry
from apps.ledger.post import NewEntry, NewPosting, credit, debit

_KIND, _ROLE = InvoiceLine.Kind, Account.Role


def entry_of(invoice: Invoice, lines: Sequence[InvoiceLine]) -> NewEntry:
    """Return the journal entry of a numbered invoice: the customer owes the total, for revenue, fees in advance and tax.

    A credit note gives back the same way, to the customer's balance: what it then pays is an allocation.
    """
    assert invoice.number, "what is posted has a number"
    assert invoice.issued_on, "what is posted has a day"
    is_credit_note = invoice.kind == Invoice.Kind.CREDIT_NOTE
    owed = _ROLE.BALANCES if is_credit_note else _ROLE.RECEIVABLES
    return NewEntry(
        kind=Entry.Kind.CREDIT_NOTE if is_credit_note else Entry.Kind.INVOICE,
        source_key=invoice.number,
        description=f"{'Credit note' if is_credit_note else 'Invoice'} {invoice.number}",
        document_on=invoice.issued_on,
        customer=invoice.customer,
        legal_entity=invoice.legal_entity,
        postings=[
            debit(owed, invoice.currency, invoice.total),
            credit(_ROLE.TAX, invoice.currency, invoice.tax_amount),
            *_earned(invoice, lines),
        ],
    )


def _earned(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Iterator[NewPosting]:
    for line in lines:
        tax = line.tax_amount if invoice.tax_included else Decimal(0)
        role = _role_of(invoice, line)
        yield credit(
            role,
            invoice.currency,
            EXACT.subtract(line.amount, tax),
            line.product_name if role == _ROLE.REVENUE else "",
        )


def is_revenue() -> Q:
    """Return what holds for the lines, finalized or not, that are revenue: the same as `_role_of` says of each."""
    of_threshold = Q(kind=_KIND.ADVANCE, adjusts__kind=Invoice.Kind.THRESHOLD)
    billed = ~Q(kind__in=[_KIND.ADVANCE, _KIND.CREDITS, _KIND.CREDIT_PURCHASE]) | of_threshold
    goodwill = Q(invoice__because=Invoice.Because.GOODWILL)
    is_earned = Q(in_advance=False) | Q(invoice__kind=Invoice.Kind.THRESHOLD)
    is_earned |= Q(invoice__credits__kind=Invoice.Kind.THRESHOLD)
    return ~goodwill & is_earned & billed | goodwill & ~Q(kind__in=[_KIND.CREDITS, _KIND.CREDIT_PURCHASE])


def _role_of(invoice: Invoice, line: InvoiceLine) -> Account.Role:
    """Return what a line is in the books; what is billed in advance is earned once its period is billed.

    Goodwill leaves what was billed as it is, so it costs revenue; credits that were bought are given away then.
    """
    if invoice.because == Invoice.Because.GOODWILL and line.kind != _KIND.CREDITS:
        return _ROLE.DISCOUNTS if line.kind == _KIND.CREDIT_PURCHASE else _ROLE.REVENUE
    # A credit note of a threshold invoice is of what was used too.
    of = invoice.credits or invoice
    if line.in_advance and of.kind != Invoice.Kind.THRESHOLD:
        return _ROLE.DEFERRED
    match line.kind:
        case _KIND.ADVANCE:
            # What was billed of a period so far was earned already.
            of_threshold = line.adjusts is not None and line.adjusts.kind == Invoice.Kind.THRESHOLD
            return _ROLE.REVENUE if of_threshold else _ROLE.DEFERRED
        case _KIND.CREDITS:
            return _ROLE.DISCOUNTS
        case _KIND.CREDIT_PURCHASE:
            return _ROLE.UNBILLED
        case _:
            return _ROLE.REVENUE
