"""The examples of the public pricing format, by their numbers there."""

from datetime import date

import pytest

from apps.rating.errors import NoPrice
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.volume import Volume
from apps.rating.steps import written
from apps.rating.terms import ActiveDays, Charge, ChargeKind, Commitment, Discount, Fee, Grant
from apps.rating.usage import Event
from tests.rating.cases import (
    GRADUATED,
    ONE,
    D,
    amounts,
    facts,
    price,
    tier,
    usage_charge,
    use,
    use_events,
)


@pytest.mark.parametrize(
    ("model", "quantity", "included", "amount"),
    [
        (GRADUATED, 1000, 0, "105.00"),
        (GRADUATED, 1500, 0, "147.00"),
        (GRADUATED, 0, 0, "0.00"),
        (Volume(GRADUATED.tiers), 1500, 0, "122.00"),
        (GRADUATED, 1500, 600, "95.00"),
    ],
)
def test_1_tiers_flat_amounts_and_included_units(
    model: PriceModel, quantity: int, included: int, amount: str
) -> None:
    """1000 at 0.10 with flat 5, then 0.08 with flat 2: 1000 x 0.10 + 5 = 105; + 500 x 0.08 + 2 = 147.

    As volume 1500 x 0.08 + 2 = 122. With 600 included 900 x 0.10 + 5 = 95, and the quantity is still 1500.
    """
    (line,) = price(usage_charge(model, included=D(included)), usage=[use(quantity)]).lines

    assert (f"{line.amount.amount}", line.quantity) == (amount, D(quantity))


def test_1_the_reasons_are_tier_by_tier() -> None:
    (line,) = price(usage_charge(GRADUATED, included=D(300)), usage=[use(1800)]).lines

    assert facts(line) == [
        {"included": True, "quantity": "300", "amount": "0"},
        {
            "tier": 1,
            "from": "0",
            "to": "1000",
            "quantity": "1000",
            "unit_amount": "0.1",
            "flat_amount": "5",
            "amount": "105",
        },
        {
            "tier": 2,
            "from": "1000",
            "to": None,
            "quantity": "500",
            "unit_amount": "0.08",
            "flat_amount": "2",
            "amount": "42",
        },
    ]


def test_2_tiers_that_sell_by_the_package() -> None:
    """1001: 1000 units start 4 packages of 300 at 3, the last unit one of 1000 at 10: 12 + 10 = 22."""
    tiers = Graduated((tier("1000", "3", package="300"), tier(None, "10", package="1000")))

    rated = price(usage_charge(tiers), usage=[use(1001)])

    assert amounts(rated) == [("usage", "22.00")]
    assert [step["packages"] for step in facts(rated.lines[0])] == ["4", "1"]


def test_3_a_percentage_with_a_free_amount_and_a_minimum_an_event() -> None:
    """60 is free, and so are 40 of the next 60: 20 x 0.01 + 1 = 1.20, raised to 2; 500 x 0.01 + 1 = 6. In all 8."""
    model = Percentage(D("0.01"), D(1), D(3), D(100), D(2))

    (line,) = price(usage_charge(model), usage=[use_events(*map(Event, map(D, (60, 60, 500))))]).lines

    assert (str(line.amount), line.quantity) == ("8.00 USD", D(620))
    assert [(step["event"], step["free"], step["amount"]) for step in facts(line)] == [
        (1, "60", "0"),
        (2, "40", "2"),
        (3, "0", "6"),
    ]


def test_4_of_equal_cells_the_earliest_dimension_decides_and_no_cell_is_an_error() -> None:
    """{m-large, *} and {*, input} name one dimension each; model comes first, so 10 x 2 = 20."""
    cells = (Cell((("model", "m-large"),), PerUnit(D(2))), Cell((("kind", "input"),), ONE))
    charge = usage_charge(Matrix(("model", "kind"), cells))

    assert amounts(price(charge, usage=[use(10, model="m-large", kind="input")])) == [("usage", "20.00")]
    with pytest.raises(NoPrice, match="'m-small', kind 'output'"):
        price(charge, usage=[use(0, model="m-small", kind="output")])


