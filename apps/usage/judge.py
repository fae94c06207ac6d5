"""Judges whether a readable event can be billed, and what it adds to which meter; pure once the facts are read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from apps.plans.models import Meter
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
    """What ingest needs to know of a contract that it has locked, and of its plan."""

    id: UUID
    number: str
    timezone: str
    starts_on: date
    ends_on: date | None
    billed_until_on: date | None
    charges: Mapping[UUID, Sequence[Charge]]

    def covers(self, day: date) -> bool:
        """Tell whether a local day lies within the term."""
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


@dataclass(frozen=True, slots=True)
class Feed:
    """What an event adds to one meter; `dimensions` is canonical JSON."""

    meter_id: UUID
    dimensions: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Countable:
    """An event that can be billed: under which contract, on which local day, and what it adds to which meters."""

    event: ReadEvent
    customer_id: UUID
    contract_id: UUID
    day: date
    feeds: Sequence[Feed]


@dataclass(frozen=True, slots=True)
class Cell:
    """A meter's dimension values as they are stored, or why the contract cannot price them."""

    dimensions: str
    fault: Fault | None


@dataclass(slots=True)
class Facts:
    """What the database says about the customers, types and contracts of one request."""

    customers: Mapping[str, UUID]
    meters: Mapping[str, Sequence[Meter]]
    contracts: Mapping[UUID, Sequence[ContractFacts]]
    cells: dict[tuple[UUID, UUID, Values], Cell] = field(default_factory=dict)


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
    meters = facts.meters.get(event.type)
    if not meters:
        return faults.unknown_type(event.type)
    if fault := _far_off(event.time, meters, at=at):
        return fault
    for contract in facts.contracts.get(customer_id, ()):
        day = event.time.astimezone(ZoneInfo(contract.timezone)).date()
        if contract.covers(day):
            break
    else:
        return faults.no_contract(event.customer_key or "", event.time.date())
    if contract.billed_until_on and day < contract.billed_until_on:
        return faults.period_closed(contract.number, contract.billed_until_on)
    feeds = _feeds(event, meters, contract, facts)
    if isinstance(feeds, Fault):
        return feeds
    return Countable(event, customer_id, contract.id, day, feeds)


def _far_off(time: datetime, meters: Collection[Meter], *, at: datetime) -> Fault | None:
    if time > at + EARLIEST:
        return faults.too_early(at)
    days = max(meter.late_days for meter in meters)
    return faults.too_old(days) if time < at - timedelta(days=days) else None


def _feeds(
    event: ReadEvent, meters: Sequence[Meter], contract: ContractFacts, facts: Facts
) -> list[Feed] | Fault:
    """Return what every meter gets; a meter whose property is absent gets nothing, but one that is charged must."""
    feeds, is_charged, wanted = [], False, []
    for meter in meters:
        charges = contract.charges.get(meter.id, ())
        quantity = _quantity(event, meter)
        if quantity is None:
            wanted += [meter.value_property] if charges else []
            continue
        if isinstance(quantity, Fault):
            if charges:
                return quantity
            continue
        cell = _cell_of(event, meter, contract, facts)
        if cell.fault:
            if charges:
                return cell.fault
            continue
        is_charged = is_charged or bool(charges)
        feeds.append(Feed(meter.id, cell.dimensions, quantity))
    if is_charged:
        return feeds
    return faults.value_missing(wanted) if wanted else faults.not_in_plan(contract.number, event.type)


def _quantity(event: ReadEvent, meter: Meter) -> Decimal | Fault | None:
    if meter.aggregation == Meter.Aggregation.COUNT:
        return _ONE
    if not meter.value_property:
        return event.quantity
    given = event.properties.get(meter.value_property)
    if given is None:
        return None
    try:
        return number(given)
    except BadNumber:
        return faults.bad_value(meter.value_property)
    except TypeError:
        return faults.not_a_number(meter.value_property)


def _cell_of(event: ReadEvent, meter: Meter, contract: ContractFacts, facts: Facts) -> Cell:
    values: Values = tuple([dimension(event.properties.get(name)) for name in meter.dimensions])
    cell = facts.cells.get((contract.id, meter.id, values))
    if cell is None:
        cell = facts.cells[contract.id, meter.id, values] = _cell(meter, values, contract)
    return cell


def _cell(meter: Meter, values: Values, contract: ContractFacts) -> Cell:
    given = {name: value for name, value in zip(meter.dimensions, values, strict=True) if value is not None}
    written = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    if len(written) > _LONGEST_DIMENSIONS:
        field_name = max(given, key=lambda name: len(given[name]))
        return Cell(
            "",
            faults.bad_properties(
                f"properties.{field_name}",
                f"Meter {meter.key} tells events apart by it: give shorter values.",
            ),
        )
    return Cell(written.decode(), _unpriced(meter, given, contract))


def _unpriced(meter: Meter, given: dict[str, str], contract: ContractFacts) -> Fault | None:
    for charge in contract.charges.get(meter.id, ()):
        if not isinstance(charge.price, Matrix):
            continue
        for name in charge.price.dimensions:
            if name not in given:
                return faults.dimension_missing(name, meter.key)
        priced_by = {name: given[name] for name in charge.price.dimensions}
        if charge.price.price_for(priced_by) is None:
            return faults.no_price(contract.number, meter.key, priced_by)
    return None
