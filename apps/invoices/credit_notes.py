"""Credit notes: what one would give back of a finalized invoice, and writing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet, Sum

from apps.core import audit, db, outbox
from apps.core.money import Money, rounded_to_minor_unit
from apps.core.periods import local_day
from apps.credits.restore import Restored, restore
from apps.credits.take_back import take_back
from apps.invoices import credit_note_rows, crediting, numbering, post, snapshot
from apps.invoices.crediting import Left, Part
from apps.invoices.errors import CreditedTooMuch, NotCreditable, NothingLeftToCredit, NotToCredit
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax
from apps.invoices.sold_back import given_for_credits, sold_back
from apps.invoices.taxes import report_later
from apps.ledger import post as ledger


@dataclass(frozen=True, slots=True)
class Ask:
    """What to credit: so much of each line named, an amount with tax, or else all that is left."""

    lines: Mapping[UUID, Decimal] = field(default_factory=dict)
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Why a credit note is given, and what becomes of what its invoice does not take up."""

    because: Invoice.Because
    remainder: Invoice.Remainder
    reason: str
    request_key: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a credit note would give back, above zero, of what is `left`; `is_last` where nothing is left of the invoice then."""

    invoice: Invoice
    parts: tuple[Part, ...]
    subtotal: Decimal
    tax: Decimal
    total: Decimal
    left: Decimal
    is_last: bool


def left_of(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[Left]:
    """Return what earlier credit notes left of an invoice's lines, in their order; one query."""
    given = {
        line: (amount, tax)
        for line, amount, tax in InvoiceLine.objects.filter(
            credits_line__invoice=invoice, invoice__status=Invoice.Status.FINALIZED
        )
        .order_by()
        .values_list("credits_line_id")
        .annotate(Sum("amount"), Sum("tax_amount"))
    }
    nothing = (Decimal(0), Decimal(0))
    return [
        Left(
            line.pk,
            line.amount,
            line.tax_amount,
            line.amount + given.get(line.pk, nothing)[0],
            line.tax_amount + given.get(line.pk, nothing)[1],
        )
        for line in lines
    ]


def plan(invoice: Invoice, lines: Sequence[InvoiceLine], ask: Ask) -> Plan:
    """Return what a credit note would give back; refuse what cannot be credited, and more than is left. Three queries at most."""
    if invoice.number is None or invoice.kind == Invoice.Kind.CREDIT_NOTE:
        raise NotCreditable(str(invoice))
    left = left_of(invoice, lines)
    money_left = Money(crediting.total_left(left, tax_included=invoice.tax_included), invoice.currency)
    if money_left.amount <= 0 and invoice.credit_notes.filter(status=Invoice.Status.FINALIZED).exists():
        raise NothingLeftToCredit(invoice.number)
    parts = _parts(invoice, left, money_left, ask)
    subtotal = sum((part.amount for part in parts), Decimal(0))
    tax = sum((part.tax for part in parts), Decimal(0))
    total = subtotal if invoice.tax_included else subtotal + tax
    if total > money_left.amount or total < 0:
        raise CreditedTooMuch(invoice.number, Money(total, invoice.currency), money_left)
    left_now = money_left.amount
    return Plan(invoice, tuple(parts), subtotal, tax, total, left_now, is_last=total == left_now)


def issue(planned: Plan, lines: Sequence[InvoiceLine], terms: Terms, *, at: datetime, actor: str) -> Invoice:
    """Write the credit note that was planned for a locked invoice: numbered, chained, posted, its document asked for. A step.

    Once nothing is left of the invoice, the credits that it drew are given back; those that it sold are taken back by a correction,
    which is refused where they are used. The parties stand on it as on the invoice.
    """
    db.require_transaction()
    invoice = planned.invoice
    back = sold_back(invoice, lines, planned.parts, terms.because)
    note = credit_note_rows.note_of(planned.invoice, at)
    note.because, note.remainder = terms.because, terms.remainder
    note.reason, note.request_key = terms.reason, terms.request_key
    note.subtotal, note.tax_amount, note.total = -planned.subtotal, -planned.tax, -planned.total
    found = credit_note_rows.lines_of(note, lines, planned.parts)
    taxes = credit_note_rows.taxes_of(note, found, list(invoice.taxes.all()))
    note.save(force_insert=True)
    InvoiceLine.objects.bulk_create(found)
    InvoiceTax.objects.bulk_create(taxes)
    _fix(note, found, taxes, at=at, actor=actor)
    if back:
        assert note.number, "what takes credits back has a number"
        assert note.issued_on, "what takes credits back has a day"
        take_back(
            back.grant,
            back.amount,
            given=given_for_credits(note, found),
            credit_note=note.number,
            on=note.issued_on,
            at=at,
            actor=actor,
        )
    if planned.is_last:
        _restore(note, at=at, actor=actor)
    audit.record(
        at=at,
        actor=actor,
        action="invoices.credit",
        subject_type="invoice",
        subject_key=str(invoice.number),
        after={
            "credit_note": note.number,
            "total": f"{planned.total:f} {note.currency}",
            "because": note.because,
            "remainder": note.remainder,
        },
        reason=terms.reason,
    )
    outbox.enqueue(task="invoices.render_pdf", key=str(note.pk), at=at, invoice_id=str(note.pk))
    return note


