"""Issuing a period's invoice again, once it is wholly credited."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.core.formats import say_money
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.invoices import credit_notes, crediting, draft, store, tax_answers
from apps.invoices.compose import Wanted, compose
from apps.invoices.errors import NotReissuable
from apps.invoices.models import Invoice, InvoiceLine, ManualLine
from apps.invoices.pool import Family


@tax_answers.asks_first
@transaction.atomic(durable=True)
def reissue(*, invoice_id: UUID, at: datetime, actor: str) -> Invoice:
    """Write a new draft for the period of a wholly credited invoice, priced from the usage and terms of now.

    Adjustments of the period that later invoices billed are taken off. Lines that staff had added are on it again, and goodwill that
    was given on the invoice is given again; staff may remove these lines. It is reviewed and finalized like any draft, and then is
    the period's invoice. Refuses one of no period, one of which something is not credited, one that was wholly given as goodwill,
    and one that was issued again, unless that draft was voided.
    """
    family = draft.locked_families(
        [Invoice.objects.values_list("contract_id", flat=True).get(pk=invoice_id)]
    )[0]
    replaced = Invoice.objects.select_for_update().get(pk=invoice_id)
    goodwill = _require_reissuable(replaced)
    contract = family.contract
    invoice = Invoice.objects.create(
        kind=Invoice.Kind.PERIOD,
        replaces=replaced,
        contract=contract,
        customer=contract.customer,
        legal_entity=contract.customer.legal_entity,
        period_start_on=replaced.period_start_on,
        period_end_on=replaced.period_end_on,
        timezone=replaced.timezone,
        currency=replaced.currency,
        subtotal=0,
        tax_rate=0,
        tax_amount=0,
        total=0,
        drafted_at=at,
        review_until_at=at + timedelta(hours=contract.customer.legal_entity.review_hours),
    )
    ManualLine.objects.bulk_create(_added_again(replaced, invoice))
    _write(family, invoice, at)
    if given := min(goodwill, invoice.subtotal):
        ManualLine.objects.create(
            invoice=invoice,
            name=f"Goodwill given on {replaced.number}",
            amount=-given,
            reason=f"It was given before {replaced.number} was issued again.",
            added_by=actor,
            added_at=at,
        )
        _write(family, invoice, at)
    audit.record(
        at=at,
        actor=actor,
        action="invoices.reissue",
        subject_type="contract",
        subject_key=contract.number,
        before={"invoice": replaced.number, "total": f"{replaced.total:f}"},
        after={"total": f"{invoice.total:f} {invoice.currency}"},
    )
    return invoice


def _added_again(replaced: Invoice, invoice: Invoice) -> list[ManualLine]:
    """Return the lines that staff added to the invoice that is replaced, as they added them."""
    lines = list(replaced.manual_lines.all())
    for line in lines:
        line.pk, line.invoice = uuid7(), invoice
    return lines


def _write(family: Family, invoice: Invoice, at: datetime) -> None:
    store.write(compose([Wanted(family, invoice.period_start_on, invoice)], at=at))


def issued_again_as(invoice: Invoice) -> Invoice | None:
    """Return the invoice, or the draft, that took the place of a credited one; one query."""
    found = Invoice.objects.filter(replaces=invoice).exclude(status=Invoice.Status.VOID)
    return found.defer("snapshot").first()


def may_be_reissued(invoice: Invoice) -> bool:
    """Tell whether an invoice can be issued again as it stands."""
    try:
        _require_reissuable(invoice)
    except NotReissuable:
        return False
    return True


def _require_reissuable(invoice: Invoice) -> Decimal:
    """Return how much of an invoice was given as goodwill, without tax; refuse one that cannot be issued again."""
    number = str(invoice)
    if invoice.kind != Invoice.Kind.PERIOD or invoice.number is None:
        raise NotReissuable(number, "it is no finalized invoice of a period.")
    again = issued_again_as(invoice)
    if again is not None:
        raise NotReissuable(number, f"it was, as {again}.")
    notes = list(credit_notes.of_invoice(invoice.pk))
    left = crediting.total_left(
        credit_notes.left_of(invoice, list(invoice.lines.all())), tax_included=invoice.tax_included
    )
    if left or not notes:
        left_of = say_money(Money(left, invoice.currency).rounded())
        raise NotReissuable(
            number, f"{left_of} of it is not credited. Credit all of it as a correction first."
        )
    if all(note.because == Invoice.Because.GOODWILL for note in notes):
        raise NotReissuable(number, "it was given back as goodwill, and that is not asked for again.")
    return _goodwill(invoice)


def _goodwill(invoice: Invoice) -> Decimal:
    given = InvoiceLine.objects.filter(
        credits_line__invoice=invoice, invoice__because=Invoice.Because.GOODWILL
    ).values_list("amount", flat=True)
    return -sum(given, Decimal(0))
