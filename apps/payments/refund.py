"""Owing back what is left of a payment or credit note, and noting that it was paid back."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.core.money import Money
from apps.core.periods import local_day
from apps.customers.models import Customer
from apps.invoices.models import Invoice
from apps.ledger import post as ledger
from apps.payments import post
from apps.payments.balances import sources
from apps.payments.errors import NotToRefund, RefundRecorded, RefundReferenceUsed
from apps.payments.models import Payment, Refund


@transaction.atomic(durable=True)
def owe(*, source_id: UUID, amount: Decimal | None = None, at: datetime, actor: str) -> Refund:
    """Owe an amount of a payment or credit note back, else all that is left of it. Refuses more than is left."""
    found: Payment | Invoice = (
        Payment.objects.filter(pk=source_id).first() or Invoice.objects.filter(pk=source_id).get()
    )
    customer = Customer.objects.select_for_update(no_key=True).get(pk=found.customer_id)
    source = next(
        (one for one in sources(customer.pk, currency=found.currency) if one.what.pk == source_id), None
    )
    left = Money(source.left if source else Decimal(0), found.currency)
    owed = left if amount is None else Money(amount, found.currency)
    if source is None or owed.amount <= 0 or owed > left or owed != owed.rounded():
        raise NotToRefund(str(found), owed, left)
    refund = Refund.objects.create(
        customer=customer,
        currency=found.currency,
        amount=owed.amount,
        payment=found if isinstance(found, Payment) else None,
        credit_note=found if isinstance(found, Invoice) else None,
        owed_on=max(source.on, local_day(at, _zone_of(found))),
        recorded_at=at,
        recorded_by=actor,
    )
    ledger.post([post.of_refund(refund)], at=at, actor=actor)
    _record("payments.owe_refund", refund, at=at, actor=actor)
    return refund


@transaction.atomic(durable=True)
def note_paid(*, refund_id: UUID, paid_on: date, reference: str, at: datetime, actor: str) -> Refund:
    """Note that a refund was paid back, by the bank's reference; refuse one that is noted, and a reference that is used."""
    customer_id = Refund.objects.values_list("customer_id", flat=True).get(pk=refund_id)
    Customer.objects.select_for_update(no_key=True).get(pk=customer_id)
    refund = Refund.objects.select_related(
        "customer__legal_entity", "payment", "credit_note__legal_entity"
    ).get(pk=refund_id)
    if refund.paid_on:
        raise RefundRecorded(refund.reference)
    reference = reference.strip()
    if not reference or Refund.objects.filter(customer=customer_id, reference=reference).exists():
        raise RefundReferenceUsed(reference)
    refund.paid_on, refund.reference = max(paid_on, refund.owed_on), reference
    refund.paid_at, refund.paid_by = at, actor
    refund.save(update_fields=["paid_on", "reference", "paid_at", "paid_by"])
    ledger.post([post.of_refund_paid(refund)], at=at, actor=actor)
    _record("payments.refund", refund, at=at, actor=actor)
    return refund


def _zone_of(source: Payment | Invoice) -> str:
    return source.timezone if isinstance(source, Invoice) else "UTC"


def _record(action: str, refund: Refund, *, at: datetime, actor: str) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="customer",
        subject_key=refund.customer.key,
        after={
            "amount": f"{refund.amount:f} {refund.currency}",
            "of": str(refund.payment or refund.credit_note),
            "reference": refund.reference,
        },
    )
