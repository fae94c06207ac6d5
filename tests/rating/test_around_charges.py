"""Minimum, maximum, discounts and commitments: the order in which they apply, and what each counts."""

import time
from decimal import Decimal

import pytest

from apps.core.money import minor_digits
from apps.rating.discounts import shared
from apps.rating.lines import CommitmentUse
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.terms import Charge, ChargeKind, Commitment, Discount, Fee, Grant
from tests.rating.cases import ONE, D, amounts, facts, price, usage_charge, use

FEE = Charge("fee", "Fee", Fee(D(50)), ChargeKind.RECURRING)


@pytest.mark.parametrize(
    ("quantity", "lines"),
    [
        ("79.994", [("usage", "79.99"), ("minimum", "20.01")]),
        ("100", [("usage", "100.00")]),
        ("200", [("usage", "200.00")]),
        ("200.01", [("usage", "200.01"), ("maximum", "-0.01")]),
    ],
)
def test_bounds_hold_the_sum_of_rounded_lines(quantity: str, lines: list[tuple[str, str]]) -> None:
    """Between 100 and 200; 79.994 is a line of 79.99, so 20.01 is missing."""
    rated = price(usage_charge(ONE, minimum=D(100), maximum=D(200)), usage=[use(quantity)])

    assert amounts(rated) == lines


def test_a_maximum_says_what_was_charged_before_it() -> None:
    rated = price(usage_charge(ONE, maximum=D(10)), usage=[use(12)])

    line = rated.lines[1]
    assert (line.charge, line.name, line.quantity, line.exact) == ("use", "Maximum of Use", D(1), D(-2))
    assert facts(line) == [{"maximum": "10", "charged": "12", "quantity": "1", "amount": "-2"}]


def test_a_minimum_is_due_even_where_no_cell_was_used() -> None:
    matrix = Matrix(("model",), (Cell((("model", "a"),), ONE),))

    assert amounts(price(usage_charge(matrix, minimum=D(7)))) == [("minimum", "7.00")]


def test_a_percentage_is_rounded_once_on_the_sum_and_then_shared() -> None:
    """15% of 0.10 + 0.11 + 0.12 = 0.0495, so 0.05; each alone would round to 0.02 and make 0.06.

    5 cents over 10 : 11 : 12 of 33 are 1.51, 1.66 and 1.81: 1 each, and one more for c and b.
    """
    rated = price(
        *(usage_charge(ONE, key) for key in "abc"),
        usage=[use("0.10", "a"), use("0.11", "b"), use("0.12", "c")],
        discounts=(Discount("d", D(15), name="Spring"),),
    )

    line = rated.lines[-1]
    assert (line.name, str(line.amount), line.exact) == ("Spring", "-0.05 USD", D("-0.0495"))
    assert [step["amount"] for step in facts(line)] == ["-0.01", "-0.02", "-0.02"]


def test_discounts_never_go_below_nothing_and_then_leave_no_line() -> None:
    """80 off 50 takes 50; nothing is left for another."""
    rated = price(FEE, discounts=(Discount("big", amount=D(80)), Discount("more", D(10))))

    assert amounts(rated) == [("recurring", "50.00"), ("discount", "-50.00")]
    assert rated.lines[1].exact == D(-50)


def test_a_discount_shares_in_the_order_of_charges_whatever_order_it_names_them_in() -> None:
    """One cent over two equal charges is the first charge's."""
    rated = price(
        *(usage_charge(ONE, key) for key in "ab"),
        usage=[use(1, "a"), use(1, "b")],
        discounts=(Discount("cent", amount=D("0.01"), charges=("b", "a")),),
    )

    assert [(step["charge"], step["amount"]) for step in facts(rated.lines[-1])] == [
        ("a", "-0.01"),
        ("b", "0"),
    ]


