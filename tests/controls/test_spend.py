from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.controls.spend import spend_by_day, spend_to_date
from apps.core.money import Money
from apps.plans.compose import NewPrice, NewTier
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.usage.events import AT, event, take, token_charges

pytestmark = pytest.mark.django_db


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def test_the_running_period_is_priced_as_its_invoice_will_be() -> None:
    """A fee of 499 in full, 2 x 1,000 tokens at 0.003 = 6.00, and 50 at 0.01 = 0.50."""
    contract = make_contract(plan_version=make_plan_version([fee_charge(), *token_charges()]))
    large = {"model": "large", "input_tokens": 1000}
    take(
        event("a", type="llm.request", properties=large),
        event("b", type="llm.request", properties={**large, "output_tokens": 50}),
    )

    spend = spend_to_date(contracts=[contract], at=AT)[contract.pk]

    assert (spend.period.starts_on, spend.period.ends_on) == (date(2026, 10, 1), date(2026, 11, 1))
    assert [(line.charge, line.amount) for line in spend.rated.lines] == [
        ("fee", usd("499.00")),
        ("input", usd("6.00")),
        ("output", usd("0.50")),
    ]
    assert (spend.rated.total, spend.last_received_at) == (usd("505.50"), AT)


def test_each_contract_has_its_own_period_in_its_own_zone() -> None:
    """At noon of 20 October in UTC the period from the 21st has begun on Kiritimati, 14 hours ahead."""
    version = make_plan_version()
    here = make_contract(make_customer("here"), version, anchor_day=21, starts_on=date(2026, 9, 21))
    there = make_contract(
        make_customer("there"),
        version,
        anchor_day=21,
        starts_on=date(2026, 9, 21),
        timezone="Pacific/Kiritimati",
    )
    over = make_contract(make_customer("over"), version, ends_on=date(2026, 10, 10))

    spends = spend_to_date(contracts=[here, there, over], at=AT)

    assert spends[here.pk].period.starts_on == date(2026, 9, 21)
    assert spends[there.pk].period.starts_on == date(2026, 10, 21)
    assert over.pk not in spends


def test_many_contracts_take_as_many_queries_as_one(django_assert_num_queries: object) -> None:
    version = make_plan_version(token_charges())
    contracts = [make_contract(make_customer(f"c{number}"), version) for number in range(6)]
    spend_to_date(contracts=contracts[:1], at=AT)

    with django_assert_num_queries(2):  # type: ignore[operator]
        spends = spend_to_date(contracts=contracts, at=AT)

    assert len(spends) == 6


def test_days_add_up_to_the_usage_in_the_subtotal_across_tiers() -> None:
    """2 + 2 calls on two days, the first 3 at 1.00, then 0.50: 2.00, and 1.00 + 0.50 = 1.50; the fee is left out."""
    make_meter()
    tiers = [NewTier(Decimal(3), Decimal(1)), NewTier(None, Decimal("0.5"))]
    charge = usage_charge(prices=[NewPrice(model="graduated", tiers=tiers)])
    contract = make_contract(plan_version=make_plan_version([fee_charge(), charge]))
    take(*[event(f"e{number}", time=f"2026-10-0{2 + number // 2}T12:00:00Z") for number in range(4)])

    days = spend_by_day(contract=contract, at=datetime(2026, 10, 4, 1, tzinfo=UTC))

    assert [(one.day.day, one.added, one.so_far) for one in days] == [
        (1, usd("0.00"), usd("0.00")),
        (2, usd("2.00"), usd("2.00")),
        (3, usd("1.50"), usd("3.50")),
        (4, usd("0.00"), usd("3.50")),
    ]
