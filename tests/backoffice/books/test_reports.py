"""Every figure of a report adds up, leads to its document, and is saved as it is shown."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
import time_machine
from django.test import Client
from openpyxl import load_workbook

from apps.backoffice.books.asked import period_of
from apps.core.models import User
from apps.invoices.models import Invoice
from apps.ledger.models import Entry
from apps.plans.compose import NewCharge
from tests.backoffice.books.reading import AUTUMN, IN_DECEMBER, saved, text_of
from tests.backoffice.test_rights import reader
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_plan_version,
)
from tests.invoices.months import invoiced

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_trial_balance_has_every_account_and_adds_up_to_nothing(
    books: dict[str, Invoice], staff: Client
) -> None:
    """Receivables: 142.80 + 119.00 billed, 50.00 paid, 92.80 written off: 119.00 are left."""
    rows = saved(staff, f"/admin/books/trial-balance/{AUTUMN}")

    after = {row["Account"]: Decimal(row["After, USD"]) for row in rows}
    assert after == {
        "Cash": Decimal("50.00"),
        "Receivables": Decimal("119.00"),
        "Credits not invoiced yet": Decimal("100.00"),
        "Customer balances": Decimal("0.00"),
        "Tax owed": Decimal("-41.80"),
        "Customer credits": Decimal("-66.67"),
        "Revenue": Decimal("-253.33"),
        "Write-offs": Decimal("92.80"),
        "": Decimal("0.00"),
    }
    page = text_of(staff.get(f"/admin/books/trial-balance/{AUTUMN}"))
    assert "All accounts add up to nothing" in page
    assert "Not so" not in page


def test_the_trial_balance_of_november_begins_with_what_was_before(
    books: dict[str, Invoice], staff: Client
) -> None:
    rows = saved(staff, "/admin/books/trial-balance/?from=2026-12-01&to=2026-12-31")

    receivables = next(row for row in rows if row["Account"] == "Receivables")
    assert [receivables[f"{name}, USD"] for name in ("Before", "Debits", "Credits", "After")] == [
        "92.80",
        "119.00",
        "92.80",
        "119.00",
    ]


def test_receivables_of_a_day_are_what_the_journal_has_then(books: dict[str, Invoice], staff: Client) -> None:
    """At the end of November 92.80 of October's invoice are open, issued on 2 November and due in 30 days."""
    (acme, total) = saved(staff, "/admin/books/receivables/?from=2026-11-01&to=2026-11-30")

    assert (acme["Customer"], acme["Not due, USD"], acme["Open, USD"]) == ("'=Acme", "92.80", "92.80")
    assert acme["In the journal, USD"] == total["Open, USD"] == "92.80"
    (of_acme, _) = saved(staff, "/admin/books/receivables/?from=2026-12-01&to=2026-12-31&customer=acme")
    assert (of_acme["Invoice"], of_acme["Open, USD"]) == (books["november"].number, "119.00")
    page = staff.get("/admin/books/receivables/?from=2026-12-01&to=2026-12-31&customer=acme").content.decode()
    assert f"/admin/invoice/{books['november'].pk}/" in page


def test_what_is_long_overdue_is_in_its_column(books: dict[str, Invoice], staff: Client) -> None:
    with time_machine.travel(datetime(2027, 2, 20, tzinfo=UTC)):
        staff.force_login(User.objects.get())
        (acme, _) = saved(staff, "/admin/books/receivables/?from=2027-02-01&to=2027-02-20")

    assert acme["31-60 days, USD"] == "119.00"


def test_revenue_is_told_by_product_customer_and_model(books: dict[str, Invoice], staff: Client) -> None:
    """Acme: 120.00 + 100.00; beta's credits: a third of 100.00."""
    path = f"/admin/books/revenue/{AUTUMN}"

    by = {
        what: {row[what.capitalize()]: row["Revenue, USD"] for row in saved(staff, f"{path}&by={what}")}
        for what in ("product", "customer", "model")
    }

    assert by["product"] == {"Product": "220.00", "credits": "33.33", "All": "253.33"}
    assert by["customer"] == {"'=Acme": "220.00", "Beta": "33.33", "All": "253.33"}
    assert by["model"] == {
        "No model": "200.00",
        "large": "20.00",
        "Credits used": "33.33",
        "All": "253.33",
    }
    assert "Not so" not in text_of(staff.get(f"{path}&by=model"))


