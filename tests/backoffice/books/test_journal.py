"""The journal leads to every document, page by page."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from apps.invoices.models import Invoice
from apps.ledger import post
from apps.ledger.models import Account, Entry
from apps.ledger.post import NewEntry, credit, debit
from tests.backoffice.books.reading import AUTUMN, saved
from tests.builders import (
    ACTOR,
    AT,
    make_customer,
)

ROLE = Account.Role
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_journal_leads_to_every_document(books: dict[str, Invoice], staff: Client) -> None:
    page = staff.get(f"/admin/books/journal/{AUTUMN}").content.decode()

    assert (
        page.count(f"/admin/invoice/{books['october'].pk}/") == 3
    )  # the invoice, what paid it, the write-off
    assert "/admin/payments/payment/" in page
    assert "/admin/credits/creditgrant/" in page
    assert "=Acme" in page


def test_the_journal_is_narrowed_by_what_a_figure_is_made_of(
    books: dict[str, Invoice], staff: Client
) -> None:
    path = f"/admin/books/journal/{AUTUMN}"

    assert len(saved(staff, f"{path}&role=write_offs")) == 2
    assert {row["Customer"] for row in saved(staff, f"{path}&customer=beta")} == {"Beta"}
    assert {row["What"] for row in saved(staff, f"{path}&kind=burn")} == {"Credits used"}
    assert {row["Document"] for row in saved(staff, f"{path}&role=revenue&product=credits")} == {
        "INV-2026-000002: Prepaid"
    }


def many(entries: int) -> None:
    """Post so many sales of one customer."""
    acme = make_customer("many")
    with transaction.atomic():
        post.post(
            [
                NewEntry(
                    kind=Entry.Kind.INVOICE,
                    source_key=f"M-{place}",
                    description=f"Sale {place}",
                    document_on=date(2026, 11, 1 + place % 28),
                    customer=acme,
                    legal_entity=acme.legal_entity,
                    postings=[
                        debit(ROLE.RECEIVABLES, "USD", Decimal(1)),
                        credit(ROLE.REVENUE, "USD", Decimal(1), "Product"),
                    ],
                )
                for place in range(entries)
            ],
            at=AT,
            actor=ACTOR,
        )


def test_the_journal_goes_back_page_by_page_and_misses_nothing(staff: Client) -> None:
    many(120)
    path, seen = f"/admin/books/journal/{AUTUMN}", []
    while path:
        page = staff.get(path).context["report"]
        seen += [row[2].value for row in page.rows if row[2].value]
        path = f"/admin/books/journal/{page.older}" if page.older else ""

    assert sorted(seen) == sorted(f"Sale {place}" for place in range(120))
    assert len(saved(staff, f"/admin/books/journal/{AUTUMN}")) == 240


@pytest.mark.parametrize(
    ("path", "queries"),
    [("trial-balance/", 11), ("journal/", 14), ("receivables/", 12), ("revenue/", 11), ("deferred/", 12)],
)
def test_pages_ask_as_often_for_many_entries_as_for_few(
    path: str, queries: int, staff: Client, django_assert_max_num_queries: Any
) -> None:
    many(60)

    with django_assert_max_num_queries(queries):
        assert staff.get(f"/admin/books/{path}{AUTUMN}").status_code == 200