def test_5_discounts_follow_one_another_and_are_shared_by_what_is_left() -> None:
    """50% of a's 10 is 5. Then 10 over 5 : 10 : 10 of 25: 2, 4 and 4."""
    rated = price(
        *(usage_charge(PerUnit(D(10)), key) for key in "abc"),
        usage=[use(1, key) for key in "abc"],
        discounts=(Discount("half", D(50), charges=("a",)), Discount("ten", amount=D(10))),
    )

    assert amounts(rated)[3:] == [("discount", "-5.00"), ("discount", "-10.00")]
    assert facts(rated.lines[-1]) == [
        {"charge": "a", "base": "5", "quantity": "1", "amount": "-2"},
        {"charge": "b", "base": "10", "quantity": "1", "amount": "-4"},
        {"charge": "c", "base": "10", "quantity": "1", "amount": "-4"},
    ]
    assert [(line.charge, line.key, line.name) for line in rated.lines[-2:]] == [
        (None, "half", "Discount half"),
        (None, "ten", "Discount ten"),
    ]


def test_5_cents_that_do_not_divide_go_to_the_largest_remainder_and_of_equals_to_the_earlier() -> None:
    """10.00 over three equal charges: 3.34, 3.33, 3.33."""
    rated = price(
        *(usage_charge(PerUnit(D(10)), key) for key in "abc"),
        usage=[use(1, key) for key in "abc"],
        discounts=(Discount("ten", amount=D(10)),),
    )

    assert [step["amount"] for step in facts(rated.lines[-1])] == ["-3.34", "-3.33", "-3.33"]


def test_6_minimum_discount_commitment_and_a_grant_for_one_charge() -> None:
    """80 + 20 to the minimum; less 10%: 90; 5 short of 95. The grant for a pays a's 90 and not the true-up."""
    rated = price(
        usage_charge(ONE, "a", minimum=D(100)),
        usage=[use(80, "a")],
        discounts=(Discount("ten", D(10)),),
        commitments=(Commitment("floor", D(95)),),
        grants=(Grant("g", "USD", D(200), charges=("a",)),),
    )

    assert amounts(rated) == [
        ("usage", "80.00"),
        ("minimum", "20.00"),
        ("discount", "-10.00"),
        ("true_up", "5.00"),
    ]
    assert [str(money) for money in (rated.subtotal, rated.credits_applied, rated.total)] == [
        "95.00 USD",
        "90.00 USD",
        "5.00 USD",
    ]
    assert facts(rated.lines[1]) == [{"minimum": "100", "charged": "80", "quantity": "1", "amount": "20"}]
    assert facts(rated.lines[3]) == [{"minimum": "95", "counted": "90", "quantity": "1", "amount": "5"}]


def test_7_credits_and_the_overage_of_what_no_grant_covers() -> None:
    """301 x 0.5 = 150.5 credits: g2 30 (priority 1), g1 100; 20.5 uncovered x 0.02 = 0.41."""
    rated = price(
        usage_charge(PerUnit(D("0.5")), credit_unit="credits", overage=PerUnit(D("0.02"))),
        usage=[use(301)],
        grants=(Grant("g1", "credits", D(100), 2), Grant("g2", "credits", D(30), 1)),
    )

    assert amounts(rated) == [("usage", "0.00"), ("overage", "0.41")]
    assert (rated.lines[1].quantity, rated.lines[1].exact) == (D("20.5"), D("0.41"))
    assert [(use.grant, use.used) for use in rated.grants] == [("g1", D(100)), ("g2", D(30))]


@pytest.mark.parametrize(("currency", "amount"), [("USD", "32.26"), ("JPY", "32"), ("KWD", "32.258")])
def test_8_a_fee_by_its_days(currency: str, amount: str) -> None:
    """10 of October's 31 days of 100: 1000 / 31."""
    active = ActiveDays(date(2026, 9, 20), date(2026, 10, 11))
    charge = Charge("fee", "Fee", Fee(D(100)), ChargeKind.RECURRING, active=active)

    (line,) = price(charge, currency=currency).lines

    assert (f"{line.amount.amount}", written(line.exact)) == (amount, "32.258064516129032258")
