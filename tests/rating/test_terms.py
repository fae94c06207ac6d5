"""Terms that make no sense are refused before anything is priced by them."""

import pytest

from apps.rating.terms import Charge, Grant, Terms
from apps.rating.usage import Usage
from tests.rating.cases import OCTOBER, ONE, D, price, usage_charge, use


def terms(*charges: Charge, grants: tuple[Grant, ...] = (), currency: str = "USD") -> Terms:
    return Terms(currency, OCTOBER, charges, grants=grants)


def test_keys_are_used_once() -> None:
    with pytest.raises(ValueError, match="charge key 'a' is used twice"):
        terms(usage_charge(ONE, "a"), usage_charge(ONE, "a"))
    with pytest.raises(ValueError, match="grant key 'g' is used twice"):
        terms(grants=(Grant("g", "credits", D(1)), Grant("g", "USD", D(1))))


@pytest.mark.parametrize("currency", ["usd", "XXX", "credits", ""])
def test_terms_are_in_a_currency(currency: str) -> None:
    with pytest.raises(ValueError, match="no currency of ISO 4217"):
        terms(currency=currency)


@pytest.mark.parametrize("unit", ["USD", "EUR"])
def test_a_charge_is_never_priced_in_credits_that_are_a_currency(unit: str) -> None:
    """Else its lines would come to 0.00, and the usage would be given away."""
    with pytest.raises(ValueError, match="Leave the credit unit out"):
        terms(usage_charge(ONE, credit_unit=unit))


def test_a_grant_in_another_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="is in EUR and cannot pay in USD"):
        terms(grants=(Grant("g", "EUR", D(10)),))


def test_a_grant_in_the_currency_holds_whole_minor_units() -> None:
    with pytest.raises(ValueError, match=r"holds 10\.005 USD, more decimals"):
        terms(grants=(Grant("g", "USD", D("10.005")),))
    with pytest.raises(ValueError, match=r"holds 10\.5 JPY, more decimals"):
        terms(grants=(Grant("g", "JPY", D("10.5")),), currency="JPY")


def test_decimals_count_by_value_and_credits_may_have_any() -> None:
    """10.5000 USD is 10.50, and pays 1.00 of it."""
    grants = (Grant("usd", "USD", D("10.5000")), Grant("c", "credits", D("0.123456789")))

    rated = price(usage_charge(ONE), usage=[use(1)], grants=grants)

    assert (str(rated.credits_applied), str(rated.total)) == ("1.00 USD", "0.00 USD")


def test_a_quantity_and_a_grant_are_never_negative() -> None:
    with pytest.raises(ValueError, match="is -1; a quantity is never negative"):
        Usage("use", D(-1))
    with pytest.raises(ValueError, match="balance is -1"):
        Grant("g", "credits", D(-1))
