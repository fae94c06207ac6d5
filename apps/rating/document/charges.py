"""Charges as a document writes them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from apps.core.money import is_currency, minor_digits, rounded_to_minor_unit
from apps.rating.document.errors import BadDocument
from apps.rating.document.fields import (
    Reader,
    Shape,
    anything,
    day,
    in_order,
    items,
    key,
    number,
    one_of,
    text,
    truth,
)
from apps.rating.document.prices import overage_price, usage_price
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.matrix import kinds_in
from apps.rating.terms import EVENT_KINDS, ActiveDays, Charge, ChargeKind, Fee

_CHARGE = Shape(
    "a charge",
    required={"key": key, "price": anything},
    optional={
        "name": text,
        "kind": one_of([kind.value for kind in ChargeKind]),
        "active": anything,
        "included": number,
        "minimum": number,
        "maximum": number,
        "unit": key,
        "overage": anything,
    },
)
_FOR_USAGE = ("included", "minimum", "maximum", "unit", "overage")
_FEE: Mapping[str, Reader] = {"amount": number}
_FEES = {
    ChargeKind.RECURRING: Shape("a recurring fee", _FEE, {"quantity": number, "in_advance": truth}),
    ChargeKind.ONE_TIME: Shape("a one-time fee", _FEE, {"quantity": number}),
}
_DAYS: Mapping[str, Reader] = {"start": day, "end": day}
_ACTIVE = Shape("the active days", _DAYS)


def read_charges(value: object, path: str, *, currency: str) -> tuple[Charge, ...]:
    """Return the charges, whose keys are each used once."""
    used: dict[str, str] = {}
    return tuple(_charge(entry, at, used, currency=currency) for entry, at in items(value, path))


def require_unused(name: str, path: str, used: dict[str, str]) -> None:
    """Refuse a key that another entry of the list has, and remember it."""
    if name in used:
        raise BadDocument(f"{path}.key", f"The key {name!r} is used by {used[name]} too. Give each its own.")
    used[name] = path


def promised(amount: Decimal, path: str, currency: str) -> Decimal:
    """Return a sum of money that the terms promise; it can be paid: it has no more decimals than its currency."""
    rounded = rounded_to_minor_unit(amount, currency)
    if rounded != amount:
        raise BadDocument(
            path, f"{currency} has {minor_digits(currency)} decimals. Write {amount:f} with no more."
        )
    return rounded


def days_between(found: Mapping[str, Any], path: str) -> tuple[date, date]:
    """Return the days `[start, end)`, which are at least one."""
    start, end = found["start"], found["end"]
    if start >= end:
        raise BadDocument(f"{path}.end", f"The end is the day after the last. Name one after {start}.")
    return start, end


def _charge(entry: object, path: str, used: dict[str, str], *, currency: str) -> Charge:
    found = _CHARGE.read(entry, path)
    require_unused(found["key"], path, used)
    kind = ChargeKind(found.get("kind", ChargeKind.USAGE))
    if "active" in found and kind is not ChargeKind.RECURRING:
        raise BadDocument(f"{path}.active", "Only a recurring fee has active days. Leave them out.")
    named = {"key": found["key"], "name": found.get("name", found["key"]), "kind": kind}
    if kind is ChargeKind.USAGE:
        return Charge(**named, **_usage_fields(found, path, currency))
    for name in _FOR_USAGE:
        if name in found:
            raise BadDocument(f"{path}.{name}", f"{name} is for usage charges. Leave it out of a fee.")
    fee = _FEES[kind].read(found["price"], f"{path}.price")
    return Charge(
        **named,
        price=Fee(fee["amount"], fee.get("quantity", Decimal(1))),
        active=_active(found["active"], f"{path}.active") if "active" in found else None,
    )


def _active(value: object, path: str) -> ActiveDays:
    return ActiveDays(*days_between(_ACTIVE.read(value, path), path))


def _usage_fields(found: Mapping[str, Any], path: str, currency: str) -> dict[str, Any]:
    price = usage_price(found["price"], f"{path}.price")
    if "included" in found and kinds_in(price) & EVENT_KINDS:
        raise BadDocument(
            f"{path}.included",
            "Nothing is included in percentage and dynamic prices. Leave it out, or give free events or amounts.",
        )
    unit = found.get("unit", currency)
    fields = {"price": price, "included": found.get("included", Decimal(0))}
    if unit == currency:
        return fields | _bounds(found, path, currency)
    if is_currency(unit):
        raise BadDocument(
            f"{path}.unit", f"{unit} is another currency. Name {currency}, or the key of a credit unit."
        )
    for name in ("minimum", "maximum"):
        if name in found:
            raise BadDocument(f"{path}.{name}", f"{name} is for charges in the currency. Leave it out.")
    return fields | {"credit_unit": unit, "overage": _overage(found, path)}


def _bounds(found: Mapping[str, Any], path: str, currency: str) -> dict[str, Decimal]:
    if "overage" in found:
        raise BadDocument(
            f"{path}.overage", "Overage is for charges in a credit unit. Leave it out, or name the unit."
        )
    in_order(found, path, "minimum", "maximum")
    return {
        name: promised(found[name], f"{path}.{name}", currency)
        for name in ("minimum", "maximum")
        if name in found
    }


def _overage(found: Mapping[str, Any], path: str) -> PriceModel | None:
    return overage_price(found["overage"], f"{path}.overage") if "overage" in found else None
