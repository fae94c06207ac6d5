"""Crediting an invoice: the credit note, what it pays of the invoice, and what becomes of the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from apps.contracts import locks
from apps.core.money import Money
from apps.customers.models import Customer
from apps.invoices import credit_notes
from apps.invoices.credit_notes import Ask, Plan, Terms
from apps.invoices.errors import ReasonMissing, RequestKeyUsed
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.sold_back import SoldBack, sold_back
from apps.ledger import post as ledger
from apps.payments import post
from apps.payments.allocate import Paid, allocate
from apps.payments.errors import WrittenOff
from apps.payments.models import Allocation, Refund
from apps.payments.queries import open_amounts


@dataclass(frozen=True, slots=True)
class Preview:
    """What a credit note would do: the lines with what it gives back of each, what it pays of the invoice, and the rest.

    `taken_back` is what it takes back of the credits that the invoice sold, if it sold any.
    """

    plan: Plan
    lines: tuple[InvoiceLine, ...]
    pays: Money
    rest: Money
    taken_back: SoldBack | None = None


def preview(*, invoice_id: UUID, ask: Ask, because: Invoice.Because) -> Preview:
    """Return what a credit note would do; refuse what crediting would refuse, and write nothing. Nine queries at most."""
    invoice = Invoice.objects.select_related("customer", "legal_entity").get(pk=invoice_id)
    lines = tuple(invoice.lines.all())
    planned = _planned(invoice, lines, ask)
    pays = min(open_amounts([invoice.pk])[invoice.pk], planned.total)
    with transaction.atomic():
        taken_back = sold_back(invoice, lines, planned.parts, because)
    return Preview(
        planned,
        lines,
        Money(pays, invoice.currency),
        Money(planned.total - pays, invoice.currency),
        taken_back,
    )


@transaction.atomic(durable=True)
def credit(*, invoice_id: UUID, ask: Ask, terms: Terms, at: datetime, actor: str) -> Invoice:
    """Issue a credit note of a finalized invoice: it pays what is open of the invoice first.

    The rest is owed back, stays as the customer's balance, or pays the customer's next invoice, as the terms say. Asked again
    under the same key, the credit note that there is comes back. Refuses what is no finalized invoice, more than is left of the
    invoice or of a line, what is written off, and a missing reason; then nothing is written and no number is used up. The contract's usage and
    invoices wait meanwhile, so that no adjustment reckons with what is just being given back.
    """
    contract_id, customer_id = Invoice.objects.values_list("contract_id", "customer_id").get(pk=invoice_id)
    if not terms.reason.strip() or len(terms.reason) > 500:
        raise ReasonMissing("credit an invoice")
    locks.hold_families([contract_id])
    Customer.objects.select_for_update(no_key=True).get(pk=customer_id)
    if before := credit_notes.of_request(customer_id, terms.request_key):
        _require_same(before, invoice_id, ask, terms)
        return before
    invoice = (
        Invoice.objects.select_for_update(of=("self",), no_key=True)
        .select_related("customer", "legal_entity")
        .get(pk=invoice_id)
    )
    lines = tuple(invoice.lines.all())
    planned = _planned(invoice, lines, ask)
    note = credit_notes.issue(planned, lines, terms, at=at, actor=actor)
    assert note.issued_on, "what is issued has a day"
    pays = min(open_amounts([invoice.pk])[invoice.pk], planned.total)
    if pays > 0:
        allocate([Paid(note, invoice, pays)], on=note.issued_on, at=at, actor=actor)
    rest = planned.total - max(pays, Decimal(0))
    if rest and terms.remainder == Invoice.Remainder.REFUND:
        _owe(note, rest, at=at, actor=actor)
    return note


def written_off(invoice_id: UUID) -> Decimal:
    """Return how much of an invoice is written off and was not taken back, in its currency; one query."""
    found = Allocation.objects.filter(invoice_id=invoice_id, write_off__isnull=False)
    summed: Decimal = found.aggregate(sum=Coalesce(Sum("amount"), Decimal(0)))["sum"]
    return summed


def _planned(invoice: Invoice, lines: Sequence[InvoiceLine], ask: Ask) -> Plan:
    """Return what a credit note would give back, never what is written off: it never came, so it cannot be given back.

    All that is left is all but that; an amount or lines that would take of it are refused.
    """
    planned = credit_notes.plan(invoice, lines, ask)
    given_up = written_off(invoice.pk)
    left = max(planned.left - given_up, Decimal(0))
    if given_up and left and ask == Ask():
        return credit_notes.plan(invoice, lines, Ask(amount=left))
    if given_up and planned.total > left:
        raise WrittenOff(str(invoice), Money(given_up, invoice.currency), Money(left, invoice.currency))
    return planned


def _require_same(note: Invoice, invoice_id: UUID, ask: Ask, terms: Terms) -> None:
    """Refuse a key under which something else was asked for, as far as the credit note tells."""
    lines = {line.credits_line_id: -line.amount for line in note.lines.all()}
    is_other = (
        note.credits_id != invoice_id
        or (note.because, note.remainder, note.reason) != (terms.because, terms.remainder, terms.reason)
        or (ask.amount is not None and ask.amount != -note.total)
        or (bool(ask.lines) and dict(ask.lines) != lines)
    )
    if is_other:
        raise RequestKeyUsed(str(note.number))


def _owe(note: Invoice, amount: Decimal, *, at: datetime, actor: str) -> None:
    assert note.issued_on, "what is issued has a day"
    refund = Refund.objects.create(
        customer=note.customer,
        currency=note.currency,
        amount=amount,
        credit_note=note,
        owed_on=note.issued_on,
        recorded_at=at,
        recorded_by=actor,
    )
    ledger.post([post.of_refund(refund)], at=at, actor=actor)
