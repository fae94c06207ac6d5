"""Revenue by product, by customer, or by the value of a dimension, such as the model."""

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from apps.backoffice.books.asked import Asked, Chip
from apps.backoffice.books.report import Cell, Check, Column, Report, amount
from apps.core.formats import format_share
from apps.core.money import Money
from apps.customers.models import Customer
from apps.invoices.revenue import by_dimension
from apps.ledger.models import Account, Entry
from apps.ledger.queries import by_customer, by_product
from apps.plans.models import Meter

_ROLE = Account.Role.REVENUE
PRODUCT, CUSTOMER = "product", "customer"


def revenue(asked: Asked, _request: HttpRequest) -> Report:
    """Return the revenue of the days by product, by customer, or by a dimension of meters; credits used are a row of their own."""
    dimensions = sorted({one for row in Meter.objects.values_list("dimensions", flat=True) for one in row})
    chosen = asked.more.get("by", PRODUCT)
    by = chosen if chosen in {PRODUCT, CUSTOMER, *dimensions} else PRODUCT
    products = {
        name: -figure
        for name, figure in by_product(
            asked.books, _ROLE, starts_on=asked.starts_on, ends_on=asked.ends_on
        ).items()
    }
    booked = sum(products.values(), Decimal(0))
    rows = _rows(asked, by, products)
    total = sum((figure for _, figure in rows), Decimal(0))
    return Report(
        key="revenue",
        title="Revenue",
        label=f"Earned, {asked.days}",
        figure=Money(booked, asked.currency),
        note="Before tax, after discounts and credit notes. Fees in advance count once they are earned.",
        columns=[
            Column({PRODUCT: "Product", CUSTOMER: "Customer"}.get(by, by.capitalize())),
            amount("Revenue", asked.currency),
            Column("Share", is_number=True),
        ],
        rows=[
            [
                cell,
                Cell(Money(figure, asked.currency)),
                Cell(format_share(figure / total, "en") if total > 0 and figure > 0 else ""),
            ]
            for cell, figure in sorted(rows, key=lambda row: (-row[1], str(row[0].value)))
        ],
        totals=[Cell("All"), Cell(Money(total, asked.currency)), Cell("")],
        checks=[Check("The rows add up to the journal's revenue", total == booked)],
        chips=[
            Chip(f"By {name}", asked.address(by=name), name == by)
            for name in (PRODUCT, CUSTOMER, *dimensions)
        ],
    )


def _rows(asked: Asked, by: str, products: Mapping[str, Decimal]) -> list[tuple[Cell, Decimal]]:
    journal = reverse("backoffice:books_journal")
    if by == PRODUCT:
        return [
            (
                Cell(
                    name or "No product",
                    journal + asked.elsewhere(role=_ROLE.value) + "&" + urlencode({"product": name}),
                ),
                figure,
            )
            for name, figure in products.items()
        ]
    if by == CUSTOMER:
        found = by_customer(asked.books, _ROLE, starts_on=asked.starts_on, ends_on=asked.ends_on)
        customers = Customer.objects.in_bulk(list(found))
        return [
            (
                Cell(
                    customers[pk].name,
                    journal + asked.elsewhere(role=_ROLE.value, customer=customers[pk].key),
                ),
                -figure,
            )
            for pk, figure in found.items()
        ]
    return _by_dimension(asked, by)


def _by_dimension(asked: Asked, dimension: str) -> list[tuple[Cell, Decimal]]:
    days = {"starts_on": asked.starts_on, "ends_on": asked.ends_on}
    found = by_dimension(dimension, legal_entity_id=asked.entity.pk, currency=asked.currency, **days)
    rows = [(Cell(value or f"No {dimension}"), figure) for value, figure in found.items() if figure]
    others = {
        "Credits used": [Entry.Kind.BURN],
        "By hand and reversed": [Entry.Kind.MANUAL, Entry.Kind.REVERSAL],
    }
    journal = reverse("backoffice:books_journal")
    for name, kinds in others.items():
        figure = -sum(by_product(asked.books, _ROLE, **days, kinds=kinds).values(), Decimal(0))
        if figure:
            way = asked.elsewhere(role=_ROLE.value, kind=kinds[0].value)
            rows.append((Cell(name, journal + way), figure))
    return rows
