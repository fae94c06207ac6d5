"""Recurring and one-time fees."""

from datetime import date
from fractions import Fraction

import pytest

from apps.core.periods import Period
from apps.rating.lines import sum_exact
from apps.rating.steps import Step, step_as_json, written
from apps.rating.terms import ActiveDays, Charge, ChargeKind, Fee
from tests.rating.cases import OCTOBER, ONE, D, price


def fee(amount: str = "100", quantity: str = "1", active: ActiveDays | None = None) -> Charge:
    return Charge("fee", "Fee", Fee(D(amount), D(quantity)), ChargeKind.RECURRING, active=active)


@pytest.mark.parametrize(("currency", "amount"), [("USD", "32.26"), ("JPY", "32"), ("KWD", "32.258")])
def test_a_fee_is_prorated_by_day_and_rounded_once(currency: str, amount: str) -> None:
    """From 20 September to 11 October: 10 of October's 31 days. 100 x 10 / 31 = 32.258064516129032258..."""
    active = ActiveDays(date(2026, 9, 20), date(2026, 10, 11))

    (line,) = price(fee(active=active), currency=currency).lines

    assert str(line.amount) == f"{amount} {currency}"
    assert line.exact == Fraction(1000, 31)
    assert step_as_json(line.steps[0]) == {
        "unit_amount": "100",
        "days": 10,
        "of_days": 31,
        "quantity": "1",
        "amount": "32.258064516129032258",
    }


def test_a_fee_with_no_active_day_costs_nothing() -> None:
    assert str(price(fee(active=ActiveDays(date(2026, 11, 1), None))).total) == "0.00 USD"


def test_a_fee_is_amount_times_quantity() -> None:
    """25 seats at 30 = 750.00, whole in a whole period."""
    assert str(price(fee("30", "25")).total) == "750.00 USD"
    assert str(price(fee("30", "25", ActiveDays(OCTOBER.starts_on, None))).total) == "750.00 USD"


def test_a_one_time_fee_is_due_whole() -> None:
    assert str(price(Charge("setup", "Setup", Fee(D(250)), ChargeKind.ONE_TIME)).total) == "250.00 USD"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price": ONE, "kind": ChargeKind.RECURRING}, "usage has a price"),
        ({"price": Fee(D(1))}, "a fee is recurring or one-time"),
        ({"price": Fee(D(1)), "kind": ChargeKind.RECURRING, "included": D(1)}, "are for usage"),
        ({"price": ONE, "overage": ONE}, "credit unit"),
        ({"price": ONE, "active": ActiveDays(date(2026, 1, 1), None)}, "recurring fee"),
        ({"price": ONE, "included": D(-1)}, "included is -1"),
    ],
)
def test_a_charge_that_makes_no_sense_is_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Charge("a", "A", **fields)  # type: ignore[arg-type]


def test_half_of_the_smallest_price_is_written_to_its_last_digit() -> None:
    """10^-18 for 15 of 30 days is 5 x 10^-19: it has an end, so it is not cut at 18 decimals. Its line is 0.00."""
    november = Period(date(2026, 11, 1), date(2026, 12, 1), "UTC")
    half = ActiveDays(date(2026, 11, 16), None)

    (line,) = price(fee("0.000000000000000001", active=half), period=november).lines

    assert step_as_json(line.steps[0])["amount"] == written(line.exact) == "0.0000000000000000005"
    assert str(line.amount) == "0.00 USD"


def test_steps_with_and_without_an_end_add_up_exactly() -> None:
    """1/3 + 0.5 + 2 = 17/6, of which no digit is lost."""
    steps = (Step(D(1), Fraction(1, 3)), Step(D(1), D("0.5")), Step(D(1), D(2)))

    assert sum_exact(steps) == Fraction(17, 6)
    assert sum_exact(steps[1:]) == D("2.5")
    assert sum_exact(()) == D(0)


def test_a_fee_without_end_is_written_with_18_decimals_and_a_whole_one_with_none() -> None:
    assert written(Fraction(1000, 31)) == "32.258064516129032258"
    assert written(Fraction(50)) == "50"
    assert written(Fraction(0)) == written(D("0.00")) == "0"
    assert written(D("140.00")) == "140"
    assert written(D("1E+3")) == "1000"
