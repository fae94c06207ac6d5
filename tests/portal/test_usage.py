"""The usage page, its ranges in the address, and the same rows as CSV."""

import csv
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.contracts.models import Contract
from apps.customers.models import Customer
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import use
from tests.portal.contracts import make_call_contract

MODELS = ("large", "medium", "small")


@pytest.fixture
def contract(acme: Customer) -> Contract:
    """November: large 70 + 30, medium 15, small 5, which is 120; October: large 1,000."""
    make_meter(
        "tokens", name="Input tokens", unit="tokens", aggregation="sum", dimensions=["model", "project"]
    )
    signed = make_contract(acme, make_plan_version([usage_charge("tokens")]))
    for model, quantity, day in (
        ("large", "70", date(2026, 11, 1)),
        ("large", "30", date(2026, 11, 8)),
        ("medium", "15", date(2026, 11, 8)),
        ("small", "5", date(2026, 11, 10)),
        ("large", "1000", date(2026, 10, 20)),
    ):
        use(signed, "tokens", quantity, day=day, dimensions={"model": model, "project": f"p-{model}"})
    return signed


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "2026-11-01 to 2026-11-30: 120"),
        ("?range=this", "2026-11-01 to 2026-11-30: 120"),
        ("?range=last", "2026-10-01 to 2026-10-31: 1000"),
        ("?range=7d", "2026-11-04 to 2026-11-10: 50"),
        ("?range=30d", "2026-10-12 to 2026-11-10: 1120"),
        ("?from=2026-11-08&to=2026-11-08", "2026-11-08 to 2026-11-08: 45"),
        ("?from=2026-11-09&to=2026-11-08", "2026-11-01 to 2026-11-30: 120"),
        ("?from=nonsense&to=2026-02-31", "2026-11-01 to 2026-11-30: 120"),
        ("?from=0001-01-01&to=9999-12-31", "2026-11-01 to 2026-11-30: 120"),
        ("?from=2020-01-01&to=2026-11-08", "2025-11-08 to 2026-11-08: 1115"),
        ("?meter=unknown&by=unknown&range=unknown", "2026-11-01 to 2026-11-30: 120"),
    ],
)
def test_the_address_says_which_days(member: Client, contract: Contract, query: str, shown: str) -> None:
    page = member.get(f"/portal/c/acme/usage/{query}").context["page"]

    assert f"{page.days.start} to {page.days.last}: {page.total:.0f}" == shown


@pytest.mark.parametrize(("first", "is_told"), [("2025-11-01", False), ("2025-10-01", True)])
def test_days_beyond_a_year_are_left_out_and_the_page_says_so(
    member: Client, contract: Contract, first: str, *, is_told: bool
) -> None:
    page = member.get("/portal/c/acme/usage/", {"from": first, "to": "2026-10-31"}).content.decode()

    assert ("A year is the most" in page) is is_told


def test_the_rows_add_up_to_the_total(member: Client, contract: Contract) -> None:
    page = member.get("/portal/c/acme/usage/").context["page"]

    assert [(row.value, row.quantity) for row in page.rows] == [
        ("large", Decimal(100)),
        ("medium", Decimal(15)),
        ("small", Decimal(5)),
    ]
    assert sum(row.quantity for row in page.rows) == page.total == Decimal(120)
    assert sum(series.total for series in page.chart.series) == page.total


def test_usage_splits_by_another_dimension(member: Client, contract: Contract) -> None:
    page = member.get("/portal/c/acme/usage/?by=project").context["page"]

    assert [row.value for row in page.rows] == ["p-large", "p-medium", "p-small"]


def test_a_value_keeps_its_color_when_others_are_not_shown(member: Client, contract: Contract) -> None:
    """Small is the third value ever seen, so it has slot 2, also on days on which it stands alone."""
    page = member.get("/portal/c/acme/usage/?from=2026-11-10&to=2026-11-10").context["page"]

    assert [(series.name, series.slot) for series in page.chart.series] == [("small", 2)]


def test_the_csv_has_the_rows_that_the_page_adds_up(member: Client, contract: Contract) -> None:
    page = member.get("/portal/c/acme/usage/?range=7d").context["page"]
    answer = member.get(f"/portal/c/acme/usage.csv?{page.query}")

    rows = list(csv.DictReader(StringIO(answer.content.decode())))

    assert answer["Content-Disposition"] == (
        'attachment; filename="usage-acme-tokens-2026-11-04-2026-11-10.csv"'
    )
    assert rows[0] == {
        "day": "2026-11-08",
        "meter": "Input tokens",
        "model": "large",
        "quantity": "30",
        "unit": "tokens",
    }
    assert sum(Decimal(row["quantity"]) for row in rows) == page.total == Decimal(50)


def test_the_csv_holds_nothing_that_a_spreadsheet_would_run(member: Client, contract: Contract) -> None:
    """Spreadsheets look behind spaces, and some read the wide signs of Japanese."""
    for model in ("=1+1", " =2+2", "\uff1d3+3"):
        use(contract, "tokens", "1", day=date(2026, 11, 9), dimensions={"model": model, "project": "p"})

    text = member.get("/portal/c/acme/usage.csv?range=7d").content.decode()

    for model in ("=1+1", " =2+2", "\uff1d3+3"):
        assert f",'{model}," in text


def test_days_are_the_contracts_own(member: Client, acme: Customer) -> None:
    """At noon of the 10th in UTC it is 1:00 of the 11th in Auckland's summer, 13 hours ahead."""
    contract = make_call_contract(acme, timezone="Pacific/Auckland")
    use(contract, "calls", "3", day=date(2026, 11, 10))

    page = member.get("/portal/c/acme/usage/?range=7d").context["page"]

    assert page.days.last == date(2026, 11, 11)
    assert [(row.day, row.quantity) for row in page.by_day] == [(date(2026, 11, 11), Decimal(3))]


def test_before_any_usage_the_page_says_so(member: Client) -> None:
    assert "Nothing has been counted yet" in member.get("/portal/c/acme/usage/").content.decode()
    assert member.get("/portal/c/acme/usage.csv").content.decode() == "day,quantity\r\n"


@pytest.mark.parametrize("more", [0, 12])
def test_the_page_takes_as_many_queries_however_much_was_used(
    member: Client, contract: Contract, more: int
) -> None:
    for place in range(more):
        use(contract, "tokens", "1", day=date(2026, 11, 2), dimensions={"model": f"m{place}", "project": "p"})

    with CaptureQueriesContext(connection) as queries:
        member.get("/portal/c/acme/usage/")

    assert len(queries) <= 10, [query["sql"] for query in queries]


def test_six_values_and_more_are_five_and_other(member: Client, contract: Contract) -> None:
    for place in range(6):
        use(
            contract,
            "tokens",
            "1000",
            day=date(2026, 11, 2),
            dimensions={"model": f"m{place}", "project": "p"},
        )

    page = member.get("/portal/c/acme/usage/").context["page"]

    assert len(page.chart.series) == 6
    assert page.chart.series[-1].name == "Other"
    assert sum(series.total for series in page.chart.series) == page.total
