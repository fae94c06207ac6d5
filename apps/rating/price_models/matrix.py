"""Matrix: the most specific cell that matches the dimension values says the price."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated

ANY = "*"
Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """The price of the usage whose dimensions have these values; a dimension left out matches any."""

    match: Dimensions
    price: PriceModel | Dated


@dataclass(frozen=True, slots=True)
class Matrix:
    """Prices by dimension values; of the cells that match, the one that names the most dimensions decides.

    Of equals it is the one that names the earliest dimension where they differ. Without any, `default` decides.
    """

    kind: ClassVar[str] = "matrix"
    dimensions: tuple[str, ...]
    cells: tuple[Cell, ...]
    default: PriceModel | Dated | None = None
    # Cells by which dimensions they name, the most specific pattern first; within one by their values.
    _index: tuple[tuple[tuple[str, ...], dict[tuple[str, ...], int]], ...] = field(
        init=False, repr=False, compare=False, default=()
    )
    # The cells that name every dimension, by what usage of them names in the matrix's order: found at once.
    _exact: dict[Dimensions, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.dimensions or len(set(self.dimensions)) != len(self.dimensions):
            raise ValueError("A matrix names its dimensions, each once.")
        rank = {name: place for place, name in enumerate(self.dimensions)}
        patterns: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}
        for place, cell in enumerate(self.cells):
            named = {name: value for name, value in cell.match if value != ANY}
            if unknown := sorted(name for name in named if name not in rank):
                raise ValueError(f"A cell names {unknown}, which the matrix does not price by.")
            pattern = tuple(sorted(named, key=rank.__getitem__))
            values = tuple(named[name] for name in pattern)
            if patterns.setdefault(pattern, {}).setdefault(values, place) != place:
                raise ValueError(f"Two cells match {named}; keep one of them.")
        order = sorted(patterns, key=lambda pattern: (-len(pattern), [rank[name] for name in pattern]))
        object.__setattr__(self, "_index", tuple((pattern, patterns[pattern]) for pattern in order))
        whole = patterns.get(self.dimensions, {})
        exact = {tuple(zip(self.dimensions, values, strict=True)): place for values, place in whole.items()}
        object.__setattr__(self, "_exact", exact)

    def is_priced_by(self, dimensions: Mapping[str, str]) -> bool:
        """Tell whether usage names exactly the dimensions that the matrix prices by."""
        return len(dimensions) == len(self.dimensions) and all(name in dimensions for name in self.dimensions)

    def exact_place_of(self, dimensions: Dimensions) -> int | None:
        """Return the place of the cell that names exactly these values, given in the order of the dimensions, or None."""
        return self._exact.get(dimensions)

    def place_of(self, dimensions: Mapping[str, str]) -> int | None:
        """Return the place of the deciding cell, the number of cells for the default, or None if nothing matches."""
        for pattern, places in self._index:
            place = places.get(tuple(dimensions[name] for name in pattern))
            if place is not None:
                return place
        return None if self.default is None else len(self.cells)

    def price_at(self, place: int) -> PriceModel | Dated:
        """Return the price of a place."""
        price = self.default if place == len(self.cells) else self.cells[place].price
        assert price is not None, "place_of names the default only where there is one"
        return price

    def match_at(self, place: int) -> Dimensions:
        """Return what the cell of a place matches, every dimension named, `*` for any."""
        named = {} if place == len(self.cells) else dict(self.cells[place].match)
        return tuple((name, named.get(name, ANY)) for name in self.dimensions)

    def price_for(self, dimensions: Mapping[str, str]) -> PriceModel | Dated | None:
        """Return the price of usage with these values, or None if the matrix has none."""
        place = self.place_of(dimensions)
        return None if place is None else self.price_at(place)


def kinds_in(price: PriceModel | Dated | Matrix) -> set[str]:
    """Return the kinds of all the price models that a price is made of."""
    whole: list[PriceModel | Dated | None] = (
        [price.default, *(cell.price for cell in price.cells)] if isinstance(price, Matrix) else [price]
    )
    kinds: set[str] = set()
    for one in whole:
        if isinstance(one, Dated):
            kinds.update(model.kind for _, model in one.prices)
        elif one is not None:
            kinds.add(one.kind)
    return kinds
