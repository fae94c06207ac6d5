"""What stands around the charges: discounts, commitments and credit grants, as a document writes them."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from apps.core.money import is_currency
from apps.rating.document.charges import promised, require_unused
from apps.rating.document.errors import BadDocument
from apps.rating.document.fields import Shape, anything, day, items, key, number, text, whole_number
from apps.rating.terms import Commitment, Discount, Grant

_WHOLE = Decimal(100)
_DISCOUNT = Shape(
    "a discount",
    required={"key": key},
    optional={"percent": number, "amount": number, "name": text, "charges": anything},
)
_COMMITMENT = Shape(
    "a commitment",
    required={"key": key, "minimum": number},
    optional={"name": text, "counts": anything},
)
_GRANT = Shape(
    "a grant",
    required={"key": key, "unit": key, "balance": number},
    optional={"priority": whole_number, "expires": day, "cost": number, "charges": anything},
)


def read_discounts(
    value: object, path: str, *, currency: str, charges: Collection[str]
) -> tuple[Discount, ...]:
    """Return the discounts in the order in which they apply."""
    used: dict[str, str] = {}
    return tuple(_discount(entry, at, used, currency, charges) for entry, at in items(value, path))


def read_commitments(
    value: object, path: str, *, currency: str, charges: Collection[str]
) -> tuple[Commitment, ...]:
    """Return the commitments in list order."""
    used: dict[str, str] = {}
    return tuple(_commitment(entry, at, used, currency, charges) for entry, at in items(value, path))


def read_grants(value: object, path: str, *, currency: str, charges: Collection[str]) -> tuple[Grant, ...]:
    """Return the credit grants in list order."""
    used: dict[str, str] = {}
    return tuple(_grant(entry, at, used, currency, charges) for entry, at in items(value, path))


def _discount(
    entry: object, path: str, used: dict[str, str], currency: str, charges: Collection[str]
) -> Discount:
    found = _DISCOUNT.read(entry, path)
    require_unused(found["key"], path, used)
    percent, amount = found.get("percent"), found.get("amount")
    if percent is None and amount is None:
        raise BadDocument(path, "A discount takes off a percent or an amount. Add one of the two.")
    if percent is not None and amount is not None:
        raise BadDocument(f"{path}.amount", "A discount is a percent or an amount. Leave out one of the two.")
    if percent is not None and percent > _WHOLE:
        raise BadDocument(f"{path}.percent", "A discount takes off all at most. Make it 100 or less.")
    if amount is not None:
        amount = promised(amount, f"{path}.amount", currency)
    return Discount(
        found["key"], percent, amount, found.get("name", ""), _keys(found, "charges", path, charges)
    )


def _commitment(
    entry: object, path: str, used: dict[str, str], currency: str, charges: Collection[str]
) -> Commitment:
    found = _COMMITMENT.read(entry, path)
    require_unused(found["key"], path, used)
    minimum = promised(found["minimum"], f"{path}.minimum", currency)
    return Commitment(found["key"], minimum, found.get("name", ""), _keys(found, "counts", path, charges))


def _grant(entry: object, path: str, used: dict[str, str], currency: str, charges: Collection[str]) -> Grant:
    found = _GRANT.read(entry, path)
    require_unused(found["key"], path, used)
    unit, balance = found["unit"], found["balance"]
    if unit == currency:
        balance = promised(balance, f"{path}.balance", currency)
    elif is_currency(unit):
        raise BadDocument(
            f"{path}.unit", f"A grant in {unit} cannot pay in {currency}. Name {currency}, or a credit unit."
        )
    return Grant(
        found["key"],
        unit,
        balance,
        priority=int(found["priority"]) if "priority" in found else None,
        expires_on=found.get("expires"),
        cost=found.get("cost", Decimal(0)),
        charges=_keys(found, "charges", path, charges),
    )


def _keys(found: dict[str, Any], name: str, path: str, charges: Collection[str]) -> tuple[str, ...]:
    """Return the charges that a list names, each once; none if there is no list."""
    if name not in found:
        return ()
    path = f"{path}.{name}"
    named: dict[str, None] = {}
    for entry, at in items(found[name], path):
        charge = text(entry, at)
        if charge not in charges:
            raise BadDocument(
                at, f"There is no charge {charge[:60]!r} in this document. Name one of its charges."
            )
        if charge in named:
            raise BadDocument(at, f"The charge {charge[:60]!r} is named twice. Name it once.")
        named[charge] = None
    if not named:
        raise BadDocument(path, "The list names no charge. Name one, or leave the list out.")
    return tuple(named)
