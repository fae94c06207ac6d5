"""Months are closed, and entries made by hand, on their pages."""

from datetime import date

import pytest
from django.test import Client

from apps.invoices.models import Invoice
from apps.ledger.models import AccountingPeriod, Entry, Posting
from tests.backoffice.books.reading import text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_month_says_what_waits_is_closed_opened_and_locked(
    books: dict[str, Invoice], staff: Client
) -> None:
    path = "/admin/books/months/seller/2026/10/"

    assert "None" in text_of(staff.get(path))
    assert "October 2026 is soft-closed now." in text_of(staff.post(path, {"do": "soft_close"}, follow=True))
    assert "Say why October 2026 is opened again" in text_of(staff.post(path, {"do": "reopen"}, follow=True))
    staff.post(path, {"do": "lock"})
    assert AccountingPeriod.objects.get(starts_on=date(2026, 10, 1)).status == "locked"
    assert "Locked for good" in text_of(staff.get(path))
    assert "October 2026" in text_of(staff.get("/admin/books/months/"))
    assert staff.get("/admin/books/months/seller/2026/13/").status_code == 404


def test_staff_enter_and_reverse_by_hand(books: dict[str, Invoice], staff: Client) -> None:
    asked = {
        "entity": "seller",
        "customer": "acme",
        "debited": "write_offs",
        "credited": "cash",
        "amount": "3.50",
        "currency": "usd",
        "on": "2026-12-09",
        "description": "Fee of the bank",
        "reason": "Statement 12",
    }

    assert "Choose another account" in text_of(
        staff.post("/admin/books/enter/", {**asked, "credited": "write_offs"})
    )
    assert "at most 2 decimals" in text_of(staff.post("/admin/books/enter/", {**asked, "amount": "1.005"}))
    assert "is in the journal" in text_of(staff.post("/admin/books/enter/", asked, follow=True))
    entry = Entry.objects.get(kind="manual")
    page = text_of(
        staff.post(f"/admin/books/entry/{entry.pk}/", {"on": "2026-12-10", "reason": "Not ours"}, follow=True)
    )
    assert "is reversed on" in page
    assert "Not ours" in page
    assert Posting.objects.filter(account__role="cash", entry__kind__in=["manual", "reversal"]).count() == 2
