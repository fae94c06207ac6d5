"""The tax report of a period, with the documents behind each figure and the EU sales list."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from apps.backoffice.views import page, require
from apps.core import clock, spreadsheets
from apps.core.formats import format_day
from apps.core.money import Money
from apps.core.periods import months_after
from apps.customers.models import LegalEntity
from apps.customers.regions import name_of
from apps.customers.tax_numbers import EU
from apps.invoices import tax_report
from apps.invoices.tax_rules import place_of

_LENGTHS = {"month": 1, "quarter": 3}
_MOST_DOCUMENTS = 500
_EARLIEST, _LATEST = 1970, 2200


@dataclass(frozen=True, slots=True)
class Span:
    """A month or a quarter, half-open."""

    starts_on: date
    months: int

    @property
    def ends_on(self) -> date:
        """The first day after it."""
        return months_after(self.starts_on, self.months)

    @property
    def before(self) -> "Span":
        """The span before it."""
        return Span(months_after(self.starts_on, -self.months), self.months)

    @property
    def after(self) -> "Span":
        """The span after it."""
        return Span(self.ends_on, self.months)

    @property
    def word(self) -> str:
        """What the address calls its length."""
        return next(word for word, months in _LENGTHS.items() if months == self.months)

    def __str__(self) -> str:
        last_on = self.ends_on - timedelta(days=1)
        return f"{format_day(self.starts_on, 'en')} to {format_day(last_on, 'en')}"


def report(request: HttpRequest) -> HttpResponseBase:
    """Show the tax of a month or quarter of a legal entity by place, category and rate, and how it agrees with the books."""
    require(request, "invoices.view_invoice")
    entities = list(LegalEntity.objects.order_by("name"))
    entity = _entity(request, entities)
    span = _span(request)
    context: dict[str, Any] = {"title": "Tax", "entities": entities, "entity": entity, "span": span}
    if entity:
        found = tax_report.rows(**_within(entity, span))
        if not found and "from" not in request.GET:
            # Before the first month is over, the running one says more.
            context["span"] = span = span.after
            found = tax_report.rows(**_within(entity, span))
        if request.GET.get("as") in spreadsheets.FORMATS:
            return spreadsheets.download(_table(entity, span, found), request.GET["as"])
        within = _within(entity, span)
        currencies = sorted({row.tax.currency for row in found})
        context |= {
            "rows": found,
            "totals": [
                (
                    Money.total((row.base for row in found if row.base.currency == currency), currency),
                    Money.total((row.tax for row in found if row.tax.currency == currency), currency),
                )
                for currency in currencies
            ],
            "agreed": tax_report.agreed(**within),
            "untaxed": tax_report.untaxed(**within),
            # Only sellers of the EU are asked for it.
            "sales": tax_report.sales_list(**within) if place_of(entity).country in EU else [],
            "by_hand": entity.tax_provider == LegalEntity.TaxProvider.CUSTOMER,
        }
    return page(request, "backoffice/taxes.html", context)


def documents(request: HttpRequest) -> HttpResponse:
    """Show the invoices and credit notes behind a row of the report."""
    require(request, "invoices.view_invoice")
    entity = _entity(request, list(LegalEntity.objects.order_by("name")))
    asked = request.GET
    try:
        rate = Decimal(asked.get("rate", "0"))
    except InvalidOperation:
        raise Http404 from None
    if entity is None or not rate.is_finite() or not 0 <= rate <= 100:
        raise Http404
    span = _span(request)
    found = tax_report.documents(
        **_within(entity, span),
        place=asked.get("place", "")[:6],
        category=asked.get("category", "")[:2],
        rate=rate,
    )
    context = {
        "title": "Documents of a tax",
        "entity": entity,
        "span": span,
        "taxes": [
            {
                "invoice": row.invoice,
                "base": Money(row.base, row.invoice.currency),
                "tax": Money(row.amount, row.invoice.currency),
            }
            for row in found[:_MOST_DOCUMENTS]
        ],
        "most": _MOST_DOCUMENTS,
        "count": found.count(),
        "place": name_of(asked["place"][:6]) if asked.get("place") else "",
        "rate": rate,
    }
    return page(request, "backoffice/tax_documents.html", context)


def _within(entity: LegalEntity, span: Span) -> dict[str, Any]:
    return {"legal_entity_id": entity.pk, "starts_on": span.starts_on, "ends_on": span.ends_on}


def _table(entity: LegalEntity, span: Span, rows: list[tax_report.TaxRow]) -> spreadsheets.Table:
    return spreadsheets.Table(
        f"tax-{entity.key}-{span.starts_on}-{span.word}",
        (
            "Place",
            "Category",
            "Treatment",
            "Tax",
            "Rate, percent",
            "Currency",
            "Taxed amount",
            "Tax amount",
            "Documents",
        ),
        (
            (
                *(row.place, row.category, row.treatment, row.name, row.rate.normalize()),
                *(row.base.currency, row.base, row.tax, row.documents),
            )
            for row in rows
        ),
    )


def _entity(request: HttpRequest, among: list[LegalEntity]) -> LegalEntity | None:
    wanted = request.GET.get("seller", "")
    if not wanted:
        return among[0] if among else None
    found = next((one for one in among if one.key == wanted), None)
    if found is None:
        raise Http404
    return found


def _span(request: HttpRequest) -> Span:
    """Return the asked month or quarter; the last one that is over where none is asked for."""
    months = _LENGTHS.get(request.GET.get("length", ""), 1)
    today = clock.now().date()
    first_on = months_after(today.replace(day=1, month=(today.month - 1) // months * months + 1), -months)
    try:
        asked_on = date.fromisoformat(request.GET.get("from", first_on.isoformat()))
    except ValueError:
        raise Http404 from None
    if not _EARLIEST < asked_on.year < _LATEST:
        raise Http404
    return Span(asked_on.replace(day=1, month=(asked_on.month - 1) // months * months + 1), months)
