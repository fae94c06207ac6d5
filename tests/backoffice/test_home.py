"""The home page's figures, tied to a worked month."""

from django.test import Client

from apps.backoffice import home
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
    assert [str(value) for value in page.chart.series[0].values[-6:]] == ["6", "0", "0", "0", "0", "0"]


def test_the_page_takes_a_bounded_number_of_queries(
    staff: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        response = staff.get("/admin/")

    assert response.status_code == 200
    assert "Receivables" in response.content.decode()
