"""Invoiced revenue: what finalized invoices and credit notes ask for before tax, by the month that it is for.

A line is of the month in which its days begin, or else its invoice's period: a fee that was billed in advance is so of the
month that it is for, and counts once. A yearly fee is of the month in which its year begins; nothing is spread here. A credit
note takes off in the month that it corrects; drafts and what was voided count nowhere. Credits that are bought count when they
are billed, and take off what they pay: so each unit of money counts once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Count, DateField, DecimalField, F, Max, Q, QuerySet, Sum, When
from django.db.models.functions import Cast, Coalesce, TruncMonth

from apps.core.digits import MONEY
from apps.core.periods import Period
from apps.invoices.models import Invoice, InvoiceLine

Kind = InvoiceLine.Kind
_USAGE = frozenset({Kind.USAGE, Kind.OVERAGE, Kind.MINIMUM, Kind.MAXIMUM, Kind.ADJUSTMENT})
_FEES = frozenset({Kind.RECURRING, Kind.ONE_TIME, Kind.ADVANCE})
# A customer's revenue by month.
ByMonth = Mapping[date, Mapping[UUID, Decimal]]
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Sold:
    """What lines of one kind and product come to in one currency and month."""

    currency: str
    month: date
    kind: str
    product: str
    amount: Decimal

    @property
    def is_usage(self) -> bool:
        """Tell whether usage was billed; fees, commitments, discounts and credits are not."""
        return self.kind in _USAGE

    @property
    def is_fee(self) -> bool:
        """Tell whether a fee was billed, or taken off since it had been billed in advance."""
        return self.kind in _FEES


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a customer was invoiced of a period that is still running."""

    customer_id: UUID
    sold: Sold


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What is invoiced of some months: by kind and product, and by customer in each currency."""

    sold: tuple[Sold, ...]
    customers: Mapping[str, ByMonth]


def invoiced(*, since: date) -> Invoiced:
    """Return what is invoiced of the months from `since` on; three queries, one where nothing was finalized since last asked."""
    return _read(_stamp(), since)


def ahead_of(running: Mapping[UUID, Period]) -> list[Ahead]:
    """Return what is invoiced already of the running periods of contracts: fees in advance, and thresholds; one query.

    Their spend counts it again, so whoever adds the two up takes this off.
    """
    starts_on = Coalesce("starts_on", "invoice__period_start_on", output_field=DateField())
    rows = (
        _lines(Invoice.Status.FINALIZED)
        .annotate(begins_on=starts_on, whose=Coalesce("of_contract_id", "invoice__contract_id"))
        .filter(
            Q(in_advance=True) | Q(invoice__kind=Invoice.Kind.THRESHOLD),
            Q(begins_on__in={period.starts_on for period in running.values()}),
        )
    )
    by = ("whose", "begins_on", "invoice__customer_id", "kind", "product_name")
    return [
        Ahead(customer, Sold(currency, month, kind, product, amount))
        for currency, month, contract, begins_on, customer, kind, product, amount in _summed(rows, *by)
        if contract in running and running[contract].starts_on == begins_on
    ]


def in_drafts() -> dict[str, dict[date, dict[UUID, Decimal]]]:
    """Return what drafts ask for of periods that are over, before tax, by currency, month and customer; one query.

    Fees in advance and thresholds are left out: the spend of their periods counts them.
    """
    lines = _lines(Invoice.Status.DRAFT).filter(in_advance=False)
    over = lines.exclude(invoice__kind=Invoice.Kind.THRESHOLD)
    found: dict[str, dict[date, dict[UUID, Decimal]]] = {}
    for currency, month, customer, total in _summed(over, "invoice__customer_id"):
        found.setdefault(currency, {}).setdefault(month, {})[customer] = total
    return found


def together(*parts: ByMonth) -> ByMonth:
    """Return revenue by month and customer of several kinds added up, such as what is invoiced and what is in drafts. Pure."""
    sums: dict[date, dict[UUID, Decimal]] = {}
    for part in parts:
        for month, of in part.items():
            by_customer = sums.setdefault(month, {})
            for customer, amount in of.items():
                by_customer[customer] = by_customer.get(customer, _NOTHING) + amount
    return sums


def _stamp() -> tuple[object, ...]:
    """Return what differs whenever other invoices are finalized: they only become more, and never change."""
    found = Invoice.objects.filter(status=Invoice.Status.FINALIZED).aggregate(
        many=Count("pk"), latest=Max("finalized_at"), last=Max(Cast("pk", CharField()))
    )
    return tuple(found.values())


@lru_cache(maxsize=4)
def _read(_known: tuple[object, ...], since: date) -> Invoiced:
    lines = _lines(Invoice.Status.FINALIZED, month__gte=since)
    customers: dict[str, dict[date, dict[UUID, Decimal]]] = {}
    for currency, month, customer, amount in _summed(lines, "invoice__customer_id"):
        customers.setdefault(currency, {}).setdefault(month, {})[customer] = amount
    sold = tuple(Sold(*row) for row in _summed(lines, "kind", "product_name"))
    return Invoiced(sold, customers)


def _lines(status: str, **more: date) -> QuerySet[InvoiceLine]:
    starts_on = Coalesce("starts_on", "invoice__period_start_on", output_field=DateField())
    found = InvoiceLine.objects.filter(invoice__status=status).annotate(month=TruncMonth(starts_on))
    return found.filter(**more)


def _summed(lines: QuerySet[InvoiceLine], *by: str) -> Iterable[Any]:
    """Return sums by currency, month and these; of prices that include tax without it."""
    money: DecimalField[Decimal, Decimal] = DecimalField(**MONEY)
    tax = Case(When(invoice__tax_included=True, then=F("tax_amount")), default=_NOTHING, output_field=money)
    return (
        lines.order_by()
        .values_list("invoice__currency", "month", *by)
        .annotate(before_tax=Sum(F("amount") - tax, output_field=money))
    )
