"""The home page's charts: each answers a question from figures that are read already."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse

from apps.backoffice import queries
from apps.backoffice.figures.invoiced import Sold
from apps.backoffice.figures.movements import Movement
from apps.controls.forecast import Sum
from apps.core import formats
from apps.core.charts import Chart, Series, Span, largest
from apps.core.periods import months_after
from apps.core.spreadsheets import FORMATS

LOCALE = "en"
MOST_METERS = 3
MOVES = {
    "new": "New",
    "reactivation": "Came back",
    "expansion": "Expansion",
    "contraction": "Contraction",
    "churn": "Churn",
}
_MOVE_SLOTS = (2, 4, 0, 1, 5)
_NOTHING = Decimal(0)
_OPEN = "so far"


def revenue(
    sold: Iterable[Sold],
    *,
    months: Sequence[date],
    drafts: Mapping[date, Decimal],
    forecast: Sum | None,
    currency: str,
) -> Chart:
    """Draw revenue by month, the last of them with what is still expected of its running periods."""
    usage, fees, others = _by_kind(sold, months)
    more = forecast.expected - forecast.so_far if forecast else None
    span = None
    if forecast and more and more.amount > 0:
        so_far = sum((values[-1] for values in (usage, fees, others)), drafts.get(months[-1], _NOTHING))
        span = Span(
            len(months) - 1,
            so_far + (forecast.low - forecast.so_far).amount,
            so_far + (forecast.high - forecast.so_far).amount,
        )
    series = [
        Series("Usage", usage, slot=0),
        Series("Fees", fees, slot=2),
        Series("Credits, discounts and other", others, slot=3),
        Series("In drafts", tuple(drafts.get(month, _NOTHING) for month in months), slot=1, is_estimate=True),
        Series(
            "Still expected",
            (*(_NOTHING for _ in months[1:]), max(more.amount, _NOTHING) if more else _NOTHING),
            slot=0,
            is_estimate=True,
        ),
    ]
    return Chart(
        key="revenue",
        files=files("revenue", currency),
        question="What does each month bring?",
        labels=_labels(months),
        titles=_titles(months),
        series=tuple(one for one in series if any(one.values)),
        locale=LOCALE,
        format="money",
        currency=currency,
        label_name="Month",
        note="Before tax, by the month that it is for; the last one is still running",
        when_empty="No revenue yet. It shows as soon as usage is priced or a fee is due.",
        span=span,
        links=tuple(invoices_of(month, currency) for month in months),
    )


def products(
    sold: Iterable[Sold], *, months: Sequence[date], slots: Mapping[str, int], currency: str
) -> Chart:
    """Draw the usage revenue of each product by month; `slots` tell each product's color in every currency."""
    found: dict[str, dict[date, Decimal]] = {}
    for one in sold:
        if one.is_usage:
            of_product = found.setdefault(one.product or "Without a product", {})
            of_product[one.month] = of_product.get(one.month, _NOTHING) + one.amount
    series = [
        Series(name, tuple(of_product.get(month, _NOTHING) for month in months), slots.get(name))
        for name, of_product in sorted(found.items())
    ]
    return Chart(
        key="products",
        files=files("products", currency),
        question="Which products bring usage revenue?",
        labels=_labels(months),
        titles=_titles(months),
        series=largest([one for one in series if any(one.values)]),
        locale=LOCALE,
        format="money",
        currency=currency,
        label_name="Month",
        note="At contract prices, before discounts, credits and tax",
        when_empty="No usage was priced yet.",
        links=tuple(invoices_of(month, currency) for month in months),
    )


