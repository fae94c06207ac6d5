"""Terms at the prices of one day, for usage that names no day of its own."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date

from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.terms import Charge, ChargeKind, Fee, Terms


def in_force_on(terms: Terms, day: date) -> Terms:
    """Return the terms with each usage charge at the price and the allowance in force on a day, as if they always were.

    Fees keep their changes, since they are prorated without usage. A charge without a price on that day is left out, and
    so are such a cell of a matrix, and what is agreed of such charges alone.
    """
    charges = tuple(_charges(terms.charges, day))
    keys = {charge.key for charge in charges}
    discounts = [one for one in terms.discounts if not one.charges or keys.intersection(one.charges)]
    commitments = [one for one in terms.commitments if not one.counts or keys.intersection(one.counts)]
    allowances = [one for one in terms.allowances if keys.intersection(one.charges)]
    return replace(
        terms,
        charges=charges,
        discounts=tuple(replace(one, charges=_kept(one.charges, keys)) for one in discounts),
        commitments=tuple(replace(one, counts=_kept(one.counts, keys)) for one in commitments),
        allowances=tuple(replace(one, charges=_kept(one.charges, keys)) for one in allowances),
    )


def _kept(named: Iterable[str], keys: Collection[str]) -> tuple[str, ...]:
    return tuple(key for key in named if key in keys)


def _charges(charges: tuple[Charge, ...], day: date) -> Iterator[Charge]:
    for charge in charges:
        if charge.kind is not ChargeKind.USAGE:
            yield charge
            continue
        price, included = charge.price, charge.included
        for change in charge.changes:
            if change.starts_on <= day:
                price, included = change.price, change.included
        assert not isinstance(price, Fee), "usage is not priced by a fee"
        at_day = _matrix(price, day) if isinstance(price, Matrix) else _price(price, day)
        if at_day is not None:
            yield replace(charge, price=at_day, included=included, changes=())


def _matrix(matrix: Matrix, day: date) -> Matrix:
    priced = [(cell.match, _price(cell.price, day)) for cell in matrix.cells]
    cells = tuple(Cell(match, price) for match, price in priced if price is not None)
    default = None if matrix.default is None else _price(matrix.default, day)
    return Matrix(matrix.dimensions, cells, default)


def _price(price: PriceModel | Dated, day: date) -> PriceModel | None:
    if not isinstance(price, Dated):
        return price
    place = price.place_on(day)
    return None if place is None else price.prices[place][1]