def test_a_discount_takes_off_minimums_and_overage_as_the_charges_own() -> None:
    """10 raised to 30, and overage of 20: half of the 50 is 25, shared 15 and 10."""
    rated = price(
        usage_charge(ONE, "a", minimum=D(30)),
        usage_charge(ONE, "b", credit_unit="credits", overage=PerUnit(D(2))),
        usage=[use(10, "a"), use(10, "b")],
        discounts=(Discount("half", D(50)),),
    )

    assert [(step["base"], step["amount"]) for step in facts(rated.lines[-1])] == [
        ("30", "-15"),
        ("20", "-10"),
    ]


@pytest.mark.parametrize(
    ("currency", "shares"), [("JPY", ["4", "3", "3"]), ("KWD", ["3.334", "3.333", "3.333"])]
)
def test_shares_are_in_the_currencys_minor_unit(currency: str, shares: list[str]) -> None:
    equal = {key: Decimal(10) for key in "abc"}

    assert [f"{share}" for share in shared(D(10), equal, digits=minor_digits(currency)).values()] == shares


def test_a_commitment_counts_usage_after_discounts_and_no_fee_unless_it_says_so() -> None:
    """40 of usage less 10% is 36; 64 are missing to 100. With the fee of 45 after its discount 81 count: 19 missing."""
    rated = price(
        FEE,
        usage_charge(ONE),
        usage=[use(40)],
        discounts=(Discount("ten", D(10)),),
        commitments=(Commitment("usage", D(100)), Commitment("all", D(100), "Floor", ("fee", "use"))),
    )

    assert amounts(rated)[3:] == [("true_up", "64.00"), ("true_up", "19.00")]
    assert [(line.charge, line.key, line.name) for line in rated.lines[3:]] == [
        (None, "usage", "Commitment usage"),
        (None, "all", "Floor"),
    ]
    assert rated.commitments == (CommitmentUse("usage", D(36)), CommitmentUse("all", D(81)))


def test_a_commitment_that_is_met_leaves_no_line() -> None:
    rated = price(usage_charge(ONE), usage=[use(100)], commitments=(Commitment("c", D(100)),))

    assert amounts(rated) == [("usage", "100.00")]
    assert rated.commitments == (CommitmentUse("c", D(100)),)


def test_a_commitment_over_several_periods_counts_what_those_before_counted() -> None:
    """12,000 a year, 11,000 counted so far and 400 now: 600 short."""
    rated = price(
        usage_charge(ONE),
        usage=[use(400)],
        commitments=(Commitment("year", D(12000), counted_before=D(11000)),),
    )

    assert facts(rated.lines[1]) == [
        {"minimum": "12000", "counted": "400", "counted_before": "11000", "quantity": "1", "amount": "600"}
    ]


def test_currency_grants_pay_charges_then_true_ups_each_grant_in_turn() -> None:
    """Charges 10 and 20, a true-up of 70. The scoped grant pays b's 20 alone; the other a's 10 and 40 of the true-up."""
    rated = price(
        usage_charge(ONE, "a"),
        usage_charge(ONE, "b"),
        usage=[use(10, "a"), use(20, "b")],
        commitments=(Commitment("c", D(100)),),
        grants=(Grant("b", "USD", D(100), 1, charges=("b",)), Grant("any", "USD", D(50), 2)),
    )

    assert [(use.grant, use.used) for use in rated.grants] == [("b", D(20)), ("any", D(50))]
    assert (str(rated.subtotal), str(rated.total)) == ("100.00 USD", "30.00 USD")


def test_thousands_of_grants_pay_thousands_of_lines_in_a_moment() -> None:
    """Each of 4,000 lines costs a credit that one of 4,000 grants has: not every grant is asked for every line."""
    count = 4_000
    cells = tuple(Cell((("model", str(number)),), ONE) for number in range(count))
    charge = usage_charge(Matrix(("model",), cells), credit_unit="credits")
    grants = tuple(Grant(str(number), "credits", D(1)) for number in range(count))
    usage = [use(1, model=str(number)) for number in range(count)]
    started = time.process_time()

    rated = price(charge, usage=usage, grants=grants)

    assert time.process_time() - started < 3
    assert {one.left for one in rated.grants} == {0}
    assert {line.uncovered for line in rated.lines} == {0}
