"""Pricing documents for tests, in as few words as they can be told."""

import json
from typing import Any

from apps.rating.document.errors import BadDocument
from apps.rating.document.price import price

OCTOBER = {"start": "2026-10-01", "end": "2026-11-01", "timezone": "UTC"}
ONE = {"model": "per_unit", "unit_amount": "1"}


def document(*charges: dict[str, Any], currency: str = "USD", **fields: Any) -> dict[str, Any]:
    return {"currency": currency, "period": OCTOBER, "charges": list(charges), **fields}


def charge(price: dict[str, Any] = ONE, key: str = "use", **fields: Any) -> dict[str, Any]:
    return {"key": key, "price": price, **fields}


def fee(amount: str, key: str = "fee", kind: str = "recurring", **fields: Any) -> dict[str, Any]:
    return {"key": key, "kind": kind, "price": {"amount": amount}, **fields}


def use(quantity: str | int, charge: str = "use", **dimensions: str) -> dict[str, Any]:
    return {
        "charge": charge,
        "quantity": quantity,
        **({"dimensions": dimensions} if dimensions else {}),
    }


def tiers(*rows: tuple[str | None, str], **more: str) -> list[dict[str, Any]]:
    return [{"up_to": up_to, "unit_amount": unit_amount, **more} for up_to, unit_amount in rows]


def priced(given: dict[str, Any]) -> dict[str, Any]:
    return price(json.dumps(given))


def refused(given: object) -> BadDocument:
    """The refusal of a document, or of text that may be none."""
    text = given if isinstance(given, str | bytes) else json.dumps(given)
    try:
        answer = price(text)
    except BadDocument as bad:
        return bad
    raise AssertionError(f"priced instead of refused: {answer}")
