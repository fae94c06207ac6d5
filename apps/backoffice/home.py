"""The home page: what the month brings, what waits for a decision, what is owed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from apps.backoffice import queries
from apps.contracts.queries import running
from apps.controls.spend import Spend, spend_to_date
from apps.core import clock
from apps.core.charts import Chart, Series, largest
from apps.core.formats import format_short_day
from apps.core.money import Money
from apps.invoices import queries as invoice_queries
from apps.invoices.models import Invoice
from apps.payments import queries as payment_queries
from apps.usage import queries as usage_queries

LOCALE = "en"
MOST_ROWS = 6
MOST_METERS = 3


@dataclass(frozen=True, slots=True)
class Revenue:
    """One currency's month: usage and fees of the running periods so far, and what was invoiced last."""

    so_far: Money
    contracts: int
    invoiced: Money
    invoices: int


@dataclass(frozen=True, slots=True)
class Receivables:
    """What is open in one currency, by age."""

    total: Money
    overdue: Money
    buckets: list[payment_queries.AgeBucket]


@dataclass(frozen=True, slots=True)
class Home:
    """All that the home page shows."""

    at: datetime
    revenues: list[Revenue]
    last_received_at: datetime | None
    chart: Chart
    drafts: tuple[invoice_queries.DraftRow, ...]
    drafts_total: tuple[invoice_queries.Totalled, ...]
    receivables: list[Receivables]
    waiting: tuple[usage_queries.WaitingReason, ...]
    parked: int

    @property
    def waiting_count(self) -> int:
        """Return how many events wait in quarantine."""
        return sum(reason.count for reason in self.waiting)


def home(*, at: datetime) -> Home:
    """Return the home page at an instant, in a number of queries that does not grow with the customers."""
    spends = spend_to_date(contracts=running(at=at), at=at)
    drafts = invoice_queries.drafts_to_review()
    rows = payment_queries.receivables(today=at.date())
    return Home(
        at=at,
        revenues=_revenues(spends.values(), at=at),
        last_received_at=max(
            (spend.last_received_at for spend in spends.values() if spend.last_received_at), default=None
        ),
        chart=_chart(at=at),
        drafts=tuple(sorted(drafts, key=_difference, reverse=True)[:MOST_ROWS]),
        drafts_total=_summed(drafts),
        receivables=[_owed(currency, buckets) for currency, buckets in payment_queries.by_age(rows).items()],
        waiting=usage_queries.waiting_by_reason(),
        parked=invoice_queries.parked().count(),
    )


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Give the admin's index page what it shows."""
    may_see = all(
        request.user.has_perm(right) for right in ("invoices.view_invoice", "customers.view_customer")
    )
    return {**context, "home": home(at=clock.now()) if may_see else None, "title": "Home"}


def _revenues(spends: Iterable[Spend], *, at: datetime) -> list[Revenue]:
    so_far: dict[str, list[Money]] = {}
    for spend in spends:
        so_far.setdefault(spend.rated.subtotal.currency, []).append(spend.rated.subtotal)
    month = at.date().replace(day=1)
    issued = {
        total.total.currency: total
        for total in invoice_queries.totals(
            Invoice.objects.filter(status=Invoice.Status.FINALIZED, issued_on__gte=month)
        )
    }
    return [
        Revenue(
            so_far=Money.total(so_far.get(currency, []), currency),
            contracts=len(so_far.get(currency, [])),
            invoiced=issued[currency].total if currency in issued else Money.zero(currency),
            invoices=issued[currency].count if currency in issued else 0,
        )
        for currency in sorted({*so_far, *issued})
    ]


def _chart(*, at: datetime) -> Chart:
    days = queries.last_days(at.date())
    return Chart(
        key="used",
        question="How much is used?",
        labels=tuple(format_short_day(day, LOCALE) for day in days),
        series=largest(
            [
                Series(_named(used), used.events, slot=place)
                for place, used in enumerate(queries.events_by_day(days=days))
            ]
        ),
        locale=LOCALE,
        format="count",
        unit="events",
        note="Counted events by what they are metered for, the last 30 days",
        when_empty="Nothing was used yet. Post an event to /api/v1/events.",
    )


def _named(used: queries.UsedOn) -> str:
    """Name a type of events by the meters that it feeds, as customers know them."""
    more = len(used.meters) - MOST_METERS
    return ", ".join(used.meters[:MOST_METERS]) + (f" and {more} more" if more > 0 else "")


def _difference(row: invoice_queries.DraftRow) -> Decimal:
    if row.before is None:
        return Decimal(0)
    return abs(row.invoice.total.amount - row.before.amount)


def _summed(drafts: Iterable[invoice_queries.DraftRow]) -> tuple[invoice_queries.Totalled, ...]:
    totals: dict[str, list[Money]] = {}
    for row in drafts:
        totals.setdefault(row.invoice.total.currency, []).append(row.invoice.total)
    return tuple(
        invoice_queries.Totalled(len(amounts), Money.total(amounts, currency))
        for currency, amounts in sorted(totals.items())
    )


def _owed(currency: str, buckets: list[payment_queries.AgeBucket]) -> Receivables:
    return Receivables(
        total=Money.total((bucket.amount for bucket in buckets), currency).rounded(),
        overdue=Money.total((bucket.amount for bucket in buckets[1:]), currency).rounded(),
        buckets=buckets,
    )
