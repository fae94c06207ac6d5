"""Usage as a document writes it, checked against the charges that price it."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from apps.core.money import EXACT
from apps.rating.document.errors import BadDocument
from apps.rating.document.fields import Shape, anything, items, member, number, opened, shown, text
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.matrix import Dimensions, Matrix
from apps.rating.terms import EVENT_KINDS, Charge, Fee
from apps.rating.usage import Event, Usage

_USAGE = Shape(
    "an entry of usage",
    required={"charge": text},
    optional={"quantity": number, "dimensions": anything, "events": anything},
)
_MONEY_EVENT = Shape("an event of a percentage", required={"quantity": number})
_PRICED_EVENT = Shape("an event with its price", required={"amount": number}, optional={"quantity": number})


def read_usage(value: object, path: str, charges: Mapping[str, Charge]) -> list[Usage]:
    """Return the usage; every entry is of a usage charge, and has a price."""
    return [_usage(entry, at, charges) for entry, at in items(value, path)]


def _usage(entry: object, path: str, charges: Mapping[str, Charge]) -> Usage:
    found = _USAGE.read(entry, path)
    charge = charges.get(found["charge"])
    if charge is None or isinstance(charge.price, Fee):
        what = "no charge" if charge is None else "a fee, and no usage charge,"
        raise BadDocument(
            f"{path}.charge", f"There is {what} {shown(found['charge'])} in these terms. Name a usage charge."
        )
    dimensions, price = _priced_by(found.get("dimensions", {}), f"{path}.dimensions", charge.price)
    if price.kind in EVENT_KINDS:
        events = _events(found.get("events", []), f"{path}.events", price)
        return Usage(charge.key, _summed(found, events, path), dimensions, events)
    if found.get("events", []) != []:
        raise BadDocument(
            f"{path}.events", f"The price is {price.kind}, which takes no events. Send the quantity alone."
        )
    if "quantity" not in found:
        raise BadDocument(f"{path}.quantity", "Usage has a quantity. Add it.")
    return Usage(charge.key, found["quantity"], dimensions)


def _priced_by(value: object, path: str, price: PriceModel | Dated | Matrix) -> tuple[Dimensions, PriceModel]:
    """Return the dimension values of usage, and the price that they lead to."""
    dimensions: Dimensions = ()
    if isinstance(price, Matrix):
        dimensions = _dimensions(value, path, price)
        price = _cell_price(price, dimensions, path)
    elif value != {}:
        raise BadDocument(path, "The charge is not priced by dimensions. Leave them out.")
    assert not isinstance(price, Dated), "usage without a day is read under terms of one day"
    return dimensions, price


def _dimensions(value: object, path: str, matrix: Matrix) -> Dimensions:
    given = {
        name: text(inner, member(path, name))
        for name, inner in opened(value, path, "a set of dimensions").items()
    }
    if given.keys() != set(matrix.dimensions):
        wanted = ", ".join(map(repr, matrix.dimensions))
        raise BadDocument(path, f"The usage is priced by {wanted}. Name all of them, and no other.")
    return tuple((name, given[name]) for name in matrix.dimensions)


def _cell_price(matrix: Matrix, dimensions: Dimensions, path: str) -> PriceModel | Dated:
    price = matrix.price_for(dict(dimensions))
    if price is None:
        values = ", ".join(f"{name} {shown(value)}" for name, value in dimensions)
        raise BadDocument(path, f"There is no price for {values}. Add a cell for it, or a default.")
    return price


def _events(value: object, path: str, price: PriceModel) -> tuple[Event, ...]:
    shape = _PRICED_EVENT if isinstance(price, Dynamic) else _MONEY_EVENT
    return tuple(Event(**shape.read(entry, at)) for entry, at in items(value, path))


def _summed(found: Mapping[str, Any], events: tuple[Event, ...], path: str) -> Decimal:
    with localcontext(EXACT):
        total = sum((event.quantity for event in events), Decimal(0))
    if found.get("quantity", total) != total:
        raise BadDocument(
            f"{path}.quantity",
            f"The quantity is not the sum of its events, {total:f}. Make it that, or leave it out.",
        )
    return total
