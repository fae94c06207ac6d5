"""Money: exact, of one currency, rounded in one place."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import CurrencyMismatch, Money, is_currency, minor_digits, rounded_to_minor_unit


@pytest.mark.parametrize(
    ("exact", "currency", "rounded"),
    [
        ("0.005", "USD", "0.01"),
        ("-0.005", "USD", "-0.01"),
        ("0.0049999999999999999999", "USD", "0.00"),
        ("2.675", "USD", "2.68"),
        ("0.5", "JPY", "1"),
        ("1.0005", "KWD", "1.001"),
        ("1.00005", "CLF", "1.0001"),
        ("999999999999.995", "EUR", "1000000000000.00"),
    ],
)
def test_a_half_rounds_away_from_zero_to_the_minor_unit(exact: str, currency: str, rounded: str) -> None:
    assert str(Money(Decimal(exact), currency).rounded()) == f"{rounded} {currency}"


def test_minor_units_are_those_of_iso_4217() -> None:
    assert {code: minor_digits(code) for code in ("JPY", "ISK", "XOF", "USD", "BHD", "UYW")} == {
        "JPY": 0,
        "ISK": 0,
        "XOF": 0,
        "USD": 2,
        "BHD": 3,
        "UYW": 4,
    }


def test_what_is_no_money_is_no_currency() -> None:
    assert all(map(is_currency, ["USD", "EUR", "JPY", "KWD", "CLF", "SLE", "XOF", "ZWG", "XCG"]))
    assert not any(map(is_currency, ["usd", "XAU", "XTS", "XXX", "EURO", "credits", "", "BTC", "CNH"]))


def test_terms_in_a_withdrawn_currency_are_still_priced() -> None:
    assert is_currency("BGN")


def test_nothing_has_no_sign() -> None:
    assert str(Money(Decimal("-0.004"), "USD").rounded()) == "0.00 USD"
    assert str(-Money.zero("USD")) == "0.00 USD"


def test_two_currencies_are_never_added_or_compared() -> None:
    with pytest.raises(CurrencyMismatch, match="two currencies"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")
    with pytest.raises(CurrencyMismatch):
        _ = Money(Decimal(1), "USD") < Money(Decimal(1), "EUR")


def test_a_sum_too_wide_for_floats_is_exact() -> None:
    """10^30 + 10^-18 keeps both ends."""
    total = Money(Decimal(10) ** 30, "USD") + Money(Decimal("1E-18"), "USD")

    assert total - Money(Decimal(10) ** 30, "USD") == Money(Decimal("1E-18"), "USD")


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        (Fraction(1, 200), "0.01"),
        (Fraction(-1, 200), "-0.01"),
        (Fraction(1, 201), "0.00"),
        (Fraction(-1, 201), "0.00"),
        (Fraction(2, 3), "0.67"),
    ],
)
def test_half_a_cent_as_a_fraction_rounds_away_from_zero(exact: Fraction, rounded: str) -> None:
    assert str(rounded_to_minor_unit(exact, "USD")) == rounded


@given(st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-4)))
def test_a_fraction_and_a_decimal_of_one_value_round_alike(exact: Decimal) -> None:
    assert str(rounded_to_minor_unit(Fraction(exact), "USD")) == str(rounded_to_minor_unit(exact, "USD"))


@given(st.fractions(-1000, 1000))
def test_a_fraction_is_rounded_from_its_true_value(exact: Fraction) -> None:
    rounded = rounded_to_minor_unit(exact, "USD")

    assert abs(Fraction(rounded) - exact) <= Fraction(1, 200)
    assert rounded.as_tuple().exponent == -2


def test_money_is_compared_negated_and_totalled() -> None:
    one, two = Money(Decimal(1), "USD"), Money(Decimal(2), "USD")

    assert (one < two, one <= two, two > one, two >= one) == (True, True, True, True)
    assert (two < one, two <= one, one > two, one >= two) == (False, False, False, False)
    assert -one + two == one
    assert (one - one).is_zero
    assert str(Money.total([one, two], "USD")) == "3.00 USD"
