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
_ZERO = Decimal(0)


class Metered:
    """One charge's usage, added up by place, and the price model of each place."""

    def __init__(self, charge: Charge, terms: Terms) -> None:
        self.charge = charge
        self.segments = segments_of(charge, terms.period)
        self.quantities: dict[Place, Decimal] = {}
        self.models: dict[Place, PriceModel] = {}
        # Whether one cell's usage may lie in several parts of the period, which are priced one after the other.
        self.is_cut = bool(charge.changes)
        # From which day the dated price of a place is in force.
        self.since: dict[Place, date] = {}
        self._events: dict[Place, list[Event]] = {}

    def add(self, entry: Usage) -> None:
        """Count an entry; refuse what the charge cannot price."""
        place, model = self._found(entry)
        before = self.quantities.get(place)
        if before is None:
            self.quantities[place] = entry.quantity
            self.models[place] = model
        else:
            self.quantities[place] = before + entry.quantity
        if entry.events:
            self._events.setdefault(place, []).extend(entry.events)

    def places(self) -> list[Place]:
        """Return the places of all lines in their order: by time, then by cell."""
        return sorted(self.quantities)

    def dimensions_at(self, place: Place) -> Dimensions:
        """Return what the cell of a place matches; nothing where there is no matrix."""
        price = self.segments[place[0]].price
        return price.match_at(place[1]) if isinstance(price, Matrix) else ()

    def events_at(self, place: Place) -> tuple[Event, ...]:
        """Return the events of a place in their order; refuse those that its price does not take, or misses."""
        kind = self.models[place].kind
        if kind not in EVENT_KINDS:
            if place in self._events:
                raise WrongEvents(self.charge.key, f"takes no events, since its price is {kind}")
            return ()
        events, quantity = tuple(self._events.get(place, ())), self.quantities[place]
        if sum((event.quantity for event in events), _ZERO) != quantity:
            raise WrongEvents(
                self.charge.key, f"is {quantity}, which is not the sum of its {len(events)} events"
            )
        if kind == "dynamic" and any(event.amount is None for event in events):
            raise WrongEvents(self.charge.key, "has an event without an amount, which is its price")
        return events

    def _found(self, entry: Usage) -> tuple[Place, PriceModel]:
        segment = self._segment_of(entry) if self.charge.changes else 0
        price, cell, dated = self.segments[segment].price, 0, 0
        if isinstance(price, Matrix):
            cell = self._cell_of(price, entry)
            price = price.price_at(cell)
        elif entry.dimensions:
            raise WrongDimensions(self.charge.key, (), tuple(name for name, _ in entry.dimensions))
        if isinstance(price, Dated):
            self.is_cut = True
            dated = self._dated_of(price, entry)
            since, price = price.prices[dated]
            self.since[segment, cell, dated] = since
        assert not isinstance(price, Fee), "terms refuse a fee for usage"
        return (segment, cell, dated), price

    def _segment_of(self, entry: Usage) -> int:
        if entry.day is None:
            raise NoDay(self.charge.key)
        return place_on(self.charge, entry.day)

    def _cell_of(self, matrix: Matrix, entry: Usage) -> int:
        cell = matrix.exact_place_of(entry.dimensions)
        if cell is not None:
            return cell
        given = dict(entry.dimensions)
        if not matrix.is_priced_by(given):
            raise WrongDimensions(self.charge.key, matrix.dimensions, tuple(given))
        cell = matrix.place_of(given)
        if cell is None:
            raise NoPrice(self.charge.key, given)
        return cell

    def _dated_of(self, price: Dated, entry: Usage) -> int:
        if entry.day is None:
            raise NoDay(self.charge.key)
        place = price.place_on(entry.day)
        if place is None:
            raise NoPriceOnDay(self.charge.key, entry.day)
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
