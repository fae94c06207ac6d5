"""The ways on which events are counted: one customer's, of one type, on one day of a contract; pure once the facts are read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import orjson

from apps.contracts.agreed import versions_of
from apps.contracts.queries import is_wholly_billed
from apps.core.periods import local_midnight
from apps.plans.models import Meter
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Matrix
from apps.usage import faults
from apps.usage.faults import Fault
from apps.usage.measure import Measure, Value, measure_of
from apps.usage.read_event import Quantity, ReadEvent, micros_of

# An index entry must hold the values; this leaves room.
_LONGEST_DIMENSIONS = 1_000

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """What ingest needs to know of a contract that it has locked, and of its plan; ids as text, as they are written.

    `phases` are the charges by meter, with the day from which on they hold; there is none where events were judged already.
    """

    id: str
    number: str
    timezone: ZoneInfo
    starts_on: date
    ends_on: date | None
    billed_until_on: date | None
    plan_version_id: UUID | None
    terms_stamp: UUID | None
    # A version that contracts are signed on never changes its prices, and another stamp tells of other phases.
    phases: Sequence[tuple[date, Mapping[UUID, Sequence[PlannedCharge]]]] = field(compare=False)

    def charges_on(self, day: date) -> Mapping[UUID, Sequence[PlannedCharge]]:
        """Return the charges of a local day, by meter."""
        found: Mapping[UUID, Sequence[PlannedCharge]] = {}
        for starts_on, charges in self.phases:
            if starts_on <= day:
                found = charges
        return found

    def covers(self, day: date) -> bool:
        """Tell whether a local day lies within the term."""
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)

    def day_of(self, at: datetime) -> date:
        """Return the local day of an instant; where midnight comes twice, the day begins at the first, as periods do."""
        day = at.astimezone(self.timezone).date()
        next_day = day + timedelta(days=1)
        return next_day if at >= local_midnight(next_day, self.timezone.key) else day

    @property
    def is_wholly_billed(self) -> bool:
        """Tell whether no invoice is to come."""
        return is_wholly_billed(ends_on=self.ends_on, billed_until_on=self.billed_until_on)


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


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """How events reach one meter under one contract."""

    measure: Measure
    charges: Sequence[PlannedCharge]

    @property
    def is_charged(self) -> bool:
        """Tell whether the contract's plan prices the meter."""
        return bool(self.charges)

    @property
    def prices_sent(self) -> tuple[str, ...]:
        """Return the properties in which events bring their own price."""
        return tuple(planned.amount_property for planned in self.charges if planned.amount_property)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A cell of each meter of a group, for one set of dimension values."""

    cells: tuple[Cell, ...]
    has_fault: bool


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The meters with the same dimensions, and their cells for every set of values that was met.

    `plain` are the properties that they sum, with what they add where one is absent: nothing, or 1 for a count, which reads
    no property. It is None unless all of them are such, without filters, and their dimensions are properties.
    """

    measure: Measure
    routes: tuple[Route, ...]
    is_charged: bool
    plain: Sequence[tuple[str | None, int | None]] | None
    met: dict[Values, Cells]


@dataclass(frozen=True, slots=True)
class Window:
    """How late and how early events may come."""

    late_days: int
    early_hours: int


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """How one customer's events of one type are counted on one local day of a contract, between two midnights.

    Events within the `window` every meter takes that the contract charges for.
    """

    starts_at: datetime
    ends_at: datetime
    meters: Sequence[Meter]
    groups: Sequence[Group]
    window: Window


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """How one customer's events of one type are counted between two instants of one local day, told in `micros`.

    No charged meter refuses those for their time; whether one before or after is taken, only what it feeds can tell.
    """

    starts: int
    ends: int
    customer_id: str
    contract: ContractFacts
    day: date
    groups: Sequence[Group]


class Countable(msgspec.Struct, gc=False):
    """An event that can be billed: on which way, and what it adds to which meters.

    `amounts` are added up in the `cells` of the same places; `others` is what other meters make of it.
    """

    event: ReadEvent
    way: Way
    cells: tuple[Cell, ...]
    amounts: tuple[Quantity, ...]
    others: Sequence[OtherFeed]

    @property
    def feeds(self) -> list[Feed]:
        """Return what is added up, with where."""
        return list(zip(self.cells, self.amounts, strict=True))


class _Days:
    """What was worked out for the days of contracts, kept from one request of this process to the next.

    All of it is forgotten when it has grown large, and a day's part when a meter has changed.
    """

    _MOST = 50_000

    def __init__(self) -> None:
        self._days: dict[tuple[str, ContractFacts, str, date], Day] = {}
        self._made = 0

    def of(
        self, customer_id: str, contract: ContractFacts, event_type: str, day: date, facts: "Facts"
    ) -> Day:
        """Return how the customer's events of a type are counted on a local day of the contract."""
        # Requests under way keep what they have of it.
        if self._made > self._MOST:
            self._days, self._made = {}, 0
        meters = facts.meters.get(event_type, ())
        found = self._days.get((customer_id, contract, event_type, day))
        if found is None or found.meters is not meters:
            found = self._days[customer_id, contract, event_type, day] = _day(contract, day, meters, facts)
            self._made += 1
        return found

    def made(self, cells: int) -> None:
        """Note that so many cells were made for them."""
        self._made += cells


