"""Lines and discounts that staff add to a draft, with the reason: the only way to change what a draft comes to by hand."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.core.formats import say_money
from apps.core.money import Money, rounded_to_minor_unit
from apps.invoices import compose, draft, lines, store, tax_answers
from apps.invoices.compose import Wanted
from apps.invoices.errors import BelowZero, LineIsNothing, NoSuchManualLine, ReasonMissing
from apps.invoices.models import Invoice, InvoiceLine, ManualLine

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class NewLine:
    """What is added: `amount` of the draft's currency, below zero for a discount; or `percent` of the subtotal to take off."""

    name: str
    reason: str
    amount: Decimal = Decimal(0)
    percent: Decimal | None = None
    quantity: Decimal = Decimal(1)
    unit: str = ""
    product_name: str = ""


@tax_answers.asks_first
@transaction.atomic(durable=True)
def add(*, invoice_id: UUID, new: NewLine, at: datetime, actor: str) -> ManualLine:
    """Add a line or a discount to a draft and rate the draft again, so that tax and total follow.

    A discount in percent is of all other lines, and follows them. Refuses a line without a reason, one that comes to nothing,
    and a discount of more than the draft comes to: that is a credit note's work.
    """
    reason = new.reason.strip()
    if not reason:
        raise ReasonMissing("add the line")
    (wanted,) = draft.locked_drafts([invoice_id])
    # First what the draft comes to as of now: it may have been drafted days ago.
    invoice = _written(wanted, at)
    amount = _amount(invoice, new)
    added = ManualLine.objects.create(
        invoice=invoice,
        name=new.name.strip() or ("Discount" if amount < 0 else "Added by hand"),
        product_name=new.product_name,
        quantity=new.quantity,
        unit=new.unit,
        amount=amount,
        percent=new.percent,
        reason=reason,
        added_by=actor,
        added_at=at,
    )
    _rewrite("invoices.add_line", wanted, added, at=at, actor=actor)
    return added


@tax_answers.asks_first
@transaction.atomic(durable=True)
def remove(*, invoice_id: UUID, line_id: UUID, at: datetime, actor: str) -> Invoice:
    """Take a line that staff added off the draft again, and rate the draft again."""
    (wanted,) = draft.locked_drafts([invoice_id])
    removed = ManualLine.objects.filter(invoice=invoice_id, pk=line_id).first()
    if removed is None:
        raise NoSuchManualLine
    ManualLine.objects.filter(pk=line_id).delete()
    return _rewrite("invoices.remove_line", wanted, removed, at=at, actor=actor)


def _written(wanted: Wanted, at: datetime) -> Invoice:
    (composed,) = compose.compose([wanted], at=at)
    store.write([composed])
    return composed.invoice


def _amount(invoice: Invoice, new: NewLine) -> Decimal:
    """Return what the line comes to on the draft as it is, in whole minor units."""
    if new.percent is None:
        amount = rounded_to_minor_unit(new.amount, invoice.currency)
    elif 0 < new.percent <= _HUNDRED:
        base = invoice.subtotal - sum(
            (line.amount for line in invoice.lines.filter(kind=InvoiceLine.Kind.MANUAL, amount__lt=0)),
            Decimal(0),
        )
        amount = lines.discount_of(base, new.percent, invoice.currency)
    else:
        amount = Decimal(0)
    if not amount:
        raise LineIsNothing(invoice.currency)
    if amount < 0 and amount + invoice.subtotal < 0:
        raise BelowZero(
            invoice.customer.name, say_money(Money(max(invoice.subtotal, Decimal(0)), invoice.currency))
        )
    return amount


def _rewrite(action: str, wanted: Wanted, line: ManualLine, *, at: datetime, actor: str) -> Invoice:
    """Rate the draft again, note who changed it, and record the change."""
    assert wanted.invoice is not None
    before = wanted.invoice.total
    invoice = _written(wanted, at)
    invoice.edited_by = actor
    invoice.edition += 1
    invoice.save(update_fields=["edited_by", "edition"])
    of_line = {"percent": f"{line.percent:f}"} if line.percent else {"amount": f"{line.amount:f}"}
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="contract",
        subject_key=wanted.contract.number,
        reason=line.reason,
        before={"total": f"{before:f} {invoice.currency}"},
        after={"line": line.name, **of_line, "total": f"{invoice.total:f} {invoice.currency}"},
    )
    return invoice
