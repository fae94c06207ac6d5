"""The first page: what was spent, what is due, what is still included."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core.money import Money
from apps.credits import expire, grant
from apps.customers.models import Customer
from apps.plans.compose import NewPrice, NewTier
from apps.portal.overview import overview
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_unit,
    make_meter,
    usage_charge,
)
from tests.invoices.months import invoiced, use
from tests.portal.contracts import make_call_contract

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


def test_the_headline_is_the_period_at_the_contracts_prices(member: Client, acme: Customer) -> None:
    """499 a month and 12,345 calls at 0.01: 499.00 + 123.45 = 622.45; October's calls are not in it."""
    contract = make_call_contract(acme, [fee_charge(), usage_charge()])
    use(contract, "calls", "777", day=date(2026, 10, 31))
    use(contract, "calls", "12345", day=date(2026, 11, 3))

    shown = member.get("/portal/c/acme/").content.decode()

    assert "$622.45" in shown
    assert "Running total, not an invoice" in shown
    assert "12,345" in shown


def test_usage_beyond_the_allowance_is_told_apart(acme: Customer) -> None:
    """Included are 1,000 calls: 250 leave 750; 1,500 are 500 beyond."""
    make_meter("pages", name="Pages", unit="pages", event_type="page", aggregation="sum")
    charges = [
        usage_charge(included=Decimal(1000)),
        usage_charge("pages", included=Decimal(1000)),
    ]
    contract = make_call_contract(acme, charges)
    use(contract, "calls", "250", day=date(2026, 11, 3))
    use(contract, "pages", "1500", day=date(2026, 11, 3))

    running = overview(customer_id=acme.pk, at=NOON, locale="en").running

    assert running is not None
    assert [(row.left, row.beyond, row.permille) for row in running.included] == [
        (Decimal(750), Decimal(0), 250),
        (Decimal(0), Decimal(500), 1000),
    ]


def test_each_day_costs_what_it_added_to_the_period(acme: Customer) -> None:
    """100 calls are free, then 0.50 for the first 100, then 0.10.

    Nov 1: 90 calls are free. Nov 2: 150 by now, 50 x 0.50 = 25.00. Nov 4: 250 by now, 100 x 0.50 + 50 x 0.10 = 55.00,
    which is 30.00 more.
    """
    tiers = [NewTier(Decimal(100), Decimal("0.50")), NewTier(None, Decimal("0.10"))]
    charge = usage_charge(included=Decimal(100), prices=[NewPrice(model="graduated", tiers=tiers)])
    contract = make_call_contract(acme, [charge])
    use(contract, "calls", "90", day=date(2026, 11, 1))
    use(contract, "calls", "60", day=date(2026, 11, 2))
    use(contract, "calls", "100", day=date(2026, 11, 4))

    running = overview(customer_id=acme.pk, at=NOON, locale="en").running

    assert running is not None
    assert running.chart.series[0].values[:4] == (Decimal(0), Decimal(25), Decimal(0), Decimal(30))
    assert running.chart.series[0].total == running.spend.rated.subtotal.amount


def test_the_chart_ends_today(acme: Customer) -> None:
    make_contract(acme)

    running = overview(customer_id=acme.pk, at=NOON, locale="en").running

    assert running is not None
    assert running.chart.titles[-1] == "Nov 10, 2026"


def test_credits_left_count_the_running_period(acme: Customer) -> None:
    """Of 100 credits, 30 calls at 2 credits take 60: 40 are left, and nothing is spent."""
    unit = make_credit_unit()
    charge = usage_charge(
        credit_unit="credits",
        prices=[NewPrice(model="per_unit", unit_amount=Decimal(2))],
        overage=NewPrice(model="per_unit", unit_amount=Decimal("0.05")),
    )
    contract = make_call_contract(acme, [charge])
    grant.grant(
        key="welcome",
        name="Welcome credits",
        customer_id=acme.pk,
        credit_unit_id=unit.pk,
        amount=Decimal(100),
        effective_on=date(2026, 10, 1),
        at=AT,
        actor=ACTOR,
    )
    use(contract, "calls", "30", day=date(2026, 11, 3))

    page = overview(customer_id=acme.pk, at=NOON, locale="en")

    assert [(row.name, row.left) for row in page.credits] == [("Welcome credits", Decimal(40))]
    assert page.running is not None
    assert page.running.spend.rated.total == Money(Decimal("0.00"), "USD")
    assert page.running.chart.series[0].total == Decimal(60)


def test_credits_that_expired_are_told_of(member: Client, acme: Customer) -> None:
    """Of 500 credits good until 31 October nothing was used; the same of a year before is not told any more."""
    unit = make_credit_unit()
    for key, begins, ends in (
        ("autumn", date(2026, 10, 1), date(2026, 11, 1)),
        ("long-ago", date(2025, 10, 1), date(2025, 11, 1)),
    ):
        grant.grant(
            key=key,
            name=key.capitalize(),
            customer_id=acme.pk,
            credit_unit_id=unit.pk,
            amount=Decimal(500),
            effective_on=begins,
            expires_on=ends,
            at=AT,
            actor=ACTOR,
        )
    assert expire.expire_due(at=NOON, actor=ACTOR) == 2

    page = " ".join(member.get("/portal/c/acme/").content.decode().split())

    assert "500 credits could be used until Oct 31, 2026" in page
    assert "Long-ago" not in page


def test_unpaid_invoices_add_up_to_the_amount_due(member: Client, acme: Customer) -> None:
    """1,000 calls in October at 0.01 make an invoice of 10.00."""
    contract = make_call_contract(acme)
    use(contract, "calls", "1000")
    number = invoiced(contract).number

    page = overview(customer_id=acme.pk, at=NOON, locale="en")
    shown = member.get("/portal/c/acme/").content.decode()

    assert [due.open for due in page.due] == [Money(Decimal("10.0000"), "USD")]
    assert str(number) in shown
    assert "Amount due" in shown


def test_without_a_live_contract_the_page_says_so(member: Client) -> None:
    shown = member.get("/portal/c/acme/").content.decode()

    assert "No contract is running today" in shown
    assert "Nothing to pay" in shown


@pytest.mark.parametrize("days", [1, 9])
def test_the_page_takes_as_many_queries_however_much_was_used(
    member: Client, acme: Customer, days: int
) -> None:
    contract = make_call_contract(acme)
    for day in range(1, days + 1):
        use(contract, "calls", "10", day=date(2026, 11, day))
    member.get("/portal/c/acme/")

    with CaptureQueriesContext(connection) as queries:
        member.get("/portal/c/acme/")

    assert len(queries) <= 14, [query["sql"] for query in queries]
