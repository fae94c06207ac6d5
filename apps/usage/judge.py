"""Judges whether a readable event can be billed, and what it adds to which meter; pure once the facts are read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import orjson

from apps.core.periods import local_midnight
from apps.plans.models import Meter
from apps.plans.queries import charges_of
from apps.rating.price_models.matrix import Matrix
from apps.rating.terms import Charge
from apps.usage import faults
from apps.usage.faults import Fault
from apps.usage.measure import Measure, Value, measure_of, wanted_of
from apps.usage.read_event import Quantity, ReadEvent

# An index entry must hold the values; this leaves room.
_LONGEST_DIMENSIONS = 1_000
_LARGEST = 10**15

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

    def day_of(self, at: datetime) -> date:
        """Return the local day of an instant; where midnight comes twice, the day begins at the first, as periods do."""
        day = at.astimezone(self.timezone).date()
        next_day = day + timedelta(days=1)
        return next_day if at >= local_midnight(next_day, self.timezone.key) else day

    @property
    def is_all_billed(self) -> bool:
        """Tell whether no invoice is to come."""
        return bool(self.ends_on and self.billed_until_on and self.billed_until_on >= self.ends_on)


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A meter's dimension values under a contract on one day, as canonical JSON, or why the contract cannot price them."""

    customer_id: str
    contract_id: str
    measure: Measure
    meter_id: str
    day: date
    dimensions: str
    fault: Fault | None = None


# What an event adds to one meter.
Feed = tuple[Cell, Quantity]
OtherFeed = tuple[Cell, Value]


