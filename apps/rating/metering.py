"""The usage of a period, sorted: by charge, by segment, by matrix cell, and by dated price."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from apps.rating.changes import place_on, segments_of
from apps.rating.errors import NoDay, NoPrice, NoPriceOnDay, UnknownCharge, WrongDimensions, WrongEvents
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Dimensions, Matrix
from apps.rating.terms import EVENT_KINDS, Charge, ChargeKind, Fee, Terms
from apps.rating.usage import Event, Usage

# The places of a segment, of a cell in its matrix, and of a price among dated ones; 0 where there is but one.
Place = tuple[int, int, int]
_ALONE: Place = (0, 0, 0)
_ZERO = Decimal(0)


class Metered:
    """One charge's usage, added up by place."""

    def __init__(self, charge: Charge, terms: Terms) -> None:
        self.charge = charge
        self.segments = segments_of(charge, terms.period)
        self.quantities: dict[Place, Decimal] = {}
        self.events: dict[Place, list[Event]] = {}
        # Whether one cell's usage may lie in several parts of the period, which are priced one after the other.
        self.is_cut = bool(charge.changes)

    def add(self, entry: Usage) -> None:
        """Count an entry; refuse what the charge cannot price."""
        place = self._place_of(entry)
        self.quantities[place] = self.quantities.get(place, _ZERO) + entry.quantity
        if entry.events:
            self.events.setdefault(place, []).extend(entry.events)

    def places(self) -> list[Place]:
        """Return the places of all lines in their order: by time, then by cell; the one of nothing without usage."""
        if not self.quantities and not isinstance(self.charge.price, Matrix):
            self.quantities[_ALONE] = _ZERO
        return sorted(self.quantities)

    def price_at(self, place: Place) -> PriceModel:
        """Return the price model of a place."""
        segment, cell, dated = place
        price = self.segments[segment].price
        if isinstance(price, Matrix):
            price = price.price_at(cell)
        if isinstance(price, Dated):
            return price.prices[dated][1]
        assert not isinstance(price, Fee), "usage has a price"
        return price

    def dated_since(self, place: Place) -> date | None:
        """Return from which day the dated price of a place is in force; None without, or from the beginning."""
        segment, cell, dated = place
        price = self.segments[segment].price
        if isinstance(price, Matrix):
            price = price.price_at(cell)
        since = price.prices[dated][0] if isinstance(price, Dated) else date.min
        return None if since == date.min else since

    def dimensions_at(self, place: Place) -> Dimensions:
        """Return what the cell of a place matches; nothing where there is no matrix."""
        price = self.segments[place[0]].price
        return price.match_at(place[1]) if isinstance(price, Matrix) else ()

    def events_at(self, place: Place) -> tuple[Event, ...]:
        """Return the events of a place in their order; refuse those that a price does not take, or misses."""
        events, kind = tuple(self.events.get(place, ())), self.price_at(place).kind
        if kind not in EVENT_KINDS:
            if events:
                raise WrongEvents(self.charge.key, f"takes no events, since its price is {kind}")
        elif sum((event.quantity for event in events), _ZERO) != self.quantities[place]:
            raise WrongEvents(
                self.charge.key,
                f"is {self.quantities[place]}, which is not the sum of its {len(events)} events",
            )
        elif kind == "dynamic" and any(event.amount is None for event in events):
            raise WrongEvents(self.charge.key, "has an event without an amount, which is its price")
        return events

    def _place_of(self, entry: Usage) -> Place:
        segment = 0
        if self.charge.changes:
            if entry.day is None:
                raise NoDay(self.charge.key)
            segment = place_on(self.charge, entry.day)
        price, cell = self.segments[segment].price, 0
        if isinstance(price, Matrix):
            cell = self._cell_of(price, entry)
            price = price.price_at(cell)
        elif entry.dimensions:
            raise WrongDimensions(self.charge.key, (), tuple(name for name, _ in entry.dimensions))
        return (segment, cell, self._dated(price, entry) if isinstance(price, Dated) else 0)

    def _cell_of(self, matrix: Matrix, entry: Usage) -> int:
        given = dict(entry.dimensions)
        if not matrix.is_priced_by(given):
            raise WrongDimensions(self.charge.key, matrix.dimensions, tuple(given))
        cell = matrix.place_of(given)
        if cell is None:
            raise NoPrice(self.charge.key, given)
        return cell

    def _dated(self, price: Dated, entry: Usage) -> int:
        if entry.day is None:
            raise NoDay(self.charge.key)
        place = price.place_on(entry.day)
        if place is None:
            raise NoPriceOnDay(self.charge.key, entry.day)
        self.is_cut = True
        return place


def metered(terms: Terms, usage: Sequence[Usage]) -> dict[str, Metered]:
    """Sort the usage by charge; every usage charge has an entry."""
    charges = {
        charge.key: Metered(charge, terms) for charge in terms.charges if charge.kind is ChargeKind.USAGE
    }
    for entry in usage:
        charge = charges.get(entry.charge)
        if charge is None:
            raise UnknownCharge(entry.charge)
        charge.add(entry)
    return charges
