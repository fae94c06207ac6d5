"""What was invoiced and what came in, month by month, what is open and how old it is, and how long customers take to pay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, Count, IntegerField, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncMonth

from apps.core.money import Money
from apps.invoices.models import Invoice
from apps.payments.models import Payment
from apps.payments.queries import AGES, AgeBucket, with_open_amounts

# Over a quarter, so that one large invoice or a late transfer does not make the figure.
_DAYS = 90
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Collections:
    """One currency's collections; `issued` and `collected` have a value for each month asked for, tax included."""

    currency: str
    issued: tuple[Decimal, ...]
    collected: tuple[Decimal, ...]
    invoices: int
    buckets: tuple[AgeBucket, ...]
    days_outstanding: Decimal | None

    @property
    def open(self) -> Money:
        """Return what is open."""
        return Money.total((bucket.amount for bucket in self.buckets), self.currency)

    @property
    def overdue(self) -> Money:
        """Return what is past its due day."""
        return Money.total((bucket.amount for bucket in self.buckets[1:]), self.currency)


def collections(*, months: Sequence[date], today: date) -> Mapping[str, Collections]:
    """Return collections by currency, for those that ever had an invoice or a payment; four queries.

    `invoices` counts those issued in the last month asked for. Days sales outstanding are what is open over what was invoiced
    in the last 90 days, times these days, or those since the first invoice
    (https://en.wikipedia.org/wiki/Days_sales_outstanding); None where nothing was invoiced in them.
    """
    finalized = Invoice.objects.filter(status=Invoice.Status.FINALIZED)
    issued = _by_month(finalized.filter(issued_on__gte=months[0]), "issued_on", "total")
    received = _by_month(Payment.objects.filter(received_on__gte=months[0]), "received_on", "amount")
    sales = {
        currency: (recent or _NOTHING, min((today - first).days + 1, _DAYS))
        for currency, recent, first in finalized.order_by()
        .values_list("currency")
        .annotate(
            recent=Sum("total", filter=Q(issued_on__gt=today - timedelta(days=_DAYS))), first=Min("issued_on")
        )
    }
    buckets = _open_by_age(finalized, today)
    return {
        currency: _collections(
            currency,
            [issued.get((currency, month), (_NOTHING, 0)) for month in months],
            [received.get((currency, month), (_NOTHING, 0)) for month in months],
            buckets.get(currency, {}),
            sales.get(currency, (_NOTHING, 0)),
        )
        for currency in sorted({*sales, *(currency for currency, _ in received)})
    }


def _collections(
    currency: str,
    issued: Sequence[tuple[Decimal, int]],
    received: Sequence[tuple[Decimal, int]],
    ages: Mapping[int, tuple[Decimal, int]],
    sales: tuple[Decimal, int],
) -> Collections:
    buckets = []
    for place, (_, label) in enumerate(AGES):
        amount, count = ages.get(place, (_NOTHING, 0))
        buckets.append(AgeBucket(label, Money(amount, currency).rounded(), count))
    sold, days = sales
    is_open = sum((bucket.amount.amount for bucket in buckets), _NOTHING)
    return Collections(
        currency=currency,
        issued=tuple(amount for amount, _ in issued),
        collected=tuple(amount for amount, _ in received),
        invoices=issued[-1][1],
        buckets=tuple(buckets),
        days_outstanding=is_open * days / sold if sold > 0 else None,
    )


def _by_month(
    found: "QuerySet[Invoice] | QuerySet[Payment]", day: str, amount: str
) -> dict[tuple[str, date], tuple[Decimal, int]]:
    rows = (
        found.order_by()
        .annotate(month=TruncMonth(day))
        .values_list("currency", "month")
        .annotate(amount_sum=Sum(amount), many=Count("pk"))
    )
    return {(currency, month): (total, many) for currency, month, total, many in rows}


def _open_by_age(finalized: QuerySet[Invoice], today: date) -> dict[str, dict[int, tuple[Decimal, int]]]:
    """Return what is open and of how many invoices, by currency and place in AGES; summed in the database."""
    ends = [
        When(due_on__gte=today - timedelta(days=days), then=Value(place))
        for place, (days, _) in enumerate(AGES)
        if days is not None
    ]
    rows = (
        with_open_amounts(finalized)
        .filter(Q(open_amount__gt=0))
        .annotate(age=Case(*ends, default=Value(len(AGES) - 1), output_field=IntegerField()))
        .order_by()
        .values_list("currency", "age")
        .annotate(left=Sum("open_amount"), many=Count("pk"))
    )
    found: dict[str, dict[int, tuple[Decimal, int]]] = {}
    for currency, place, left, many in rows:
        found.setdefault(currency, {})[place] = (left, many)
    return found
