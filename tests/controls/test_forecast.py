"""What a running period will come to: usage goes on as in the last fourteen days that are over, and is priced as ever."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.contracts.models import Contract
from apps.controls.forecast import Forecast, Sum, added_up, forecast
from apps.controls.spend import spend_to_date
from apps.core.money import Money
from apps.plans.compose import NewCharge, NewPrice, NewTier
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import use

# Noon: of the thirty-one days of October, 15.5 are left.
AT = datetime(2026, 10, 16, 12, tzinfo=UTC)


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def forecast_of(contract: Contract, at: datetime = AT) -> Forecast:
    return forecast(spends=spend_to_date(contracts=[contract], at=at).values(), at=at)[contract.pk]


def contract_using(*calls_a_day: int, charges: list[NewCharge] | None = None) -> Contract:
    """From 1 October on, a day each."""
    if charges is None:
        make_meter()
        charges = [usage_charge(unit_amount="1")]
    contract = make_contract(plan_version=make_plan_version(charges))
    for day, calls in enumerate(calls_a_day, start=1):
        use(contract, "calls", str(calls), day=date(2026, 10, day))
    return contract


@pytest.mark.django_db
def test_the_same_every_day_goes_on_without_a_range() -> None:
    """4 a day on 15 days is 60 so far; 15.5 more days x 4 = 62; days that never differ leave nothing open."""
    found = forecast_of(contract_using(*[4] * 15))

    assert (found.so_far, found.expected) == (usd("60.00"), usd("122.00"))
    assert (found.low, found.high) == (usd("122.00"), usd("122.00"))


@pytest.mark.django_db
def test_fees_count_in_full_and_are_not_projected() -> None:
    make_meter()
    found = forecast_of(contract_using(*[4] * 15, charges=[fee_charge("500"), usage_charge(unit_amount="1")]))

    assert (found.so_far, found.expected) == (usd("560.00"), usd("622.00"))


@pytest.mark.django_db
def test_projected_usage_is_priced_by_its_tiers() -> None:
    """The first 100 at 1.00, then 0.50: of 122 calls 100 + 22 x 0.50 = 111."""
    make_meter()
    tiers = [NewTier(Decimal(100), Decimal(1)), NewTier(None, Decimal("0.5"))]
    charge = usage_charge(prices=[NewPrice(model="graduated", tiers=tiers)])

    assert forecast_of(contract_using(*[4] * 15, charges=[charge])).expected == usd("111.00")


@pytest.mark.django_db
def test_days_that_lie_apart_make_a_range_around_what_is_expected() -> None:
    """Days of 2 and 6 have the mean 4 and the variance 14 x 4 / 13.

    15.5 days more deviate by sqrt(4.3077 x 15.5 x (1 + 15.5 / 14)) = 11.861, so four times in five by 1.2816 times that: 15.20.
    """
    found = forecast_of(contract_using(*[2, 6] * 7, 2))

    assert found.so_far == usd("58.00")
    assert found.expected == usd("120.00")
    assert (found.low, found.high) == (usd("104.80"), usd("135.20"))


@pytest.mark.django_db
def test_where_more_use_costs_less_the_range_is_still_around_what_is_expected() -> None:
    """At 1.00 each, or 0.50 each from the 130th on: of 120 to 135.20 calls, the larger use costs less."""
    make_meter()
    tiers = [NewTier(Decimal(129), Decimal(1)), NewTier(None, Decimal("0.5"))]
    charge = usage_charge(prices=[NewPrice(model="volume", tiers=tiers)])

    found = forecast_of(contract_using(*[2, 6] * 7, 2, charges=[charge]))

    assert found.low <= found.expected == usd("120.00") <= found.high


@pytest.mark.django_db
def test_after_one_day_anything_up_to_twice_as_much_may_come() -> None:
    """Over are 1 October alone, 4 calls; on the 3rd at noon 28.5 days are left: 114 more, and 0 to 228."""
    found = forecast_of(contract_using(4), at=datetime(2026, 10, 3, 12, tzinfo=UTC))

    assert (found.low, found.expected, found.high) == (usd("4.00"), usd("118.00"), usd("232.00"))


@pytest.mark.django_db
def test_without_usage_nothing_more_is_expected() -> None:
    found = forecast_of(make_contract(plan_version=make_plan_version([fee_charge("100")])))

    assert {found.so_far, found.expected, found.low, found.high} == {usd("100.00")}


@pytest.mark.django_db
def test_many_contracts_take_one_query(django_assert_num_queries: object) -> None:
    make_meter()
    version = make_plan_version([usage_charge()])
    contracts = [make_contract(make_customer(f"c{number}"), version) for number in range(4)]
    for contract in contracts:
        use(contract, "calls", "3")
    spends = spend_to_date(contracts=contracts, at=AT).values()

    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(forecast(spends=spends, at=AT)) == 4


def test_ranges_of_customers_add_up_by_the_root_of_their_squares() -> None:
    """Deviations of 30 and 40 make 50, not 70."""
    contract = [Contract(), Contract()]
    found = added_up(
        [
            Forecast(contract[0].pk, usd("50"), usd("100"), usd("70"), usd("130")),
            Forecast(contract[1].pk, usd("100"), usd("200"), usd("160"), usd("240")),
            Forecast(contract[1].pk, *(Money(Decimal(9), "EUR") for _ in range(4))),
        ]
    )

    assert found["USD"] == Sum(usd("150.00"), usd("300.00"), usd("250.00"), usd("350.00"))
    assert found["EUR"].expected == Money(Decimal(9), "EUR")