def recurring(movements: Sequence[Movement], *, months: Sequence[date], currency: str) -> Chart:
    """Draw how recurring revenue moved in each month; the table tells also where it began and ended."""
    series = [
        Series(name, tuple(one.of(kind) for one in movements), slot=slot)
        for (kind, name), slot in zip(MOVES.items(), _MOVE_SLOTS, strict=True)
    ]
    moved = tuple(one for one in series if any(one.values))
    return Chart(
        key="recurring",
        files=files("recurring", currency),
        question="What moves recurring revenue?",
        labels=_labels(months),
        titles=_titles(months),
        series=moved,
        locale=LOCALE,
        format="money",
        currency=currency,
        label_name="Month",
        note="MRR: fees less discounts, brought to a month; the last month is up to today",
        when_empty="No recurring fee began, changed or ended in these months.",
        beside=(
            Series("MRR before", tuple(one.opening for one in movements)),
            Series("MRR after", tuple(one.closing for one in movements)),
            Series("Customers with fees", tuple(Decimal(one.customers) for one in movements), is_count=True),
        ),
        total_name="Net",
    )


def money_in(
    issued: Sequence[Decimal], collected: Sequence[Decimal], *, months: Sequence[date], currency: str
) -> Chart:
    """Draw what was invoiced beside what came in."""
    return Chart(
        key="collections",
        files=files("collections", currency),
        question="Does the money come in?",
        labels=_labels(months),
        titles=_titles(months),
        series=(Series("Invoiced", tuple(issued), slot=0), Series("Collected", tuple(collected), slot=2)),
        locale=LOCALE,
        format="money",
        currency=currency,
        label_name="Month",
        note="With tax, by the day of the invoice and of the payment",
        when_empty="Nothing was invoiced yet.",
        stacked=False,
        sums_rows=False,
        links=tuple(issued_in(month, currency) for month in months),
    )


def used(*, today: date) -> Chart:
    """Draw the counted events of the last thirty days; two queries."""
    days = queries.last_days(today)
    return Chart(
        key="used",
        files=files("used", ""),
        question="How much is used?",
        labels=tuple(formats.format_short_day(day, LOCALE) for day in days),
        series=largest(
            [
                Series(_named(one), one.events, slot=place)
                for place, one in enumerate(queries.events_by_day(days=days))
            ]
        ),
        locale=LOCALE,
        format="count",
        unit="events",
        note="Counted events by what they are metered for, the last 30 days",
        when_empty="Nothing was used yet. Post an event to /api/v1/events.",
    )


def files(key: str, currency: str) -> tuple[tuple[str, str], ...]:
    """Return the addresses of a table of the page as a file, by the kind of file."""
    asked = f"?{urlencode({'currency': currency})}" if currency else ""
    return tuple(
        (kind.upper(), f"{reverse('backoffice:home_table', args=[key, kind])}{asked}") for kind in FORMATS
    )


def invoices_of(month: date, currency: str) -> str:
    """Return the address of the list of finalized invoices of a month's periods."""
    return _invoices("period_start_on", month, currency)


def issued_in(month: date, currency: str) -> str:
    """Return the address of the list of invoices issued in a month."""
    return _invoices("issued_on", month, currency)


def _invoices(day: str, month: date, currency: str) -> str:
    asked = {
        f"{day}__gte": month.isoformat(),
        f"{day}__lt": months_after(month, 1).isoformat(),
        "currency": currency,
        "status__exact": "finalized",
    }
    return f"{reverse('admin:invoices_invoice_changelist')}?{urlencode(asked)}"


def _by_kind(sold: Iterable[Sold], months: Sequence[date]) -> tuple[tuple[Decimal, ...], ...]:
    sums: dict[tuple[str, date], Decimal] = {}
    for one in sold:
        name = "usage" if one.is_usage else "fees" if one.is_fee else ""
        sums[name, one.month] = sums.get((name, one.month), _NOTHING) + one.amount
    return tuple(
        tuple(sums.get((name, month), _NOTHING) for month in months) for name in ("usage", "fees", "")
    )


def _labels(months: Sequence[date]) -> tuple[str, ...]:
    return tuple(formats.format_short_month(month, LOCALE) for month in months)


def _titles(months: Sequence[date]) -> tuple[str, ...]:
    *whole, last = (formats.format_month(month, LOCALE) for month in months)
    return (*whole, f"{last}, {_OPEN}")


def _named(used: queries.UsedOn) -> str:
    """Name a type of events by the meters that it feeds, as customers know them."""
    more = len(used.meters) - MOST_METERS
    return ", ".join(used.meters[:MOST_METERS]) + (f" and {more} more" if more > 0 else "")
