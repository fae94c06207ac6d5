"""Worked examples of each price model."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction

import pytest

from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.graduated_percentage import GraduatedPercentage, RateTier
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_seat import PerSeat
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stair, Stairstep
from apps.rating.price_models.volume import Volume
from apps.rating.usage import Event
from tests.rating.cases import GRADUATED, ONE, D, facts, price, tier, usage_charge, use, use_events


def amount(model: PriceModel, quantity: str, included: str = "0") -> str:
    return str(price(usage_charge(model, included=D(included)), usage=[use(quantity)]).total)


@pytest.mark.parametrize(
    ("quantity", "total"),
    [("0", "0.00 USD"), ("1000", "105.00 USD"), ("1000.5", "107.04 USD"), ("1500", "147.00 USD")],
)
def test_graduated_prices_each_unit_in_its_tier(quantity: str, total: str) -> None:
    """1000 at 0.10 with 5 flat, then 0.08 with 2 flat: 1500 -> 105 + 42; the edge belongs to the first tier.

    1000.5 -> 105 + 0.5 x 0.08 + 2 = 107.04; nothing used enters no tier.
    """
    assert amount(GRADUATED, quantity) == total


def test_volume_prices_all_units_in_the_tier_of_the_total() -> None:
    """1500 x 0.08 + 2 = 122.00; 1000 stays in the first tier: 1000 x 0.10 + 5 = 105.00."""
    assert amount(Volume(GRADUATED.tiers), "1500") == "122.00 USD"
    assert amount(Volume(GRADUATED.tiers), "1000") == "105.00 USD"
    assert amount(Volume(GRADUATED.tiers), "0") == "0.00 USD"


def test_included_units_come_off_before_the_tiers() -> None:
    """600 of 1500 are included; 900 x 0.10 + 5 = 95.00, and the line tells of all 1500."""
    rated = price(usage_charge(GRADUATED, included=D("600")), usage=[use("1500")])

    (line,) = rated.lines
    assert (str(line.amount), line.quantity) == ("95.00 USD", D("1500"))
    assert [step.quantity for step in line.steps] == [D("600"), D("900")]


def test_tiers_may_sell_by_the_package() -> None:
    """1001 with packages of 300 up to 1000 and of 1000 beyond: 4 x 3 + 1 x 10 = 22.00."""
    tiers = Graduated((tier("1000", "3", package="300"), tier(None, "10", package="1000")))

    assert amount(tiers, "1001") == "22.00 USD"


@pytest.mark.parametrize(
    ("quantity", "total"),
    [("0", "0.00 USD"), ("250", "0.00 USD"), ("251", "0.50 USD"), ("350", "0.50 USD"), ("351", "1.00 USD")],
)
def test_packages_are_started_beyond_the_free_units(quantity: str, total: str) -> None:
    """Packages of 100 at 0.50 after 250 free units: 251 starts one, 350 fills it, 351 starts another."""
    assert amount(Package(D("100"), D("0.50"), D("250")), quantity) == total


def test_per_unit_is_quantity_times_amount_rounded_once() -> None:
    """1,000 x 0.000005 = 0.005, a half, so 0.01; as two entries of 500 it is the same line, not 0.00 + 0.00."""
    assert amount(PerUnit(D("0.000005")), "1000") == "0.01 USD"
    assert str(price(usage_charge(PerUnit(D("0.000005"))), usage=[use(500), use(500)]).total) == "0.01 USD"


def test_a_token_price_keeps_every_digit() -> None:
    """123,456,789,012.123456 x 0.000000075123456789 has 24 decimals; the usual 28 digits would drop some."""
    rated = price(usage_charge(PerUnit(D("0.000000075123456789"))), usage=[use("123456789012.123456")])

    assert rated.lines[0].exact == D("9274.500754660946443949342784")
    assert str(rated.total) == "9274.50 USD"


@pytest.mark.parametrize(
    ("quantity", "total"),
    [
        ("0", "0.00 USD"),
        ("1", "20.00 USD"),
        ("1000", "20.00 USD"),
        ("1000.1", "50.00 USD"),
        ("9999", "90.00 USD"),
    ],
)
def test_a_stair_is_one_amount_for_any_quantity_on_it(quantity: str, total: str) -> None:
    """20 up to 1,000, 50 up to 5,000, then 90: one more than 1,000 costs 50, and never 20 + 50."""
    stairs = Stairstep((Stair(D(1000), D(20)), Stair(D(5000), D(50)), Stair(None, D(90))))

    assert amount(stairs, quantity) == total


def test_a_card_fee_is_a_percentage_and_a_fixed_amount_a_payment() -> None:
    """2.9% + 0.30, as card payments in the United States are commonly priced: 100 -> 3.20; 25 -> 1.025; 9.99 -> 0.58971.

    Together 4.81471, so 4.81.
    """
    model = Percentage(D("0.029"), D("0.30"))

    (line,) = price(usage_charge(model), usage=[use_events(*map(Event, map(D, ("100", "25", "9.99"))))]).lines

    assert [step["amount"] for step in facts(line)] == ["3.2", "1.025", "0.58971"]
    assert (str(line.amount), line.quantity) == ("4.81 USD", D("134.99"))


@pytest.mark.parametrize(
    ("model", "costs"),
    [
        # Without an allowance the first event pays; an event of nothing is an event.
        (Percentage(D("0.1"), D(1)), ["5", "7", "1", "3"]),
        # Two events are free, whatever they move.
        (Percentage(D("0.1"), D(1), free_events=D(2)), ["0", "0", "1", "3"]),
        # 100 is free: the second event ends there, and so does one of nothing; the fourth has passed it.
        (Percentage(D("0.1"), D(1), free_amount=D(100)), ["0", "0", "0", "3"]),
        # The first event exhausts the free events, so the free amount no longer counts.
        (Percentage(D("0.1"), D(1), D(1), D(100)), ["0", "7", "1", "3"]),
        # 50 is free: the second event pays for 50 of its 60.
        (Percentage(D("0.1"), D(1), D(9), D(50)), ["0", "6", "1", "3"]),
        # Bounds hold for events that pay.
        (Percentage(D("0.1"), D(1), D(1), event_minimum=D(2), event_maximum=D(4)), ["0", "4", "2", "3"]),
    ],
)
def test_free_events_free_amount_and_bounds_of_a_percentage(model: Percentage, costs: list[str]) -> None:
    """Events of 40, 60, 0 and 20, at 10% + 1."""
    events = map(Event, map(D, (40, 60, 0, 20)))

    (line,) = price(usage_charge(model), usage=[use_events(*events)]).lines

    assert [step["amount"] for step in facts(line)] == costs


def test_graduated_percentage_on_a_published_example() -> None:
    """Stamp duty in England from April 2025 (gov.uk): 295,000 owes 0% of 125,000, 2% of 125,000, 5% of 45,000 = 4,750."""
    rates = (RateTier(D(125000), D(0)), RateTier(D(250000), D("0.02")), RateTier(None, D("0.05")))

    (line,) = price(usage_charge(GraduatedPercentage(rates)), usage=[use(295000)], currency="GBP").lines

    assert [step["amount"] for step in facts(line)] == ["0", "2500", "2250"]
    assert str(line.amount) == "4750.00 GBP"


def test_a_rate_tier_has_its_flat_amount_once_it_is_entered() -> None:
    """100 x 0.01 + 3 = 4; 101 enters the second: + 1 x 0.02 + 5 = 9.02."""
    model = GraduatedPercentage((RateTier(D(100), D("0.01"), D(3)), RateTier(None, D("0.02"), D(5))))

    assert [amount(model, quantity) for quantity in ("0", "100", "101")] == [
        "0.00 USD",
        "4.00 USD",
        "9.02 USD",
    ]


def test_dynamic_events_bring_their_amount_within_bounds() -> None:
    """0.05 is raised to 0.10, 3 stays, 80 is lowered to 50: 53.10 for a quantity of 1 + 2 + 1."""
    events = (Event(amount=D("0.05")), Event(D(2), D(3)), Event(amount=D(80)))

    (line,) = price(usage_charge(Dynamic(D("0.10"), D(50))), usage=[use_events(*events)]).lines

    assert (str(line.amount), line.quantity) == ("53.10 USD", D(4))
    assert facts(line)[0] == {
        "event": 1,
        "given": "0.05",
        "minimum_amount": "0.1",
        "maximum_amount": "50",
        "quantity": "1",
        "amount": "0.1",
    }
    assert str(price(usage_charge(Dynamic()), usage=[use_events(*events)]).total) == "83.05 USD"


def test_seats_pay_for_the_days_that_they_are_taken() -> None:
    """30 a seat and month: 10 seats for October's 31 days and 2 for 10: 330 x 30 / 31 = 319.354838..., so 319.35."""
    (line,) = price(usage_charge(PerSeat(D(30))), usage=[use(310), use(20)]).lines

    assert (str(line.amount), line.exact) == ("319.35 USD", Fraction(9900, 31))
    assert facts(line)[0] | {"amount": ""} == {
        "unit_amount": "30",
        "of_days": 31,
        "quantity": "330",
        "amount": "",
    }


