"""Terms at the prices of one day."""

from datetime import date
from decimal import Decimal

from apps.rating.in_force import in_force_on
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.terms import (
    Allowance,
    Change,
    Charge,
    ChargeKind,
    Commitment,
    Discount,
    Fee,
    Terms,
)
from tests.rating.cases import OCTOBER

ONE, TWO, THREE = (PerUnit(Decimal(amount)) for amount in (1, 2, 3))
TENTH, TWENTIETH = date(2026, 10, 10), date(2026, 10, 20)


def charges_on(day: int, *charges: Charge) -> tuple[Charge, ...]:
    return in_force_on(Terms("USD", OCTOBER, charges), date(2026, 10, day)).charges


def test_the_last_change_up_to_the_day_is_in_force() -> None:
    changes = (Change(TENTH, TWO, Decimal(5)), Change(TWENTIETH, THREE))
    charge = Charge("use", "Use", ONE, included=Decimal(7), changes=changes)

    found = [charges_on(day, charge)[0] for day in (9, 10, 19, 20)]

    assert [one.price for one in found] == [ONE, TWO, TWO, THREE]
    assert [one.included for one in found] == [7, 5, 5, 0]
    assert [one.changes for one in found] == [()] * 4


def test_a_price_with_dates_is_the_one_of_the_day() -> None:
    charge = Charge("use", "Use", Dated(((TENTH, ONE), (TWENTIETH, TWO))))

    assert charges_on(9, charge) == ()
    assert charges_on(10, charge)[0].price == ONE
    assert charges_on(31, charge)[0].price == TWO


def test_a_cell_without_a_price_on_the_day_is_left_out() -> None:
    dated = Dated(((TENTH, ONE),))
    cells = (Cell((("model", "a"),), dated), Cell((("model", "b"),), TWO))
    charge = Charge("use", "Use", Matrix(("model",), cells, dated))

    assert charges_on(9, charge)[0].price == Matrix(("model",), cells[1:])
    assert charges_on(10, charge)[0].price == Matrix(
        ("model",), (Cell((("model", "a"),), ONE), cells[1]), ONE
    )


def test_a_fee_keeps_its_changes() -> None:
    fee = Charge(
        "fee", "Fee", Fee(Decimal(1)), ChargeKind.RECURRING, changes=(Change(TENTH, Fee(Decimal(2))),)
    )

    assert charges_on(31, fee) == (fee,)


def test_what_is_agreed_of_charges_without_a_price_on_the_day_is_left_out_with_them() -> None:
    early, late = Charge("early", "Early", ONE), Charge("late", "Late", Dated(((TWENTIETH, ONE),)))
    both, one_of_them = ("early", "late"), ("late",)
    terms = Terms(
        "USD",
        OCTOBER,
        (early, late),
        discounts=(Discount("a", Decimal(10), charges=both), Discount("b", Decimal(10), charges=one_of_them)),
        commitments=(
            Commitment("a", Decimal(1), counts=both),
            Commitment("b", Decimal(1), counts=one_of_them),
        ),
        allowances=(
            Allowance("a", "A", Decimal(1), both),
            Allowance("b", "B", Decimal(1), one_of_them),
        ),
    )

    found = in_force_on(terms, TENTH)

    assert [(one.key, one.charges) for one in found.discounts] == [("a", ("early",))]
    assert [(one.key, one.counts) for one in found.commitments] == [("a", ("early",))]
    assert [(one.key, one.charges) for one in found.allowances] == [("a", ("early",))]
    assert in_force_on(terms, TWENTIETH).discounts == terms.discounts
