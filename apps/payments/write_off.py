"""Giving up what is open of an invoice as lost, and taking that back when the money comes after all."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.core.money import Money
from apps.customers.models import Customer
from apps.invoices.errors import ReasonMissing
from apps.invoices.models import Invoice
from apps.ledger import post as ledger
from apps.ledger.models import Entry
from apps.payments import post
from apps.payments.errors import NotAWriteOff, NothingToWriteOff, RecoveredAlready, WrittenOffTooEarly
from apps.payments.models import Allocation, WriteOff
from apps.payments.queries import open_amounts


@transaction.atomic(durable=True)
def write_off(
    *,
    invoice_id: UUID,
    reason: str,
    written_off_on: date,
    amount: Decimal | None = None,
    at: datetime,
    actor: str,
) -> WriteOff:
    """Give up an amount of an invoice, else all that is open of it: nothing is owed of that any more, and the books carry the loss.

    Refuses more than is open, a day before the invoice's, and a missing reason; then nothing is written.
    """
    if not reason.strip() or len(reason) > 500:
        raise ReasonMissing("write an invoice off")
    invoice = _locked(invoice_id)
    is_open = Money(open_amounts([invoice_id]).get(invoice_id, Decimal(0)), invoice.currency)
    given_up = is_open if amount is None else Money(amount, invoice.currency)
    if given_up.amount <= 0 or given_up > is_open or given_up != given_up.rounded():
        raise NothingToWriteOff(str(invoice), given_up, is_open)
    _require_day(invoice, written_off_on)
    written = WriteOff.objects.create(
        invoice=invoice,
        amount=given_up.amount,
        reason=reason.strip(),
        written_off_on=written_off_on,
        recorded_at=at,
        recorded_by=actor,
    )
    Allocation.objects.create(write_off=written, invoice=invoice, amount=given_up.amount, allocated_at=at)
    ledger.post([post.of_write_off(written)], at=at, actor=actor)
    _record("payments.write_off", written, at=at, actor=actor)
    return written


@transaction.atomic(durable=True)
def recover(*, write_off_id: UUID, reason: str, recovered_on: date, at: datetime, actor: str) -> WriteOff:
    """Take a write-off back: what it gave up is open again, for the money that came. Refuses one that is taken back already."""
    if not reason.strip() or len(reason) > 500:
        raise ReasonMissing("take a write-off back")
    written = WriteOff.objects.get(pk=write_off_id)
    invoice = _locked(written.invoice_id)
    if written.reverses_id:
        raise NotAWriteOff(str(invoice))
    if WriteOff.objects.filter(reverses=written).exists():
        raise RecoveredAlready(str(invoice))
    _require_day(invoice, recovered_on)
    recovery = WriteOff.objects.create(
        invoice=invoice,
        amount=written.amount,
        reason=reason.strip(),
        written_off_on=max(recovered_on, written.written_off_on),
        recorded_at=at,
        recorded_by=actor,
        reverses=written,
    )
    Allocation.objects.create(write_off=recovery, invoice=invoice, amount=-written.amount, allocated_at=at)
    entry = Entry.objects.filter(kind=Entry.Kind.WRITE_OFF, source_key=str(written.pk)).first()
    ledger.post([post.of_recovery(recovery, reverses=entry.pk if entry else None)], at=at, actor=actor)
    _record("payments.recover", recovery, at=at, actor=actor)
    return recovery


def _locked(invoice_id: UUID) -> Invoice:
    """Return an invoice of whose customer nobody else moves money until the transaction ends."""
    invoice = Invoice.objects.select_related("customer", "legal_entity").get(pk=invoice_id)
    Customer.objects.select_for_update(no_key=True).get(pk=invoice.customer_id)
    return invoice


def _require_day(invoice: Invoice, day: date) -> None:
    if invoice.issued_on and day < invoice.issued_on:
        raise WrittenOffTooEarly(str(invoice), invoice.issued_on)


def _record(action: str, written: WriteOff, *, at: datetime, actor: str) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="invoice",
        subject_key=str(written.invoice.number),
        after={"amount": f"{written.amount:f} {written.invoice.currency}", "on": str(written.written_off_on)},
        reason=written.reason,
    )