@pytest.mark.parametrize("model", [Percentage(D(1), D(1)), Dynamic(), PerSeat(D(1))])
def test_nothing_used_costs_nothing(model: PriceModel) -> None:
    (line,) = price(usage_charge(model)).lines

    assert (str(line.amount), line.quantity) == ("0.00 USD", D(0))
    assert line.steps == ()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda: Graduated(()), "at least one tier"),
        (lambda: Graduated((tier("10", "1"),)), "without end"),
        (lambda: Volume((tier("10", "1"), tier("10", "1"), tier(None, "1"))), "must end above 10"),
        (lambda: Graduated((tier(None, "1"), tier(None, "1"))), "must end above 0"),
        (lambda: tier("10", "-1"), "unit_amount is -1"),
        (lambda: tier("10", "1", package="0"), "above 0"),
        (lambda: Package(D("0"), D("1")), "package_size must be above 0"),
        (lambda: Package(D("1"), D("-1")), "package_amount is -1"),
        (lambda: PerUnit(D("-0.01")), "must not be negative"),
        (lambda: Stairstep((Stair(D(10), D(1)),)), "without end"),
        (lambda: Stair(D(10), D(-1)), "flat_amount is -1"),
        (lambda: GraduatedPercentage(()), "at least one tier"),
        (lambda: RateTier(None, D(-1)), "rate is -1"),
        (lambda: PerSeat(D(-1)), "unit_amount is -1"),
        (lambda: Percentage(D("0.1"), event_minimum=D(2), event_maximum=D(1)), "minimum 2 lies above"),
        (lambda: Percentage(D("0.1"), free_events=D("1.5")), "counted whole"),
        (lambda: Dynamic(D(2), D(1)), "minimum 2 lies above"),
        (lambda: Dated(()), "dated prices"),
        (lambda: Dated(((date(2026, 2, 1), ONE), (date(2026, 1, 1), ONE))), "each from a later day"),
        (lambda: Event(D(-1)), "never negative"),
        (lambda: Event(amount=D(-1)), "never negative"),
    ],
)
def test_a_broken_price_is_refused_by_name(broken: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        broken()
