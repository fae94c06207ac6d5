"""The answer to a pricing document: priced lines with their reasons, in the public format."""

from decimal import Decimal
from typing import Any

from apps.core.money import Money, rounded_to_minor_unit
from apps.rating.lines import GrantUse, Line, Rated
from apps.rating.steps import step_as_json, written


def as_answer(rated: Rated) -> dict[str, Any]:
    """Return the priced period as JSON: money in the currency has its decimals, every other number none too many."""
    currency = rated.subtotal.currency
    return {
        "currency": currency,
        "lines": [_line(line) for line in rated.lines],
        "credits": [_grant(use, currency) for use in rated.grants],
        "subtotal": _money(rated.subtotal),
        "credits_applied": _money(rated.credits_applied),
        "total": _money(rated.total),
    }


def _line(line: Line) -> dict[str, Any]:
    named = {"charge": line.charge} if line.key is None else {"charge": line.charge, "key": line.key}
    return {
        **named,
        "name": line.name,
        "kind": line.kind.value,
        "quantity": written(line.quantity),
        "amount": _money(line.amount),
        "exact": written(line.exact),
        "dimensions": dict(line.dimensions),
        **_in_credits(line),
        "why": [step_as_json(step) for step in line.steps],
    }


def _in_credits(line: Line) -> dict[str, str]:
    if line.unit is None:
        return {}
    assert line.credits is not None, "a line in a credit unit says what it cost there"
    assert line.uncovered is not None, "a line in a credit unit says what no grant paid"
    return {"unit": line.unit, "credits": written(line.credits), "uncovered": written(line.uncovered)}


def _grant(use: GrantUse, currency: str) -> dict[str, str]:
    return {
        "grant": use.grant,
        "unit": use.unit,
        "used": _in_unit(use.used, use.unit, currency),
        "left": _in_unit(use.left, use.unit, currency),
    }


def _in_unit(amount: Decimal, unit: str, currency: str) -> str:
    return _money(Money(amount, currency)) if unit == currency else written(amount)


def _money(money: Money) -> str:
    return f"{rounded_to_minor_unit(money.amount, money.currency):f}"