_days = _Days()


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
    # The way that the last event of this customer key, type and UTC day took: the next one most often takes it too.
    ways: dict[tuple[str | None, str, int], Way] = field(default_factory=dict)
    _on_days: dict[tuple[str, str, date], Way] = field(default_factory=dict)

    def way_on(self, customer_id: str, event_type: str, contract: ContractFacts, day: date) -> Way:
        """Return the way of events of one type under a contract on a local day that it covers."""
        found = self._on_days.get((event_type, contract.id, day))
        if found is None:
            found = self._way(customer_id, event_type, contract, day)
            self._on_days[event_type, contract.id, day] = found
        return found

    def measure(self, meter: Meter) -> Measure:
        """Return the meter, made ready."""
        found = self.measures.get(meter.pk)
        if found is None:
            found = self.measures[meter.pk] = measure_of(meter)
        return found

    def _way(self, customer_id: str, event_type: str, contract: ContractFacts, day: date) -> Way:
        whole = _days.of(customer_id, contract, event_type, day, self)
        starts_at, ends_at = whole.starts_at, whole.ends_at
        if self.at is not None:
            if not self.any_age:
                starts_at = max(starts_at, self.at - timedelta(days=whole.window.late_days))
            # The last instant that is not too early is itself taken.
            ends_at = min(ends_at, self.at + timedelta(hours=whole.window.early_hours, microseconds=1))
        return Way(micros_of(starts_at), micros_of(ends_at), customer_id, contract, day, whole.groups)


def _day(contract: ContractFacts, day: date, meters: Sequence[Meter], facts: Facts) -> Day:
    grouped: dict[object, list[Route]] = {}
    charges = contract.charges_on(day)
    for meter in meters:
        route = Route(facts.measure(meter), charges.get(meter.pk, ()))
        grouped.setdefault((*meter.dimensions, str(meter.ranges)), []).append(route)
    return Day(
        local_midnight(day, contract.timezone.key),
        local_midnight(day + timedelta(days=1), contract.timezone.key),
        meters,
        [_group(tuple(routes)) for routes in grouped.values()],
        narrowest([meter for meter in meters if charges.get(meter.pk)] or meters),
    )


def widest(meters: Collection[Meter]) -> Window:
    """Return the window within which at least one of the meters takes events."""
    return Window(
        max((meter.late_days for meter in meters), default=0),
        max((meter.early_hours for meter in meters), default=0),
    )


def narrowest(meters: Collection[Meter]) -> Window:
    """Return the window within which each of the meters takes events."""
    return Window(
        min((meter.late_days for meter in meters), default=0),
        min((meter.early_hours for meter in meters), default=0),
    )


def phases_of(
    contracts: Iterable[tuple[str, UUID, UUID | None]],
) -> dict[str, Sequence[tuple[date, Mapping[UUID, Sequence[PlannedCharge]]]]]:
    """Return the usage charges by the meter that they price, with the day from which on they hold, by contract.

    Contracts are given by their id, plan version and stamp.
    """
    known: dict[UUID, Mapping[UUID, Sequence[PlannedCharge]]] = {}
    phases: dict[str, Sequence[tuple[date, Mapping[UUID, Sequence[PlannedCharge]]]]] = {}
    found = versions_of((UUID(contract_id), version, stamp) for contract_id, version, stamp in contracts)
    for contract_id, versions in found.items():
        for _, version in versions:
            if version not in known:
                known[version] = _charges_by_meter(version)
        phases[str(contract_id)] = [(starts_on, known[version]) for starts_on, version in versions]
    return phases


def _charges_by_meter(plan_version_id: UUID) -> dict[UUID, list[PlannedCharge]]:
    """Return the usage charges of a plan version by the meter that they price."""
    charges: dict[UUID, list[PlannedCharge]] = {}
    for planned in charges_of(plan_version_id):
        if planned.meter_id:
            charges.setdefault(planned.meter_id, []).append(planned)
    return charges


def cells_of(values: Values, group: Group, way: Way) -> Cells:
    """Return the group's cells of these dimension values."""
    met = group.met.get(values)
    if met is None:
        cells = tuple(_cell(values, route, way) for route in group.routes)
        _days.made(len(cells))
        # Whoever was first stands, so that all that come together have the same.
        met = group.met.setdefault(values, Cells(cells, any(cell.fault for cell in cells)))
    return met


def _group(routes: tuple[Route, ...]) -> Group:
    measures = [route.measure for route in routes]
    plain = None
    is_plain = all(measure.is_plain for measure in measures) and not measures[0].ranges
    if is_plain and not any(route.prices_sent for route in routes):
        # No name of a property is None, so that a count gets what counts.
        plain = [
            (None, 1) if measure.counts_events else (measure.value_property, None) for measure in measures
        ]
    return Group(measures[0], routes, any(route.is_charged for route in routes), plain, {})


def _cell(values: Values, route: Route, way: Way) -> Cell:
    meter = route.measure.meter
    names = route.measure.dimension_names
    given = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    written = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    fault = _unpriced(given, route, way)
    if len(written) > _LONGEST_DIMENSIONS:
        longest = max(given, key=lambda name: len(given[name]))
        remedy = f"Meter {meter.key} tells events apart by it: give shorter values."
        fault = faults.bad_properties(f"properties.{longest}", remedy)
    return Cell(
        way.customer_id, way.contract.id, route.measure, str(meter.pk), way.day, written.decode(), fault
    )


def _unpriced(given: dict[str, str], route: Route, way: Way) -> Fault | None:
    meter = route.measure.meter
    for planned in route.charges:
        price, priced_by = planned.charge.price, {}
        if isinstance(price, Matrix):
            for name in price.dimensions:
                if name not in given:
                    return faults.dimension_missing(name, meter.key)
            priced_by = {name: given[name] for name in price.dimensions}
        found = price.price_for(priced_by) if isinstance(price, Matrix) else price
        if found is None or (isinstance(found, Dated) and found.place_on(way.day) is None):
            return faults.no_price(way.contract.number, meter.key, priced_by)
    return None
