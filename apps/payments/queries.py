"""Reading what is paid and what is open: by invoice, by customer, and receivables by age."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.db.models import DecimalField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from apps.core.digits import MONEY
from apps.core.money import Money
from apps.invoices.models import Invoice
from apps.payments.models import Allocation

# Days past due at which a bucket ends; the last is without end.
AGES = ((0, "Not due"), (30, "1-30 days"), (60, "31-60 days"), (90, "61-90 days"), (None, "Over 90 days"))


class PaymentState(StrEnum):
    """What a finalized invoice is, as people say it."""

    PAID = "paid"
    OVERDUE = "overdue"
    PARTLY_PAID = "partly paid"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Receivable:
    """A finalized invoice of which something is open."""

    invoice_id: UUID
    number: str
    customer_key: str
    customer_name: str
    due_on: date
    days_overdue: int
    open_amount: Money


@dataclass(frozen=True, slots=True)
class AgeBucket:
    """What is open in one currency and of one age."""

    label: str
    amount: Money
    invoices: int


class PaidBy(StrEnum):
    """What pays an invoice."""

    PAYMENT = "payment"
    CREDIT_NOTE = "credit note"
    WRITE_OFF = "write-off"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Paying:
    """What pays a part of an invoice: a payment or credit note by its id, or a write-off and its recovery."""

    by: PaidBy
    source_id: UUID
    name: str
    on: date
    amount: Money
    may_be_recovered: bool = False


def open_amounts(invoice_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Return what is open of these finalized invoices: the total less what was paid, credited and written off; one query."""
    return dict(
        Invoice.objects.filter(pk__in=invoice_ids, status=Invoice.Status.FINALIZED)
        .annotate(open_amount=_open_amount())
        .values_list("pk", "open_amount")
    )


def with_open_amounts(found: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return invoices with `open_amount`, the total less what was paid; it means something for finalized ones alone."""
    return found.annotate(open_amount=_open_amount())


def receivables(*, today: date, customer_id: UUID | None = None) -> list[Receivable]:
    """Return the invoices of which something is open, the longest overdue first; one query."""
    finalized = Invoice.objects.filter(status=Invoice.Status.FINALIZED).exclude(kind=Invoice.Kind.CREDIT_NOTE)
    if customer_id is not None:
        finalized = finalized.filter(customer_id=customer_id)
    found = (
        finalized.annotate(open_amount=_open_amount())
        .filter(open_amount__gt=0)
        .select_related("customer")
        .defer("snapshot")
        .order_by("due_on", "number")
    )
    return [
        Receivable(
            invoice_id=invoice.pk,
            number=invoice.number or "",
            customer_key=invoice.customer.key,
            customer_name=invoice.customer.name,
            due_on=invoice.due_on or today,
            days_overdue=max((today - (invoice.due_on or today)).days, 0),
            open_amount=Money(invoice.open_amount, invoice.currency),
        )
        for invoice in found
    ]


def by_age(rows: Iterable[Receivable]) -> dict[str, list[AgeBucket]]:
    """Return receivables by currency and age, every bucket named, from rows read already."""
    ages: dict[str, dict[str, list[Money]]] = {}
    for row in rows:
        of_currency = ages.setdefault(row.open_amount.currency, {label: [] for _, label in AGES})
        of_currency[_age(row.days_overdue)].append(row.open_amount)
    return {
        currency: [
            AgeBucket(label, Money.total(amounts, currency), len(amounts))
            for label, amounts in buckets.items()
        ]
        for currency, buckets in sorted(ages.items())
    }


def state_of(*, total: Decimal, open_amount: Decimal, due_on: date, today: date) -> PaymentState:
    """Return an invoice's state on a day; it is overdue from the day after its due day."""
    if open_amount <= 0:
        return PaymentState.PAID
    if today > due_on:
        return PaymentState.OVERDUE
    return PaymentState.PARTLY_PAID if open_amount < total else PaymentState.OPEN


def paying(invoice_id: UUID) -> list[Paying]:
    """Return what pays an invoice, the first first, also what was written off of it; one query."""
    found = Allocation.objects.filter(invoice_id=invoice_id).select_related(
        "invoice", "payment", "credit_note", "write_off__reversed_by"
    )
    plain = found.defer("invoice__snapshot", "credit_note__snapshot")
    return [_paying(part) for part in plain.order_by("allocated_at", "id")]


def _paying(part: Allocation) -> Paying:
    amount = Money(part.amount, part.invoice.currency).rounded()
    if part.payment:
        return Paying(
            PaidBy.PAYMENT, part.payment.pk, part.payment.reference, part.payment.received_on, amount
        )
    if part.credit_note:
        assert part.credit_note.issued_on, "a credit note has a day"
        number = str(part.credit_note.number)
        return Paying(PaidBy.CREDIT_NOTE, part.credit_note.pk, number, part.credit_note.issued_on, amount)
    written = part.write_off
    assert written, "an allocation has a source"
    return Paying(
        PaidBy.RECOVERY if written.reverses_id else PaidBy.WRITE_OFF,
        written.pk,
        written.reason,
        written.written_off_on,
        amount,
        may_be_recovered=not written.reverses_id and not hasattr(written, "reversed_by"),
    )


def _open_amount() -> CombinedExpression:
    paid = (
        Allocation.objects.filter(invoice_id=OuterRef("pk"))
        .order_by()
        .values("invoice_id")
        .annotate(paid=Sum("amount"))
        .values("paid")
    )
    money: DecimalField[Decimal, Decimal] = DecimalField(**MONEY)
    return F("total") - Coalesce(Subquery(paid), Decimal(0), output_field=money)


def _age(days_overdue: int) -> str:
    return next(label for limit, label in AGES if limit is None or days_overdue <= limit)
