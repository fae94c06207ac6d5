"""The home page's figures, tied to a worked month."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.backoffice import home
from tests.backoffice.conftest import NOW, Month
from tests.builders import fee_charge, make_contract, make_customer, make_plan_version, make_staff
from tests.invoices.months import invoiced


def test_the_figures_of_a_worked_month(month: Month) -> None:
    """December so far: 100.00 + 6 x 0.50 = 103.00. October's 120.00 less 20.00 paid is open and 8 days overdue.

    November's draft is 100.00 + 20 x 0.50 = 110.00. Two events wait in quarantine. 120 x 8 days later than the first invoice of
    38 days ago: 100 x 39 / 120 = 32.5 days outstanding.
    """
    page = home.home(at=NOW)

    section = page.section
    assert section is not None
    assert section.forecast is not None
    assert section.collections is not None
    assert str(section.forecast.so_far) == "103.00 USD"
    assert (str(section.recurring), str(section.yearly)) == ("100.00 USD", "1200.00 USD")
    assert (str(section.collections.open), str(section.collections.overdue)) == ("100.00 USD", "100.00 USD")
    assert section.collections.days_outstanding == Decimal("32.5")
    assert [(row.what, row.count, [str(amount) for amount in row.amounts]) for row in page.waiting] == [
        ("Drafts to review", 1, ["110.00 USD"]),
        ("Events in quarantine", 2, []),
    ]
    assert [series.name for series in page.used.series] == ["API calls"]
    assert [str(value) for value in page.used.series[0].values[-6:]] == ["6", "0", "0", "0", "0", "0"]


def test_the_months_of_the_revenue_chart_are_told_by_what_they_are_for(month: Month) -> None:
    """October: a fee of 100.00 and 40 x 0.50; November is in a draft of 110.00; December so far 100.00 and 6 x 0.50.

    Of December's days 2 to 8 are in the last fourteen that are over; usage of 5 December alone, 6 in 14 days, goes on for 21.625
    days: 9.27 calls, 4.63 more.
    """
    section = home.home(at=NOW).section

    assert section is not None
    chart = section.charts["revenue"]
    assert {series.name: [f"{value:.2f}" for value in series.values[-3:]] for series in chart.series} == {
        "Usage": ["20.00", "0.00", "3.00"],
        "Fees": ["100.00", "0.00", "100.00"],
        "In drafts": ["0.00", "110.00", "0.00"],
        "Still expected": ["0.00", "0.00", "4.63"],
    }
    assert [series.is_estimate for series in chart.series] == [False, False, True, True]
    assert chart.span is not None
    assert chart.span.low == Decimal("103.00")
    assert chart.rows[-3].link.startswith("/admin/invoices/invoice/?period_start_on__gte=2026-10-01")


def test_a_month_that_is_being_closed_counts_by_its_drafts(month: Month) -> None:
    """November is a draft of 110.00, after October's 120.00: a twelfth less, and not 100%."""
    section = home.home(at=NOW).section

    assert section is not None
    (top,) = section.top
    assert str(top.last) == "110.00 USD"
    assert top.figures.change == Decimal(-10) / Decimal(120)


def test_recurring_revenue_is_new_in_the_month_in_which_it_begins(month: Month) -> None:
    section = home.home(at=NOW).section

    assert section is not None
    chart = section.charts["recurring"]
    assert [(series.name, [str(value) for value in series.values[-3:]]) for series in chart.series] == [
        ("New", ["100.00", "0", "0"])
    ]
    assert [row.cells for row in chart.rows[-3:]] == [
        ("100.00", "0.00", "100.00", "1"),
        ("0.00", "100.00", "100.00", "1"),
        ("0.00", "100.00", "100.00", "1"),
    ]


def test_each_currency_has_its_own_page(month: Month, staff: Client) -> None:
    euro = make_contract(
        make_customer("euro"), make_plan_version([fee_charge("50")], currency="EUR", plan="euro")
    )

    both = home.home(at=NOW, currency="EUR")

    assert both.currencies == ("EUR", "USD")
    assert both.section is not None
    assert (both.section.currency, str(both.section.recurring)) == ("EUR", "50.00 EUR")
    assert [row.customer.pk for row in both.section.top] == [euro.customer_id]
    assert "?currency=USD" in staff.get("/admin/?currency=EUR").content.decode()


def test_a_currency_that_nothing_is_in_leads_to_one_that_something_is_in(month: Month) -> None:
    section = home.home(at=NOW, currency="XXX").section

    assert section is not None
    assert section.currency == "USD"


@pytest.mark.django_db
def test_the_first_day_says_what_to_do(client: Client) -> None:
    client.force_login(make_staff())

    page = client.get("/admin/").content.decode()

    assert home.home(at=NOW).section is None
    assert "Nothing yet" in page
    assert "/admin/plans/plan/" in page


def test_the_page_takes_a_bounded_number_of_queries(
    staff: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(34):  # type: ignore[operator]
        response = staff.get("/admin/")

    assert response.status_code == 200
    assert "What is owed" in response.content.decode()


def test_more_customers_take_no_more_queries(month: Month) -> None:
    with CaptureQueriesContext(connection) as before:
        home.home(at=NOW)
    for number in range(4):
        contract = make_contract(make_customer(f"more-{number}"), month.contract.plan_version)
        invoiced(contract)

    with CaptureQueriesContext(connection) as after:
        home.home(at=NOW)

    # What was finalized since is read again by the two queries that were kept.
    assert len(after) <= len(before) + 2


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
