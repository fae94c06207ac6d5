"""Judges whether a readable event can be billed, and what it adds to which meter; pure once the facts are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from apps.plans.models import Meter
from apps.plans.queries import charges_of
from apps.rating.price_models.matrix import Matrix
from apps.rating.terms import Charge
from apps.usage import faults
from apps.usage.faults import Fault
from apps.usage.read_event import BadNumber, ReadEvent, dimension, number

EARLIEST = timedelta(hours=1)
# An index entry must hold the values; this leaves room.
_LONGEST_DIMENSIONS = 1_000
_ONE = Decimal(1)

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """What ingest needs to know of a contract that it has locked, and of its plan; ids as text, as they are written."""

    id: str
    number: str
    timezone: ZoneInfo
    starts_on: date
    ends_on: date | None
    billed_until_on: date | None
    charges: Mapping[UUID, Sequence[Charge]]

    def covers(self, day: date) -> bool:
        """Tell whether a local day lies within the term."""
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A meter's dimension values under a contract, as canonical JSON, or why the contract cannot price them."""

    contract_id: str
    meter_id: str
    dimensions: str
    fault: Fault | None = None


# What an event adds to one meter.
Feed = tuple[Cell, Decimal]


@dataclass(slots=True)
class Countable:
    """An event that can be billed: under which contract, on which local day, and what it adds to which meters."""

    event: ReadEvent
    customer_id: str
    contract_id: str
    day: date
    feeds: Sequence[Feed]


@dataclass(frozen=True, slots=True)
class Route:
    """How events reach one meter under one contract; its cells are kept as they are met."""

    meter: Meter
    counts_events: bool
    value_property: str
    dimensions: tuple[str, ...]
    charges: Sequence[Charge]
    cells: dict[Values, Cell]

    @classmethod
    def to(cls, meter: Meter, contract: ContractFacts) -> "Route":
        """Return the route to a meter."""
        return cls(
            meter=meter,
            counts_events=meter.aggregation == Meter.Aggregation.COUNT,
            value_property=meter.value_property,
            dimensions=tuple(meter.dimensions),
            charges=contract.charges.get(meter.pk, ()),
            cells={},
        )


@dataclass(slots=True)
class Facts:
    """What the database says about the customers, types and contracts of one request."""

    customers: Mapping[str, str]
    meters: Mapping[str, Sequence[Meter]]
    contracts: Mapping[str, Sequence[ContractFacts]]
    routes: dict[tuple[str, str], tuple[Route, ...]] = field(default_factory=dict)
    late_days: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.late_days = {
            event_type: max(meter.late_days for meter in meters) for event_type, meters in self.meters.items()
        }

    def routes_of(self, event_type: str, contract: ContractFacts) -> tuple[Route, ...]:
        """Return how events of a type reach their meters under a contract."""
        routes = self.routes.get((event_type, contract.number))
        if routes is None:
            routes = tuple(Route.to(meter, contract) for meter in self.meters.get(event_type, ()))
            self.routes[event_type, contract.number] = routes
        return routes


def charges_by_meter(plan_version_id: UUID) -> dict[UUID, list[Charge]]:
    """Return the usage charges of a plan version by the meter that they price."""
    charges: dict[UUID, list[Charge]] = {}
    for planned in charges_of(plan_version_id):
        if planned.meter_id:
            charges.setdefault(planned.meter_id, []).append(planned.charge)
    return charges


# One reason after the other, in the order in which they are told, reads best in one piece.
def judge(  # noqa: C901, PLR0911
    event: ReadEvent, facts: Facts, *, at: datetime
) -> Countable | Fault:
    """Return what the event adds, or the first fault that keeps it from being billed."""
    if event.fault:
        return event.fault
    customer_id = facts.customers.get(event.customer_key or "")
    if customer_id is None:
        return faults.unknown_customer(event.customer_key or "")
    late_days = facts.late_days.get(event.type)
    if late_days is None:
        return faults.unknown_type(event.type)
    if event.time > at + EARLIEST:
        return faults.too_early(at)
    if event.time < at - timedelta(days=late_days):
        return faults.too_old(late_days)
    for contract in facts.contracts.get(customer_id, ()):
        day = event.time.astimezone(contract.timezone).date()
        if contract.covers(day):
            break
    else:
        return faults.no_contract(event.customer_key or "", event.time.date())
    if contract.billed_until_on and day < contract.billed_until_on:
        return faults.period_closed(contract.number, contract.billed_until_on)
    feeds = feeds_of(event, facts.routes_of(event.type, contract), contract)
    if isinstance(feeds, Fault):
        return feeds
    return Countable(event, customer_id, contract.id, day, feeds)


def feeds_of(event: ReadEvent, routes: Sequence[Route], contract: ContractFacts) -> list[Feed] | Fault:
    """Return what every meter gets; a meter whose property is absent gets nothing, but one that is charged must."""
    feeds, is_charged, wanted = [], False, []
    for route in routes:
        quantity = _quantity(event, route)
        if quantity is None:
            wanted += [route.value_property] if route.charges else []
            continue
        cell = _cell_of(event, route, contract)
        fault = quantity if isinstance(quantity, Fault) else cell.fault
        if fault and route.charges:
            return fault
        if not isinstance(quantity, Fault) and not fault:
            is_charged = is_charged or bool(route.charges)
            feeds.append((cell, quantity))
    if is_charged:
        return feeds
    return faults.value_missing(wanted) if wanted else faults.not_in_plan(contract.number, event.type)


def _quantity(event: ReadEvent, route: Route) -> Decimal | Fault | None:
    if route.counts_events:
        return _ONE
    if not route.value_property:
        return event.quantity
    given = event.properties.get(route.value_property)
    if given is None:
        return None
    try:
        return number(given)
    except BadNumber:
        return faults.bad_value(route.value_property)
    except TypeError:
        return faults.not_a_number(route.value_property)


def _cell_of(event: ReadEvent, route: Route, contract: ContractFacts) -> Cell:
    properties = event.properties
    values: Values = tuple([dimension(properties.get(name)) for name in route.dimensions])
    cell = route.cells.get(values)
    if cell is None:
        cell = route.cells[values] = _cell(values, route, contract)
    return cell


def _cell(values: Values, route: Route, contract: ContractFacts) -> Cell:
    meter = route.meter
    given = {name: value for name, value in zip(route.dimensions, values, strict=True) if value is not None}
    written = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    fault = _unpriced(given, route, contract)
    if len(written) > _LONGEST_DIMENSIONS:
        longest = max(given, key=lambda name: len(given[name]))
        remedy = f"Meter {meter.key} tells events apart by it: give shorter values."
        fault = faults.bad_properties(f"properties.{longest}", remedy)
    return Cell(contract.id, str(meter.pk), written.decode(), fault)


def _unpriced(given: dict[str, str], route: Route, contract: ContractFacts) -> Fault | None:
    for charge in route.charges:
        if not isinstance(charge.price, Matrix):
            continue
        for name in charge.price.dimensions:
            if name not in given:
                return faults.dimension_missing(name, route.meter.key)
        priced_by = {name: given[name] for name in charge.price.dimensions}
        if charge.price.price_for(priced_by) is None:
            return faults.no_price(contract.number, route.meter.key, priced_by)
    return None
