"""The home page's figures, tied to a worked month."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from django.test import Client

from apps.backoffice import home
from apps.core.money import Money
from apps.invoices.queries import DraftRow, InvoiceRow
from tests.backoffice.conftest import NOW, Month


def test_the_figures_of_a_worked_month(month: Month) -> None:
    """December so far: 100.00 + 6 x 0.50 = 103.00. October's 120.00 less 20.00 paid is open and 8 days overdue.

    November's draft is 100.00 + 20 x 0.50 = 110.00, 10.00 less than October. Two events wait in quarantine.
    """
    page = home.home(at=NOW)

    assert [str(revenue.so_far) for revenue in page.revenues] == ["103.00 USD"]
    assert [(str(owed.total), str(owed.overdue)) for owed in page.receivables] == [
        ("100.00 USD", "100.00 USD")
    ]
    assert [(row.invoice.id, str(row.difference)) for row in page.drafts] == [(month.draft.pk, "-10.00 USD")]
    assert sum(reason.count for reason in page.waiting) == 2
    assert page.parked == 0
    assert [series.name for series in page.chart.series] == ["API calls"]
    assert [str(value) for value in page.chart.series[0].values[-6:]] == ["6", "0", "0", "0", "0", "0"]


@pytest.mark.parametrize(
    ("before", "now", "stands_out"),
    [
        ("100", "124.99", False),
        ("100", "125", True),
        ("100", "75", True),
        ("0", "5", False),
        (None, "5", False),
    ],
)
def test_a_quarter_more_or_less_stands_out(*, before: str | None, now: str, stands_out: bool) -> None:
    row = DraftRow(invoice=row_of(now), before=None if before is None else Money(Decimal(before), "USD"))

    assert row.stands_out is stands_out


def row_of(total: str) -> InvoiceRow:
    return InvoiceRow(
        id=UUID(int=1),
        number="",
        status="draft",
        customer_key="acme",
        customer_name="Acme",
        contract_number="C-1",
        period_start_on=date(2026, 11, 1),
        period_end_on=date(2026, 12, 1),
        total=Money(Decimal(total), "USD"),
        issued_on=None,
        due_on=None,
        review_until_at=NOW,
    )


def test_the_page_takes_a_bounded_number_of_queries(
    staff: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        response = staff.get("/admin/")

    assert response.status_code == 200
    assert "Receivables" in response.content.decode()


def test_a_customers_page_takes_a_bounded_number_of_queries(
    month: Month, staff: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        page = staff.get("/admin/customer/acme/").content.decode()

    assert "INV-2026-000001" in page
    assert "Gift" in page


def test_an_invoices_page_takes_a_bounded_number_of_queries(
    month: Month, staff: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        assert staff.get(f"/admin/invoice/{month.finalized.pk}/").status_code == 200