class Countable(msgspec.Struct, gc=False):
    """An event that can be billed: under which contract, on which local day, and what it adds to which meters.

    `amounts` are added up in the `cells` of the same places; `others` is what other meters make of it.
    """

    event: ReadEvent
    customer_id: str
    contract: ContractFacts
    day: date
    cells: tuple[Cell, ...]
    amounts: tuple[Quantity, ...]
    others: Sequence[OtherFeed]

    @property
    def feeds(self) -> list[Feed]:
        """Return what is added up, with where."""
        return list(zip(self.cells, self.amounts, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """How events reach one meter under one contract."""

    measure: Measure
    charges: Sequence[Charge]

    @property
    def is_charged(self) -> bool:
        """Tell whether the contract's plan prices the meter."""
        return bool(self.charges)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A cell of each meter of a group, for one set of dimension values."""

    cells: tuple[Cell, ...]
    has_fault: bool


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The meters with the same dimensions, and their cells for every set of values that was met.

    `plain` are the properties that they sum, with what they add where one is absent: nothing, or 1 for a count, which reads
    no property. It is None unless all of them are such, without filters.
    """

    measure: Measure
    routes: tuple[Route, ...]
    is_charged: bool
    plain: tuple[tuple[str | None, ...], tuple[int | None, ...]] | None
    met: dict[Values, Cells]


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """How one customer's events of one type are counted between two instants that lie on one local day."""

    starts_at: datetime
    ends_at: datetime
    customer_id: str
    contract: ContractFacts
    day: date
    groups: Sequence[Group]


@dataclass(slots=True)
class Facts:
    """What the database says about the customers, types and contracts of one request.

    `at` is the instant that lateness is measured from; None is for events that were judged before. With `any_age` none is
    too old, as in a release; what is too early stays so until its time has come.
    """

    customers: Mapping[str, str]
    meters: Mapping[str, Sequence[Meter]]
    contracts: Mapping[str, Sequence[ContractFacts]]
    at: datetime | None
    any_age: bool = False
    measures: dict[UUID, Measure] = field(default_factory=dict)
    # The way that the last event of this customer and type took: the next one most often takes it too.
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)
    _days: dict[tuple[str, str, date], Way] = field(default_factory=dict)

    def way_on(self, customer_id: str, event_type: str, contract: ContractFacts, day: date) -> Way:
        """Return the way of events of one type under a contract on a local day that it covers."""
        found = self._days.get((event_type, contract.id, day))
        if found is None:
            found = self._way(customer_id, event_type, contract, day)
            self._days[event_type, contract.id, day] = found
        return found

    def _way(self, customer_id: str, event_type: str, contract: ContractFacts, day: date) -> Way:
        meters = self.meters.get(event_type, ())
        starts_at = local_midnight(day, contract.timezone.key)
        ends_at = local_midnight(day + timedelta(days=1), contract.timezone.key)
        if self.at is not None and meters:
            if not self.any_age:
                starts_at = max(starts_at, self.at - timedelta(days=late_days_of(meters)))
            # The last instant that is not too early is itself taken.
            latest = self.at + timedelta(hours=early_hours_of(meters), microseconds=1)
            ends_at = min(ends_at, latest)
        grouped: dict[object, list[Route]] = {}
        for meter in meters:
            route = Route(self._measure(meter), contract.charges.get(meter.pk, ()))
            grouped.setdefault((*meter.dimensions, str(meter.ranges)), []).append(route)
        groups = [_group(tuple(routes)) for routes in grouped.values()]
        return Way(starts_at, ends_at, customer_id, contract, day, groups)

    def _measure(self, meter: Meter) -> Measure:
        found = self.measures.get(meter.pk)
        if found is None:
            found = self.measures[meter.pk] = measure_of(meter)
        return found


def late_days_of(meters: Collection[Meter]) -> int:
    """Return how late an event of these meters' type may be: as the most patient of them allows."""
    return max(meter.late_days for meter in meters)


def early_hours_of(meters: Collection[Meter]) -> int:
    """Return how far ahead an event of these meters' type may be."""
    return max(meter.early_hours for meter in meters)


def charges_by_meter(plan_version_id: UUID) -> dict[UUID, list[Charge]]:
    """Return the usage charges of a plan version by the meter that they price."""
    charges: dict[UUID, list[Charge]] = {}
    for planned in charges_of(plan_version_id):
        if planned.meter_id:
            charges.setdefault(planned.meter_id, []).append(planned.charge)
    return charges


def judge(event: ReadEvent, facts: Facts) -> Countable | Fault:
    """Return what the event adds, or the first fault that keeps it from being billed."""
    if event.fault:
        return event.fault
    key = event.customer_key or ""
    way = facts.ways.get((key, event.type))
    if (
        way is None
        or not way.starts_at <= event.time < way.ends_at
        or (event.contract and event.contract != way.contract.number)
    ):
        found = _way_of(event, facts)
        if isinstance(found, Fault):
            return found
        way = found
        # Where contracts follow each other in different time zones, an instant may lie in days of both.
        if len({one.timezone.key for one in facts.contracts[way.customer_id]}) == 1:
            facts.ways[key, event.type] = way
    return feed(event, way)


# One reason after the other, in the order in which they are told, reads best in one piece.
def _way_of(event: ReadEvent, facts: Facts) -> Way | Fault:  # noqa: C901, PLR0911
    customer_id = facts.customers.get(event.customer_key or "")
    if customer_id is None:
        return faults.unknown_customer(event.customer_key or "")
    meters = facts.meters.get(event.type)
    if not meters:
        return faults.unknown_type(event.type)
    if facts.at is not None:
        if event.time > facts.at + timedelta(hours=early_hours_of(meters)):
            return faults.too_early(facts.at, early_hours_of(meters))
        if not facts.any_age and event.time < facts.at - timedelta(days=late_days_of(meters)):
            return faults.too_old(late_days_of(meters))
    for contract in facts.contracts.get(customer_id, ()):
        day = contract.day_of(event.time)
        if contract.covers(day):
            break
    else:
        return faults.no_contract(event.customer_key or "", event.time.date())
    if event.contract and event.contract != contract.number:
        return faults.other_contract(event.contract, event.customer_key or "", day)
    if contract.is_all_billed and contract.billed_until_on:
        return faults.period_closed(contract.number, contract.billed_until_on)
    return facts.way_on(customer_id, event.type, contract, day)


# One meter after the other, with what keeps it from getting anything, reads best in one piece.
def feed(event: ReadEvent, way: Way, *, is_stored: bool = False) -> Countable | Fault:  # noqa: C901
    """Return what every meter gets of the event on its way.

    A meter whose property is absent, or whose filters the event does not pass, gets nothing; but of those that are charged
    one must get something, or must have filtered it out. What is stored was judged before.
    """
    cells: tuple[Cell, ...] = ()
    amounts: tuple[Quantity, ...] = ()
    others: list[OtherFeed] = []
    is_charged = is_filtered = False
    wanted: list[str] = []
    for group in way.groups:
        added = _plain_amounts(event, group)
        if added and not (met := _met(event, group, way)).has_fault:
            cells += met.cells
            amounts += added
            is_charged = is_charged or group.is_charged
            continue
        for place, route in enumerate(group.routes):
            measure = route.measure
            if measure.accepts and not measure.accepts(event.properties):
                is_filtered = is_filtered or route.is_charged
                continue
            value = measure.value_of(event)
            if value is None:
                wanted += wanted_of(measure) if route.is_charged else ()
                continue
            cell = _met(event, group, way).cells[place]
            fault = value if type(value) is Fault else cell.fault
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
        return Countable(event, way.customer_id, way.contract, way.day, cells, amounts, others)
    return faults.value_missing(wanted) if wanted else faults.not_in_plan(way.contract.number, event.type)


def _plain_amounts(event: ReadEvent, group: Group) -> tuple[int, ...] | None:
    """Return what the event adds to each meter of the group, where that is plain: this runs once an event."""
    if group.plain is None or event.quantity < 0:
        return None
    amounts = tuple(map(event.properties.get, *group.plain))  # type: ignore[arg-type]
    for amount in amounts:
        if type(amount) is not int or not 0 <= amount < _LARGEST:
            return None
    return amounts  # type: ignore[return-value]


def _met(event: ReadEvent, group: Group, way: Way) -> Cells:
    """Return the group's cells of the event's dimension values."""
    values = group.measure.dimension_values(event)
    met = group.met.get(values)
    if met is None:
        cells = tuple(_cell(values, route, way) for route in group.routes)
        met = group.met[values] = Cells(cells, any(cell.fault for cell in cells))
    return met


def _group(routes: tuple[Route, ...]) -> Group:
    measures = [route.measure for route in routes]
    plain = None
    if all(measure.is_plain for measure in measures):
        properties = tuple(None if measure.counts_events else measure.value_property for measure in measures)
        plain = (properties, tuple(1 if measure.counts_events else None for measure in measures))
    return Group(measures[0], routes, any(route.is_charged for route in routes), plain, {})


def _cell(values: Values, route: Route, way: Way) -> Cell:
    meter = route.measure.meter
    names = route.measure.dimension_names
    given = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    written = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    fault = _unpriced(given, route, way.contract)
    if len(written) > _LONGEST_DIMENSIONS:
        longest = max(given, key=lambda name: len(given[name]))
        remedy = f"Meter {meter.key} tells events apart by it: give shorter values."
        fault = faults.bad_properties(f"properties.{longest}", remedy)
    return Cell(
        way.customer_id, way.contract.id, route.measure, str(meter.pk), way.day, written.decode(), fault
    )


def _unpriced(given: dict[str, str], route: Route, contract: ContractFacts) -> Fault | None:
    meter = route.measure.meter
    for charge in route.charges:
        if not isinstance(charge.price, Matrix):
            continue
        for name in charge.price.dimensions:
            if name not in given:
                return faults.dimension_missing(name, meter.key)
        priced_by = {name: given[name] for name in charge.price.dimensions}
        if charge.price.price_for(priced_by) is None:
            return faults.no_price(contract.number, meter.key, priced_by)
    return None
