"""The home page's tables to save: the same rows and figures as on the page, of one currency."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from django.http import Http404, HttpRequest, HttpResponseBase

from apps.backoffice.home import Home, Section, home
from apps.backoffice.views import require
from apps.core import clock
from apps.core.charts import Chart, Series
from apps.core.money import Money
from apps.core.spreadsheets import FORMATS, Cell, Table, download

Figures = Callable[[Section], Table]


def table(request: HttpRequest, key: str, kind: str) -> HttpResponseBase:
    """Send one of the page's tables as a file to save."""
    require(request, "invoices.view_invoice")
    require(request, "customers.view_customer")
    shown = home(at=clock.now(), currency=request.GET.get("currency", ""))
    found = table_of(shown, key)
    if found is None or kind not in FORMATS:
        raise Http404
    return download(found, kind)


def table_of(shown: Home, key: str) -> Table | None:
    """Return a table of the page by its key; None where the page has no such table, or nothing in it."""
    if key == shown.used.key:
        return chart_table(shown.used)
    if shown.section is None:
        return None
    if key in shown.section.charts:
        return chart_table(shown.section.charts[key])
    return _TABLES[key](shown.section) if key in _TABLES else None


def chart_table(chart: Chart) -> Table:
    """Return the figures of a chart: a row a label, a column a series, and what stands beside them."""
    titles = chart.titles or chart.labels
    series = (*chart.series, *chart.beside)
    return Table(
        chart.key,
        [chart.label_name, *(_head(one, chart) for one in series)],
        [
            [title, *(_cell(one.values[place], one, chart) for one in series)]
            for place, title in enumerate(titles)
        ],
    )


def _head(one: Series, chart: Chart) -> str:
    unit = "" if one.is_count else chart.currency or chart.unit
    name = f"{one.name} (estimate)" if one.is_estimate else one.name
    return f"{name}, {unit}" if unit else name


def _cell(value: Decimal, one: Series, chart: Chart) -> Cell:
    return Money(value, chart.currency) if chart.format == "money" and not one.is_count else value


def _customers(section: Section) -> Table:
    currency = section.currency
    months = [f"{month:%Y-%m}, {currency}" for month in section.months[:-1]]
    return Table(
        "customers",
        ["Customer", "Key", *months, f"So far, {currency}", f"In all, {currency}"],
        [
            [
                row.customer.name,
                row.customer.key,
                *(Money(amount, currency) for amount in row.figures.months),
                row.so_far,
                row.total,
            ]
            for row in section.top
        ],
    )


def _retention(section: Section) -> Table:
    currency = section.currency
    rows: list[list[Cell]] = []
    for row in section.retained:
        for of_what, known in (("All that is invoiced", row.invoiced), ("MRR", row.recurring)):
            if known:
                amounts = [Money(amount, currency) for amount in (known.before, known.now, known.kept)]
                rows.append([row.month, of_what, *amounts])
    heads = [f"A year before, {currency}", f"Now, {currency}", f"Kept, {currency}"]
    return Table("retention", ["Month", "Of what", *heads], rows)


def _owed(section: Section) -> Table:
    buckets = section.collections.buckets if section.collections else ()
    return Table(
        "owed",
        ["Age", "Invoices", f"Open, {section.currency}"],
        [[bucket.label, bucket.invoices, bucket.amount] for bucket in buckets],
    )


_TABLES: Mapping[str, Figures] = {"customers": _customers, "retention": _retention, "owed": _owed}
