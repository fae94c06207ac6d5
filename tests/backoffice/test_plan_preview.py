"""Trying a plan: usage that is typed, or a contract's last month, priced by the one engine with nothing written."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.plans.compose import NewAllowance, NewPrice, NewTier
from apps.plans.models import PlanVersion
from tests.backoffice.conftest import NOW, Month
from tests.builders import (
    fee_charge,
    make_credit_unit,
    make_draft_version,
    make_meter,
    make_staff,
    usage_charge,
)

pytestmark = pytest.mark.django_db

TIERS = [NewTier(Decimal(1000), Decimal("0.8")), NewTier(None, Decimal("0.6"))]


def outcome(client: Client, version: PlanVersion, **typed: str) -> str:
    answer = client.post(
        f"/admin/plan-preview/{version.pk}/?part=lines",
        {name.replace("__", "-"): value for name, value in typed.items()},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 200
    return str(answer.content.decode()).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def officer(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def calls(*prices: NewPrice, **fields: Any) -> PlanVersion:
    make_meter(dimensions=["model"])
    return make_draft_version(
        [fee_charge(), usage_charge(prices=prices, **fields)],
        allowances=[NewAllowance("pool", "Pool", Decimal(100))] if "allowance" in fields else (),
    )


def test_typed_usage_becomes_lines_with_their_reasons(officer: Client) -> None:
    """499 + 1000 x 0.80 + 500 x 0.60 = 1,599.00, after 250 included."""
    version = calls(NewPrice(model="graduated", tiers=TIERS), included=Decimal(250))

    page = outcome(officer, version, **{"use-calls-0-quantity": "1,750"})

    assert "$1,599.00" in page
    assert "250 calls included" in page
    assert "0 to 1,000: 1,000 calls x $0.80 = $800" in page
    assert "above 1,000: 500 calls x $0.60 = $300" in page


def test_nothing_is_written(officer: Client) -> None:
    version = calls(NewPrice(model="graduated", tiers=TIERS))
    path = f"/admin/plan-preview/{version.pk}/"

    with CaptureQueriesContext(connection) as queries:
        officer.post(path, {"use-calls-0-quantity": "5"})

    assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


@pytest.mark.parametrize(
    ("price", "typed", "told"),
    [
        (
            NewPrice(model="percentage", rate=Decimal("0.029"), fixed_amount=Decimal("0.3"), free_events=1),
            "60 100",
            ["event 1: 60 free", "event 2: 2.9% of 100 + $0.30 = $3.20"],
        ),
        (
            NewPrice(model="percentage", rate=Decimal("0.01"), event_minimum=Decimal(2)),
            "50",
            ["event 1: 1% of 50, held within its bounds = $2"],
        ),
        (
            NewPrice(
                model="stairstep",
                tiers=[NewTier(Decimal(10), flat_amount=Decimal(7)), NewTier(None, flat_amount=Decimal(9))],
            ),
            "11",
            ["above 10: $9 in all"],
        ),
        (
            NewPrice(
                model="graduated_percentage",
                tiers=[
                    NewTier(Decimal(100), rate=Decimal("0.1")),
                    NewTier(None, rate=Decimal("0.05"), flat_amount=Decimal(1)),
                ],
            ),
            "300",
            ["0 to 100: 10% of 100", "above 100: 5% of 200, plus $1 once"],
        ),
        (
            NewPrice(
                model="package",
                package_size=Decimal(100),
                package_amount=Decimal("0.5"),
                free_units=Decimal(50),
            ),
            "251",
            ["the first 50 free; 3 started of 100 x $0.50"],
        ),
    ],
)
def test_every_model_is_told(officer: Client, price: NewPrice, typed: str, told: list[str]) -> None:
    page = outcome(officer, calls(price), **{"use-calls-0-quantity": typed})

    assert all(text in page for text in told), page


def test_amounts_sent_with_events_are_held_within_bounds(officer: Client) -> None:
    version = calls(NewPrice(model="dynamic", event_maximum=Decimal(5)), amount_property="price")

    page = outcome(officer, version, **{"use-calls-0-quantity": "3 9"})

    assert "event 1: $3" in page
    assert "event 2: $9, held at $5" in page
    assert "$507.00" in page


def test_the_cell_for_the_typed_values_prices(officer: Client) -> None:
    cells = [
        NewPrice(model="per_unit", unit_amount=Decimal(2), match={"model": "large"}),
        NewPrice(model="per_unit", unit_amount=Decimal(1)),
    ]
    version = calls(*cells, dimensions=("model",), allowance="pool", minimum=Decimal(50))

    page = outcome(
        officer,
        version,
        **{
            "use-calls-0-for-model": "large",
            "use-calls-0-quantity": "110",
            "use-calls-1-for-model": "",
            "use-calls-1-quantity": "5",
        },
    )

    assert "100 calls included in Pool" in page
    assert "10 calls x $2 = $20" in page
    assert "5 calls x $1 = $5" in page
    assert "minimum of $50, and it came to $25" in page


def test_usage_is_priced_at_the_price_of_its_day(officer: Client) -> None:
    prices = [
        NewPrice(model="per_unit", unit_amount=Decimal(3)),
        NewPrice(model="per_unit", unit_amount=Decimal(2), starts_on=date(2026, 6, 1)),
    ]
    version = calls(*prices)

    before = outcome(officer, version, **{"use-calls-0-quantity": "10", "use-calls-day": "2026-05-31"})
    after = outcome(officer, version, **{"use-calls-0-quantity": "10", "use-calls-day": "2026-06-01"})

    assert "10 calls x $3 = $30" in before
    assert "from Jun 1, 2026: 10 calls x $2 = $20" in after


def test_credits_are_told_and_what_they_cost_beyond_the_grants(officer: Client) -> None:
    make_credit_unit()
    price = NewPrice(model="per_unit", unit_amount=Decimal("0.5"))
    overage = NewPrice(model="per_unit", unit_amount=Decimal("0.02"))
    version = calls(price, credit_unit="credits", overage=overage)

    page = outcome(officer, version, **{"use-calls-0-quantity": "100"})

    assert "100 calls x 0.5 credits = 50 credits" in page
    assert "50 credits x $0.02 = $1" in page


def test_the_open_form_is_priced_before_it_is_saved(officer: Client) -> None:
    version = calls(NewPrice(model="per_unit", unit_amount=Decimal(1)))
    charge = version.charges.get(key="calls")
    form = {
        "charge_id": str(charge.pk),
        "key": "calls",
        "name": "Calls",
        "kind": "usage",
        "product": "product",
        "meter": "calls",
        "p0-model": "per_unit",
        "p0-unit_amount": "4",
        "use-calls-0-quantity": "10",
    }

    assert "10 calls x $4 = $40" in outcome(officer, version, **form)
    broken = outcome(officer, version, **{**form, "p0-unit_amount": ""})
    assert "10 calls x $1 = $10" in broken
    assert "not whole yet; priced as it was saved" in broken


def test_a_quantity_that_is_no_number_is_named(officer: Client) -> None:
    version = calls(NewPrice(model="per_unit", unit_amount=Decimal(1)))

    page = outcome(officer, version, **{"use-calls-0-quantity": "many"})

    assert "Calls: Write a number, such as 0.05." in page


def test_a_real_contracts_last_period_is_priced(month: Month, staff: Client) -> None:
    """In November 100 + 20 x 0.50 = 110; under the draft 20 + 20 x 2 = 60, which is 50 less."""
    own = make_draft_version([fee_charge("20"), usage_charge(unit_amount="2")])

    with time_machine.travel(NOW, tick=False):
        page = outcome(staff, own, **{"use-contract": month.contract.number})

    assert "20 calls x $2 = $40" in page
    assert '<p class="figure">$60.00</p>' in page
    assert "By its own prices it came to $110.00, before credits and tax." in page
    assert "This version makes $50.00 less of it." in page


def test_a_contract_that_is_not_there_is_named(officer: Client) -> None:
    version = calls(NewPrice(model="per_unit", unit_amount=Decimal(1)))

    assert "There is no contract C-NONE." in outcome(officer, version, **{"use-contract": "C-NONE"})