def test_credits_owed_are_told_by_grant_in_units_and_in_money(
    books: dict[str, Invoice], staff: Client
) -> None:
    (row, total) = saved(staff, f"/admin/books/credits/{AUTUMN}")

    assert (row["Granted"], row["Used"], row["Left"]) == ("30", "10", "20")
    money = [row[f"{name}, USD"] for name in ("Paid", "Paid, used", "Paid, expired", "Owed")]
    assert money == ["100.00", "33.33", "0.00", "66.67"]
    assert total["Owed, USD"] == "66.67"
    assert "✓ Grants and journal agree" in text_of(staff.get(f"/admin/books/credits/{AUTUMN}"))


def test_deferred_revenue_rolls_forward_from_month_to_month(staff: Client) -> None:
    """A fee of 100.00 in advance: billed for October and November in November, of which October's is earned, and so on."""
    version = make_plan_version([fee_in_advance()])
    contract = make_contract(plan_version=version)
    opening = invoiced(contract, at=datetime(2026, 10, 2, tzinfo=UTC))
    invoiced(contract)
    invoiced(contract, at=IN_DECEMBER)

    rows = saved(staff, f"/admin/books/deferred/{AUTUMN}")

    assert opening.total == 100
    figures = [
        [row[f"{name}, USD"] for name in ("Before", "Billed in advance", "Earned", "After")] for row in rows
    ]
    assert figures == [
        ["0.00", "100.00", "0.00", "100.00"],
        ["100.00", "100.00", "-100.00", "100.00"],
        ["100.00", "100.00", "-100.00", "100.00"],
        ["0.00", "300.00", "-200.00", "100.00"],
    ]


def fee_in_advance() -> NewCharge:
    return replace(fee_charge("100"), in_advance=True)


def test_a_report_is_saved_as_a_workbook_with_numbers_and_without_formulas(
    books: dict[str, Invoice], staff: Client
) -> None:
    sent = staff.get(f"/admin/books/receivables/{AUTUMN}&as=xlsx")

    sheet = load_workbook(BytesIO(b"".join(sent.streaming_content))).active  # type: ignore[attr-defined]
    assert sheet is not None
    (head, acme, *_) = sheet.iter_rows()
    assert [cell.value for cell in head][:2] == ["Customer", "Not due, USD"]
    assert (acme[0].data_type, acme[0].value, acme[1].data_type, acme[1].value) == ("s", "=Acme", "n", 119)


def test_who_has_no_right_to_the_journal_sees_no_book(books: dict[str, Invoice], client: Client) -> None:
    reader(client, "view_invoice")

    for path in (
        "trial-balance/",
        "journal/",
        "receivables/",
        "deferred/",
        "credits/",
        "revenue/",
        "months/",
        "enter/",
    ):
        assert client.get(f"/admin/books/{path}").status_code == 403
    reader_of_books = Entry.objects.first()
    assert reader_of_books
    assert client.post(f"/admin/books/entry/{reader_of_books.pk}/", {}).status_code == 403
    assert client.post("/admin/books/months/seller/2026/10/", {"do": "soft_close"}).status_code == 403


def test_before_there_are_books_a_page_says_how_they_begin(db: None, staff: Client) -> None:
    assert "They begin with a legal entity" in text_of(staff.get("/admin/books/trial-balance/")).replace(
        "they begin", "They begin"
    )


@pytest.mark.parametrize(
    ("period", "days"),
    [
        ("month", ("2026-02-01", "2026-03-01")),
        ("last-month", ("2026-01-01", "2026-02-01")),
        ("quarter", ("2026-01-01", "2026-04-01")),
        ("last-quarter", ("2025-10-01", "2026-01-01")),
        ("year", ("2026-01-01", "2027-01-01")),
        ("last-year", ("2025-01-01", "2026-01-01")),
    ],
)
def test_periods_are_named_from_today(period: str, days: tuple[str, str]) -> None:
    starts_on, ends_on = period_of(period, date(2026, 2, 28))

    assert (str(starts_on), str(ends_on)) == days


@pytest.mark.parametrize(
    "query",
    ["?from=x&to=y", "?period=z", "?from=2026-10-02&to=2026-10-01", "?currency=%22", "?entity=no&before=1_2"],
)
def test_what_makes_no_sense_is_as_if_it_were_not_said(query: str, staff: Client) -> None:
    make_customer()

    assert "This month" in text_of(staff.get(f"/admin/books/journal/{query}"))