def of_request(customer_id: UUID, request_key: str) -> Invoice | None:
    """Return the credit note that was written for a request, if one was."""
    if not request_key:
        return None
    return Invoice.objects.filter(customer=customer_id, request_key=request_key).first()


def ring(invoices: Sequence[Invoice], *, at: datetime) -> None:
    """Ask for credit notes that are meant for the next invoice to pay those just finalized. A step of finalize; one query."""
    marked = set(
        Invoice.objects.filter(
            customer__in={invoice.customer_id for invoice in invoices},
            kind=Invoice.Kind.CREDIT_NOTE,
            remainder=Invoice.Remainder.NEXT_INVOICE,
        ).values_list("customer_id", "currency")
    )
    asked = [one for one in invoices if (one.customer_id, one.currency) in marked]
    if asked:
        outbox.enqueue_many(
            task="payments.apply_marked",
            at=at,
            messages=[(str(one.pk), {"invoice_id": str(one.pk)}) for one in asked],
        )


def of_invoice(invoice_id: UUID) -> QuerySet[Invoice]:
    """Return the credit notes of an invoice, the oldest first."""
    found = Invoice.objects.filter(credits=invoice_id, status=Invoice.Status.FINALIZED)
    return found.defer("snapshot").order_by("finalized_at", "number")


def _parts(invoice: Invoice, left: Sequence[Left], money_left: Money, ask: Ask) -> list[Part]:
    currency, number = invoice.currency, str(invoice)
    if ask.amount is not None:
        asked = Money(ask.amount, currency)
        if asked.amount <= 0 or asked != asked.rounded():
            raise NotToCredit(number, asked)
        if asked > money_left:
            raise CreditedTooMuch(number, asked, money_left)
        return crediting.by_amount(left, ask.amount, currency, tax_included=invoice.tax_included)
    if not ask.lines:
        return crediting.whole(left)
    by_id = {one.line_id: one for one in left}
    for line_id, amount in ask.lines.items():
        if line_id not in by_id or amount <= 0 or rounded_to_minor_unit(amount, currency) != amount:
            raise NotToCredit(number, Money(amount, currency))
        if amount > by_id[line_id].amount_left:
            line_left = Money(max(by_id[line_id].amount_left, Decimal(0)), currency)
            raise CreditedTooMuch(f"a line of {number}", Money(amount, currency), line_left)
    return crediting.by_line(left, ask.lines, currency)


def _fix(
    note: Invoice, found: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax], *, at: datetime, actor: str
) -> None:
    """Number the credit note, chain it to the one before, post it, and have it reported to who told its tax."""
    note.finalized_at = at
    assert note.credits is not None, "a credit note is of an invoice"
    assert note.credits.issued_on is not None, "what is credited was issued"
    note.issued_on = note.due_on = max(local_day(at, note.timezone), note.credits.issued_on)
    series = numbering.locked_series(
        legal_entity=note.legal_entity, prefix=numbering.prefix_of(note), year=note.issued_on.year
    )
    numbering.take(series, note)
    note.status = Invoice.Status.FINALIZED
    series.last_hash = note.snapshot_hash = snapshot.hash_of(note, found, taxes)
    note.save()
    series.save(update_fields=["next_number", "last_hash"])
    ledger.post([post.entry_of(note, found)], at=at, actor=actor)
    report_later(note, at=at)


def _restore(note: Invoice, *, at: datetime, actor: str) -> None:
    assert note.number, "what gives credits back has a number"
    assert note.issued_on, "what gives credits back has a day"
    assert note.credits, "a credit note is of an invoice"
    given_back = Restored(
        invoice_number=str(note.credits.number),
        credit_note_number=note.number,
        on=note.issued_on,
        drawn_for=note.credits.period_start_on,
    )
    restore(given_back, at=at, actor=actor)
