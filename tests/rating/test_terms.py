"""Terms that make no sense are refused before anything is priced by them."""

from datetime import date
from typing import Any

import pytest

from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.per_seat import PerSeat
from apps.rating.price_models.percentage import Percentage
from apps.rating.terms import Allowance, Change, Charge, ChargeKind, Commitment, Discount, Fee, Grant, Terms
from apps.rating.usage import Usage
from tests.rating.cases import OCTOBER, ONE, D, price, usage_charge, use

MIDDLE = date(2026, 10, 16)
SHARE = Percentage(D("0.1"))
A: dict[str, Any] = {"key": "a", "name": "A", "price": ONE}


def terms(
    *charges: Charge,
    discounts: tuple[Discount, ...] = (),
    commitments: tuple[Commitment, ...] = (),
    grants: tuple[Grant, ...] = (),
    allowances: tuple[Allowance, ...] = (),
    currency: str = "USD",
) -> Terms:
    return Terms(currency, OCTOBER, charges, discounts, commitments, grants, allowances)


def test_keys_are_used_once() -> None:
    with pytest.raises(ValueError, match="charge key 'a' is used twice"):
        terms(usage_charge(ONE, "a"), usage_charge(ONE, "a"))
    with pytest.raises(ValueError, match="grant key 'g' is used twice"):
        terms(grants=(Grant("g", "credits", D(1)), Grant("g", "USD", D(1))))
    with pytest.raises(ValueError, match="discount key 'd' is used twice"):
        terms(discounts=(Discount("d", D(1)), Discount("d", D(2))))
    with pytest.raises(ValueError, match="commitment key 'c' is used twice"):
        terms(commitments=(Commitment("c", D(1)), Commitment("c", D(1))))


def test_an_allowance_has_a_key_that_is_no_charges() -> None:
    """What is left of a charge's own allowance is told by the charge's key."""
    with pytest.raises(ValueError, match="allowance key 'use' is used twice"):
        terms(usage_charge(ONE), allowances=(Allowance("use", "Use", D(1), ("use",)),))


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


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"discounts": (Discount("d", D(1), charges=("b",)),)}, "Discount d names the charge 'b'"),
        ({"commitments": (Commitment("c", D(1), counts=("b",)),)}, "Commitment c names the charge 'b'"),
        ({"allowances": (Allowance("p", "P", D(1), ("b",)),)}, "Allowance p names the charge 'b'"),
    ],
)
def test_what_is_agreed_names_charges_of_the_terms(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        terms(usage_charge(ONE), **fields)


def test_a_grant_may_be_for_a_charge_of_another_contract_and_then_pays_nothing() -> None:
    rated = price(
        usage_charge(ONE), usage=[use(5)], grants=(Grant("g", "USD", D(9), charges=("elsewhere",)),)
    )

    assert str(rated.total) == "5.00 USD"


@pytest.mark.parametrize(
    ("charge", "fields", "words"),
    [
        (usage_charge(ONE, minimum=D("0.001")), {}, "minimum 0.001 USD, more decimals"),
        (usage_charge(ONE, maximum=D("0.001")), {}, "maximum 0.001 USD, more decimals"),
        (usage_charge(ONE), {"discounts": (Discount("d", amount=D("0.001")),)}, "takes off 0.001 USD"),
        (usage_charge(ONE), {"commitments": (Commitment("c", D("0.001")),)}, "promises 0.001 USD"),
    ],
)
def test_money_that_is_promised_has_no_more_decimals_than_the_currency(
    charge: Charge, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        terms(charge, **fields)


@pytest.mark.parametrize(
    "charge", [usage_charge(SHARE, "b"), Charge("b", "B", Fee(D(1)), ChargeKind.RECURRING)]
)
def test_free_units_are_for_usage_by_quantity(charge: Charge) -> None:
    with pytest.raises(ValueError, match="names the charge b: free units are for usage"):
        terms(charge, allowances=(Allowance("p", "P", D(1), ("b",)),))


@pytest.mark.parametrize("day", [OCTOBER.starts_on, OCTOBER.ends_on])
def test_a_change_lies_inside_the_period(day: date) -> None:
    with pytest.raises(ValueError, match="not inside the period"):
        terms(usage_charge(ONE, changes=(Change(day, ONE),)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"minimum": D(-1)}, "minimum is -1"),
        ({"minimum": D(2), "maximum": D(1)}, "minimum 2 lies above the maximum 1"),
        ({"minimum": D(2), "credit_unit": "credits"}, "in the currency, not in credits"),
        ({"price": PerSeat(D(1)), "credit_unit": "credits"}, "price by seat is in the currency"),
        ({"credit_unit": "credits", "overage": SHARE}, "overage has no percentage price"),
        ({"price": SHARE, "included": D(1)}, "no included quantity"),
        ({"price": Matrix(("a",), (Cell((), Dynamic()),), ONE), "included": D(1)}, "no included quantity"),
        ({"price": Dated(((date.min, SHARE),)), "included": D(1)}, "no included quantity"),
        ({"changes": (Change(MIDDLE, SHARE, D(1)),)}, "no included quantity"),
        ({"changes": (Change(MIDDLE, Fee(D(1))),)}, "usage has a price"),
        ({"changes": (Change(MIDDLE, ONE), Change(MIDDLE, ONE))}, "in the order of their days"),
        (
            {"price": Fee(D(1)), "kind": ChargeKind.ONE_TIME, "changes": (Change(MIDDLE, Fee(D(1))),)},
            "does not change",
        ),
        ({"price": Fee(D(1)), "kind": ChargeKind.RECURRING, "minimum": D(1)}, "are for usage"),
    ],
)
def test_a_charge_that_cannot_be_meant_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Charge(**{**A, **fields})


def test_what_is_agreed_around_charges_has_to_make_sense() -> None:
    with pytest.raises(ValueError, match="either a percentage or an amount"):
        Discount("d")
    with pytest.raises(ValueError, match="either a percentage or an amount"):
        Discount("d", D(1), D(1))
    with pytest.raises(ValueError, match="the most is 100"):
        Discount("d", D(101))
    with pytest.raises(ValueError, match="amount is -1"):
        Discount("d", amount=D(-1))
    with pytest.raises(ValueError, match="minimum is -1"):
        Commitment("c", D(-1))
    with pytest.raises(ValueError, match="quantity is -1"):
        Allowance("p", "P", D(-1), ("a",))
    with pytest.raises(ValueError, match="name the charges"):
        Allowance("p", "P", D(1), ())
    with pytest.raises(ValueError, match="included is -1"):
        Change(MIDDLE, ONE, D(-1))
