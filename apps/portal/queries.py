"""What the portal's pages read beyond the lower rooms' own queries: meters used, and invoices with what is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import DecimalField, OuterRef, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from apps.core.money import Money
from apps.credits.models import CreditExpiry, CreditGrant
from apps.invoices.kinds import kind_words
from apps.invoices.models import Invoice, InvoiceLine
from apps.payments.models import Allocation
from apps.plans.models import Meter
from apps.usage.models import UsageDay

# Of two of their figures one is left, or, of different values, as many as are not the same.
_ONE_IS_LEFT = frozenset({Meter.Aggregation.MAX, Meter.Aggregation.LATEST, Meter.Aggregation.UNIQUE_COUNT})
# Expired credits are told of for so long: until nobody wonders any more where they went.
_SHOWN_AFTER_EXPIRY = timedelta(days=92)
_MONEY = DecimalField(max_digits=24, decimal_places=4)


@dataclass(frozen=True, slots=True)
class MeterRow:
    """A meter that this customer has used, in the customer's words; and whether its days, and its dimension values, add up."""

    id: UUID
    key: str
    name: str
    unit: str
    dimensions: tuple[str, ...]
    days_add_up: bool
    values_add_up: bool


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """A finalized invoice or credit note, and what is still open of it, which is nothing of a credit note.

    `kind` is in words, nothing for that of a period.
    """

    number: str
    period_start_on: date
    period_end_on: date
    issued_on: date
    due_on: date
    total: Money
    open: Money
    kind: str
    is_credit_note: bool = False

    def state(self, today: date) -> str:
        """Return paid, open, overdue or credit note."""
        if self.is_credit_note:
            return "credit note"
        if self.open.amount <= 0:
            return "paid"
        return "overdue" if self.due_on < today else "open"


@dataclass(frozen=True, slots=True)
class GrantRow:
    """Credits that a customer can still use; `left` does not yet count what the running period draws."""

    key: str
    name: str
    unit: str
    amount: Decimal
    left: Decimal
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class ExpiredRow:
    """What was left of credits when they expired; the last day is the last on which they could be used."""

    name: str
    unit: str
    amount: Decimal
    last_day: date


def meters_used(*, customer_id: UUID) -> tuple[MeterRow, ...]:
    """Return the meters that have counted anything of the customer's, oldest meter first, in one query."""
    used = UsageDay.objects.filter(customer_id=customer_id).values("meter_id")
    return tuple(
        MeterRow(
            meter.pk,
            meter.key,
            meter.name,
            meter.unit,
            tuple(meter.dimensions),
            days_add_up=meter.aggregation not in _ONE_IS_LEFT,
            values_add_up=bool(meter.level) or meter.aggregation not in _ONE_IS_LEFT,
        )
        for meter in Meter.objects.filter(pk__in=used).order_by("created_at", "key")
    )


def dimension_values(*, customer_id: UUID, meter_id: UUID, dimension: str) -> tuple[str, ...]:
    """Return every value that the customer ever used of a dimension, sorted: a value's place picks its color."""
    found = UsageDay.objects.filter(customer_id=customer_id, meter_id=meter_id)
    value = Coalesce(KeyTextTransform(dimension, "dimensions"), Value(""), output_field=TextField())
    return tuple(sorted(found.annotate(value=value).values_list("value", flat=True).distinct()))


def invoice_rows(*, customer_id: UUID) -> tuple[InvoiceRow, ...]:
    """Return a customer's finalized invoices, newest first, in one query; drafts are the seller's."""
    return tuple(
        InvoiceRow(
            number=invoice.number or "",
            period_start_on=invoice.period_start_on,
            period_end_on=invoice.period_end_on,
            issued_on=invoice.issued_on or invoice.period_end_on,
            due_on=invoice.due_on or invoice.period_end_on,
            total=Money(invoice.total, invoice.currency),
            open=_open(invoice),
            kind=kind_words(invoice.kind),
            is_credit_note=invoice.kind == Invoice.Kind.CREDIT_NOTE,
        )
        for invoice in _finalized(customer_id)
        .annotate(paid=_paid())
        .order_by("-issued_on", "-number")
        .defer("snapshot")
    )


def invoice_with_lines(
    *, customer_id: UUID, number: str
) -> tuple[Invoice, Sequence[InvoiceLine], Money] | None:
    """Return one finalized invoice of the customer's, its lines and what is open of it; None if it has no such one."""
    invoice = _finalized(customer_id).annotate(paid=_paid()).filter(number=number).first()
    if invoice is None:
        return None
    return (
        invoice,
        list(invoice.lines.order_by("position")),
        _open(invoice),
    )


def grants_left(*, customer_id: UUID, today: date) -> tuple[GrantRow, ...]:
    """Return the grants that can pay for usage today, in the order in which they are used."""
    found = CreditGrant.objects.filter(customer_id=customer_id, left__gt=0, effective_on__lte=today)
    live = found.exclude(expires_on__lte=today).select_related("credit_unit")
    ordered = sorted(live, key=lambda grant: (grant.priority, grant.expires_on or date.max, grant.cost > 0))
    return tuple(
        GrantRow(grant.key, grant.name, _unit(grant), grant.amount, grant.left, grant.expires_on)
        for grant in ordered
    )


def grants_expired(*, customer_id: UUID, today: date) -> tuple[ExpiredRow, ...]:
    """Return what expired of grants in the last three months, the latest first, in one query."""
    found = CreditExpiry.objects.filter(
        grant__customer_id=customer_id, grant__expires_on__gt=today - _SHOWN_AFTER_EXPIRY
    ).select_related("grant__credit_unit")
    return tuple(
        ExpiredRow(one.grant.name, _unit(one.grant), one.amount, one.grant.expires_on - timedelta(days=1))
        for one in found.order_by("-grant__expires_on", "pk")
        if one.grant.expires_on
    )


def _unit(grant: CreditGrant) -> str:
    return grant.credit_unit.name if grant.credit_unit else grant.currency


def _open(invoice: Any) -> Money:
    if invoice.kind == Invoice.Kind.CREDIT_NOTE:
        return Money.zero(invoice.currency)
    return Money(invoice.total - invoice.paid, invoice.currency)


def _finalized(customer_id: UUID) -> QuerySet[Invoice]:
    return Invoice.objects.filter(customer_id=customer_id, status=Invoice.Status.FINALIZED)


def _paid() -> Coalesce:
    allocated = (
        Allocation.objects.filter(invoice=OuterRef("pk"))
        .values("invoice")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    return Coalesce(Subquery(allocated), Value(Decimal(0)), output_field=_MONEY)
