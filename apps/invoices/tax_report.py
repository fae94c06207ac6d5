"""The tax of a period by place, category and rate, agreed with the journal; and the EU sales list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform, KeyTransform

from apps.core.money import Money
from apps.customers.regions import name_of
from apps.invoices.models import Invoice, InvoiceTax
from apps.ledger.models import Account, Posting

_CATEGORIES = dict(InvoiceTax.Category.choices)
_ISSUED = Q(invoice__status=Invoice.Status.FINALIZED)


@dataclass(frozen=True, slots=True)
class TaxRow:
    """What was taxed alike in a period; credit notes are taken off."""

    place: str
    category: str
    rate: Decimal
    name: str
    base: Money
    tax: Money
    documents: int

    @property
    def place_name(self) -> str:
        """The place in words; none where the tax was given by hand."""
        return name_of(self.place) if self.place else ""

    @property
    def treatment(self) -> str:
        """The category in words."""
        return str(_CATEGORIES[self.category])


@dataclass(frozen=True, slots=True)
class Agreed:
    """The tax of the documents of a period in one currency, beside the tax account of the journal.

    They agree when `posted` is the documents' tax, less what of it was posted in another month since its own was closed
    (`posted_elsewhere`), plus what was posted here of other months (`of_other_days`) and by other entries (`by_others`).
    """

    documents: Money
    posted: Money
    posted_elsewhere: Money
    of_other_days: Money
    by_others: Money

    @property
    def difference(self) -> Money:
        """What is not explained; it is nothing, or the books are wrong."""
        return self.posted - (self.documents - self.posted_elsewhere + self.of_other_days + self.by_others)


@dataclass(frozen=True, slots=True)
class SalesRow:
    """What a business of another member state bought under reverse charge: a line of the EU sales list."""

    tax_number: str
    customer: str
    place: str
    base: Money
    documents: int

    @property
    def place_name(self) -> str:
        """The country in words."""
        return name_of(self.place)


def rows(*, legal_entity_id: UUID, starts_on: date, ends_on: date) -> list[TaxRow]:
    """Return the taxes of documents issued from `starts_on` until before `ends_on`, highest rates first; one query."""
    found = (
        _taxes(legal_entity_id, starts_on, ends_on)
        .values_list("invoice__currency", "place", "category", "rate", "name")
        .annotate(base=Sum("base"), tax=Sum("amount"), documents=Count("invoice", distinct=True))
        .order_by("invoice__currency", "place", "-rate", "category", "name")
    )
    return [
        TaxRow(place, category, rate, name, Money(base, currency), Money(tax, currency), documents)
        for currency, place, category, rate, name, base, tax, documents in found
    ]


def documents(
    *, legal_entity_id: UUID, starts_on: date, ends_on: date, place: str, category: str, rate: Decimal
) -> QuerySet[InvoiceTax]:
    """Return the tax rows of the documents behind a row of the report, with their invoices and customers."""
    found = _taxes(legal_entity_id, starts_on, ends_on).filter(place=place, category=category, rate=rate)
    return found.select_related("invoice__customer").order_by("invoice__issued_on", "invoice__number")


def untaxed(*, legal_entity_id: UUID, starts_on: date, ends_on: date) -> int:
    """Return how many documents of the period say nothing of tax at all, and so are in no row."""
    issued = Invoice.objects.filter(
        status=Invoice.Status.FINALIZED,
        legal_entity=legal_entity_id,
        issued_on__gte=starts_on,
        issued_on__lt=ends_on,
    )
    return issued.filter(taxes=None).exclude(total=0).count()


def agreed(*, legal_entity_id: UUID, starts_on: date, ends_on: date) -> list[Agreed]:
    """Return the documents' tax beside the journal's, one row a currency; two queries."""
    of_documents = dict(
        _taxes(legal_entity_id, starts_on, ends_on)
        .values_list("invoice__currency")
        .annotate(tax=Sum("amount"))
        .order_by()
    )
    posted = Q(entry__posted_on__gte=starts_on, entry__posted_on__lt=ends_on)
    dated = Q(entry__document_on__gte=starts_on, entry__document_on__lt=ends_on)
    of_invoices = Q(entry__kind__in=["invoice", "credit_note"])
    journal = (
        Posting.objects.filter(posted | dated, account__role=Account.Role.TAX)
        .filter(entry__legal_entity=legal_entity_id)
        .values("currency")
        .annotate(
            posted=Sum("amount", filter=posted, default=Decimal(0)),
            elsewhere=Sum("amount", filter=dated & of_invoices & ~posted, default=Decimal(0)),
            of_other_days=Sum("amount", filter=posted & of_invoices & ~dated, default=Decimal(0)),
            by_others=Sum("amount", filter=posted & ~of_invoices, default=Decimal(0)),
        )
        .order_by("currency")
    )
    by_currency: dict[str, Mapping[str, Any]] = {row["currency"]: row for row in journal}
    return list(_agreed(of_documents, by_currency))


def sales_list(*, legal_entity_id: UUID, starts_on: date, ends_on: date) -> list[SalesRow]:
    """Return what businesses of other member states bought under reverse charge, by their VAT numbers; one query.

    Directive 2006/112/EC, Art. 262-264: the recapitulative statement. Numbers are those that were printed.
    """
    found = (
        _taxes(legal_entity_id, starts_on, ends_on)
        .filter(category__in=[InvoiceTax.Category.REVERSE_CHARGE, InvoiceTax.Category.INTRA_COMMUNITY])
        .exclude(place__in=_NOT_OF_THE_EU)
        .annotate(number=KeyTextTransform("tax_number", KeyTransform("customer", "invoice__snapshot")))
        .values_list("number", "invoice__customer__name", "place", "invoice__currency")
        .annotate(base=Sum("base"), documents=Count("invoice", distinct=True))
        .order_by("number", "invoice__currency")
    )
    return [
        SalesRow(number or "", customer, place, Money(base, currency), documents)
        for number, customer, place, currency, base, documents in found
    ]


# Reverse charge is known there too.
_NOT_OF_THE_EU = ["GB", "NO"]


def _taxes(legal_entity_id: UUID, starts_on: date, ends_on: date) -> QuerySet[InvoiceTax]:
    return InvoiceTax.objects.filter(
        _ISSUED,
        invoice__legal_entity=legal_entity_id,
        invoice__issued_on__gte=starts_on,
        invoice__issued_on__lt=ends_on,
    )


def _agreed(
    of_documents: Mapping[str, Decimal], by_currency: Mapping[str, Mapping[str, Any]]
) -> Iterator[Agreed]:
    """Yield by currency; what is credited to the tax account is owed, and so counts as above zero here."""
    for currency in sorted({*of_documents, *by_currency}):
        row = by_currency.get(currency, {})
        owed = {
            name: Money(-row.get(name, Decimal(0)), currency)
            for name in ("posted", "elsewhere", "of_other_days", "by_others")
        }
        yield Agreed(
            Money(of_documents.get(currency, Decimal(0)), currency),
            owed["posted"],
            owed["elsewhere"],
            owed["of_other_days"],
            owed["by_others"],
        )
