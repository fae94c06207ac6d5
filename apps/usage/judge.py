"""Judges whether readable events can be billed, and what they add to which meter; pure once the facts are read."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any

from apps.usage import faults
from apps.usage.faults import Fault
from apps.usage.measure import DECISION, METER, property_of, wanted_of
from apps.usage.read_event import LONGEST_DIMENSION, Quantity, ReadEvent
from apps.usage.ways import (
    Cell,
    Countable,
    Facts,
    Group,
    OtherFeed,
    Route,
    Way,
    Window,
    cells_of,
    narrowest,
    widest,
)

_LARGEST = 10**15
_INT = {int}
_DAY = 24 * 60 * 60 * 1_000_000


def judge(events: Sequence[ReadEvent], facts: Facts) -> list[Countable | Fault]:
    """Return for each event what it adds, or the first fault that keeps it from being billed."""
    judged: list[Any] = [None] * len(events)
    by_way: dict[Way, list[int]] = {}
    ways = facts.ways
    for place, event in enumerate(events):
        way = ways.get((event.customer_key, event.type, event.micros // _DAY))
        if way is None or event.fault or event.contract or not way.starts <= event.micros < way.ends:
            found = event.fault or _way_of(event, facts)
            if isinstance(found, Fault):
                judged[place] = found
                continue
            way = found
        if way in by_way:
            by_way[way].append(place)
        else:
            by_way[way] = [place]
    for way, places in by_way.items():
        for place, fed in zip(places, feed_all([events[place] for place in places], way), strict=True):
            judged[place] = fed
    return judged


def feed_all(
    events: Sequence[ReadEvent], way: Way, *, is_stored: bool = False
) -> Sequence[Countable | Fault]:
    """Return what every meter gets of each event on its way; see `feed`."""
    fed = _plainly_fed(events, way, is_stored=is_stored)
    return fed or [feed(event, way, is_stored=is_stored) for event in events]


# One reason after the other, in the order in which they are told, reads best in one piece.
def _way_of(event: ReadEvent, facts: Facts) -> Way | Fault:  # noqa: C901, PLR0911
    customer_id = facts.customers.get(event.customer_key or "")
    if customer_id is None:
        return faults.unknown_customer(event.customer_key or "")
    meters = facts.meters.get(event.type)
    if not meters:
        return faults.unknown_type(event.type)
    if untimely := _untimely(event.time, widest(meters), facts):
        return untimely
    for contract in facts.contracts.get(customer_id, ()):
        day = contract.day_of(event.time)
        if contract.covers(day):
            break
    else:
        return faults.no_contract(event.customer_key or "", event.time.date())
    if event.contract and event.contract != contract.number:
        return faults.other_contract(event.contract, event.customer_key or "", day)
    if contract.is_wholly_billed and contract.billed_until_on:
        return faults.period_closed(contract.number, contract.billed_until_on)
    way = facts.way_on(customer_id, event.type, contract, day)
    # Where contracts follow each other in different time zones, an instant may lie in days of both.
    if len({one.timezone.key for one in facts.contracts[customer_id]}) == 1:
        facts.ways[event.customer_key, event.type, event.micros // _DAY] = way
    return way if way.starts <= event.micros < way.ends else _refused(event, way, facts) or way


def _untimely(time: datetime, window: Window, facts: Facts) -> Fault | None:
    if facts.at is None:
        return None
    if time > facts.at + timedelta(hours=window.early_hours):
        return faults.too_early(facts.at, window.early_hours)
    if not facts.any_age and time < facts.at - timedelta(days=window.late_days):
        return faults.too_old(window.late_days)
    return None


def _refused(event: ReadEvent, way: Way, facts: Facts) -> Fault | None:
    """Return why an event is not taken that comes earlier or later than some charged meter of its type allows.

    The strictest of those decides that would bill some of it. So none bills what it does not take, and what waits is not
    lost; a meter that nobody is charged for has no say.
    """
    fed = feed(event, way)
    if isinstance(fed, Fault):
        return fed
    meters = [cell.measure.meter for cell in (*fed.cells, *(cell for cell, _ in fed.others))]
    charges = way.contract.charges_on(way.day)
    charged = [meter for meter in meters if charges.get(meter.pk)]
    return _untimely(event.time, narrowest(charged), facts) if charged else None


# One meter after the other, with what keeps it from getting anything, reads best in one piece.
def feed(event: ReadEvent, way: Way, *, is_stored: bool = False) -> Countable | Fault:  # noqa: C901
    """Return what every meter gets of the event on its way.

    A meter whose property is absent, or whose filters the event does not pass, gets nothing; but of those that are charged
    one must get something, or must have filtered it out. What is stored was judged before. A decision on a dispute is for its
    own meter, past all filters, and for no other.
    """
    cells: tuple[Cell, ...] = ()
    amounts: tuple[Quantity, ...] = ()
    others: list[OtherFeed] = []
    is_charged = is_filtered = False
    wanted: list[str] = []
    decided = event.properties[METER] if event.type == DECISION else None
    for group in way.groups:
        for place, route in enumerate(group.routes):
            measure = route.measure
            if decided is not None:
                if measure.meter.key != decided:
                    continue
            elif measure.accepts and not measure.accepts(event.properties):
                is_filtered = is_filtered or route.is_charged
                continue
            value = measure.value_of(event)
            if value is None:
                wanted += wanted_of(measure) if route.is_charged else ()
                continue
            cell = cells_of(group.measure.dimension_values(event), group, way).cells[place]
            fault = value if type(value) is Fault else cell.fault or _unpriced(event, route)
            if fault:
                if route.is_charged:
                    return fault
                continue
            is_charged = is_charged or route.is_charged
            # What is added up is a number, and faults are gone.
            if measure.is_additive:
                cells += (cell,)
                amounts += (value,)  # type: ignore[operator]
            else:
                others.append((cell, value))  # type: ignore[arg-type]
    if is_charged or is_filtered or is_stored:
        return Countable(event, way, cells, amounts, tuple(others))
    return faults.value_missing(wanted) if wanted else faults.not_in_plan(way.contract.number, event.type)


def _unpriced(event: ReadEvent, route: Route) -> Fault | None:
    """Return why an event does not bring the price that a charge takes from it."""
    for name in route.prices_sent:
        given = property_of(event, name)
        if given is None:
            return faults.price_missing(name)
        if isinstance(given, Fault):
            return given
        if given < 0:
            return faults.negative(f"properties.{name}")
    return None


def _plainly_fed(events: Sequence[ReadEvent], way: Way, *, is_stored: bool) -> list[Countable] | None:
    """Return what the meters get of all the events at once, column by column, where that is plain; else None.

    Plain means: meters that count every event or sum a property, as `Group.plain` says; whole numbers that are there; and
    texts as dimension values, all of them priced.
    """
    is_billed = is_stored or any(group.is_charged for group in way.groups)
    if not is_billed or min((event.quantity for event in events), default=0) < 0:
        return None
    properties = [event.properties for event in events]
    cells: list[tuple[Cell, ...]] = []
    amounts: list[tuple[int, ...]] = []
    for group in way.groups:
        added = _plain_amounts(properties, group)
        met = added and _plain_cells(properties, group, way)
        if not (added and met):
            return None
        cells = [one + more for one, more in zip(cells, met, strict=True)] if cells else met
        amounts = [one + more for one, more in zip(amounts, added, strict=True)] if amounts else added
    return list(map(Countable, events, repeat(way), cells, amounts, repeat(())))


def _plain_amounts(properties: Sequence[Mapping[str, Any]], group: Group) -> list[tuple[int, ...]] | None:
    if group.plain is None:
        return None
    # No name is None, so that a count gets what counts.
    columns: list[list[Any]] = [
        [one.get(name, absent) for one in properties]  # type: ignore[arg-type]
        for name, absent in group.plain
    ]
    for column in columns:
        if set(map(type, column)) != _INT or min(column) < 0 or max(column) >= _LARGEST:
            return None
    return list(zip(*columns, strict=True))


def _plain_cells(
    properties: Sequence[Mapping[str, Any]], group: Group, way: Way
) -> list[tuple[Cell, ...]] | None:
    names = group.measure.dimensions
    rows = list(zip(*([one.get(name) for one in properties] for name in names), strict=True))
    try:
        values = set(rows) if names else {()}
    except TypeError:
        return None
    if any(type(value) is not str or len(value) > LONGEST_DIMENSION for value in chain.from_iterable(values)):
        return None
    met = {one: cells_of(one, group, way) for one in values}
    if any(cells.has_fault for cells in met.values()):
        return None
    return [met[row].cells for row in rows] if names else [met[()].cells] * len(properties)
