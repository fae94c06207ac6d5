"""Free units beyond a charge's own."""

from apps.rating.lines import AllowanceUse
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.terms import Allowance
from tests.rating.cases import GRADUATED, ONE, D, amounts, facts, price, usage_charge, use


def test_a_charge_uses_its_own_included_units_before_those_it_shares() -> None:
    """a: 10 of its own and 20 of 25 shared, so nothing to pay; b takes the last 5 and pays for 15."""
    rated = price(
        usage_charge(ONE, "a", included=D(10)),
        usage_charge(ONE, "b"),
        usage=[use(20, "b"), use(30, "a")],
        allowances=(Allowance("pool", "Pool", D(25), ("a", "b")),),
    )

    assert amounts(rated) == [("usage", "0.00"), ("usage", "15.00")]
    assert facts(rated.lines[0]) == [
        {"included": True, "quantity": "10", "amount": "0"},
        {"included": True, "allowance": "pool", "quantity": "20", "amount": "0"},
    ]
    assert rated.allowances == (AllowanceUse("a", D(10), D(0)), AllowanceUse("pool", D(25), D(0)))


def test_allowances_are_taken_in_list_order_and_tell_what_is_left() -> None:
    """8 of 5 carried over and 10 of a promotion: 5 and 3, so 7 are left. The other charge has one unit of its own."""
    rated = price(
        usage_charge(ONE),
        usage_charge(ONE, "other"),
        usage=[use(8), use(2, "other")],
        allowances=(
            Allowance("carried", "Carried over", D(5), ("use",)),
            Allowance("apart", "For the other", D(1), ("other",)),
            Allowance("promotion", "First units", D(10), ("use",)),
        ),
    )

    assert amounts(rated) == [("usage", "0.00"), ("usage", "1.00")]
    assert rated.allowances == (
        AllowanceUse("carried", D(5), D(0)),
        AllowanceUse("apart", D(1), D(0)),
        AllowanceUse("promotion", D(3), D(7)),
    )


def test_tiers_count_from_zero_after_all_free_units() -> None:
    """1600 less 300 and 300: 1000 x 0.10 + 5 = 105."""
    rated = price(
        usage_charge(GRADUATED, included=D(300)),
        usage=[use(1600)],
        allowances=(Allowance("more", "More", D(300), ("use",)),),
    )

    assert amounts(rated) == [("usage", "105.00")]


def test_cells_use_up_a_shared_allowance_in_the_order_of_lines() -> None:
    cells = tuple(Cell((("model", name),), ONE) for name in "ab")
    rated = price(
        usage_charge(Matrix(("model",), cells)),
        usage=[use(10, model="b"), use(10, model="a")],
        allowances=(Allowance("pool", "Pool", D(15), ("use",)),),
    )

    assert amounts(rated) == [("usage", "0.00"), ("usage", "5.00")]


def test_an_allowance_that_nothing_used_is_whole() -> None:
    rated = price(usage_charge(ONE, included=D(7)), allowances=(Allowance("pool", "Pool", D(3), ("use",)),))

    assert rated.allowances == (AllowanceUse("use", D(0), D(7)), AllowanceUse("pool", D(0), D(3)))
