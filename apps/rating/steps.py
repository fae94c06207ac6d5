"""The reasons of an amount, step by step."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import gcd
from typing import NamedTuple

from apps.core.money import rounded_to

Exact = Decimal | Fraction
Fact = Decimal | int | bool | str | date | None

# How many decimals a value without end (a prorated fee) is written with.
WRITTEN_DIGITS = 18


class Step(NamedTuple):
    """One reason for a part of an amount: the quantity it is about and the fields of the price that made it."""

    quantity: Decimal
    amount: Exact
    facts: tuple[tuple[str, Fact], ...] = ()


def step_as_json(step: Step) -> dict[str, str | int | bool | None]:
    """Return a step as JSON, in the field names of the public pricing format; decimals as strings."""
    facts = {name: _fact_as_json(fact) for name, fact in step.facts}
    return {**facts, "quantity": written(step.quantity), "amount": written(step.amount)}


def _fact_as_json(fact: Fact) -> str | int | bool | None:
    if isinstance(fact, Decimal):
        return written(fact)
    return fact.isoformat() if isinstance(fact, date) else fact


def written(value: Exact) -> str:
    """Return a number in plain notation, without trailing zeros; one without end has 18 decimals."""
    if value == 0:
        return "0"
    text = f"{_decimal(value) if isinstance(value, Fraction) else value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(value: Fraction) -> Decimal:
    """Return the fraction to its last decimal, if it has one: if its denominator is made of nothing but 2 and 5."""
    rest, digits = value.denominator, 0
    while (shared := gcd(rest, 10)) > 1:
        rest, digits = rest // shared, digits + 1
    return rounded_to(value, WRITTEN_DIGITS if rest > 1 else digits)
