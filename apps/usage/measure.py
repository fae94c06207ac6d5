"""What one meter makes of one event: whether it takes it, how much it adds, and under which dimension values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.plans import expression, meter_rules
from apps.plans.expression import QUANTITY, Expression, NoValue
from apps.plans.models import Meter
from apps.usage import faults
from apps.usage.faults import Fault
from apps.usage.models import Outcome
from apps.usage.read_event import LONGEST_DIMENSION, BadNumber, Quantity, ReadEvent, dimension, number

OUTCOME, STATE, WEIGHT, METER = "outcome", "state", "weight", "meter"
# The type of a decision on a dispute, which is no usage: nobody can send it, nor can a meter be of it, since it is empty.
DECISION = ""
_ADDITIVE = frozenset({Meter.Aggregation.COUNT, Meter.Aggregation.SUM})
_STATES = frozenset(Outcome.State.values)
_LONGEST_OUTCOME = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """What an event says of an outcome."""

    outcome: str
    state: str
    weight: Decimal


# What an event adds to a meter: a quantity, one of the different values that are counted, or a stage of an outcome.
Value = Quantity | str | Stage


@dataclass(frozen=True, slots=True)
class Range:
    """A dimension that is derived from a number."""

    name: str
    value: Expression
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A meter, made ready to be asked about many events."""

    meter: Meter
    is_additive: bool
    counts_events: bool
    value_property: str
    accepts: Callable[[Mapping[str, Any]], bool] | None
    value_of: Callable[[ReadEvent], Value | Fault | None]
    dimensions: tuple[str, ...]
    ranges: tuple[Range, ...]
    # The name of the dimension, if there is just one: it can be had quicker.
    only_dimension: str

    @property
    def is_plain(self) -> bool:
        """Tell whether it counts every event, or sums a property of every event, as it stands."""
        meter = self.meter
        is_sum = meter.aggregation == Meter.Aggregation.SUM and bool(meter.value_property)
        return not meter.filters and (self.counts_events or is_sum)

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """Return the names of the values that `dimension_values` returns, in its order."""
        return (*self.dimensions, *(one.name for one in self.ranges))

    def dimension_values(self, event: ReadEvent) -> tuple[str | None, ...]:
        """Return the event's values of the meter's dimensions; None for one that it does not have."""
        properties = event.properties
        if self.only_dimension:
            value = properties.get(self.only_dimension)
            plain = type(value) is str and len(value) <= LONGEST_DIMENSION
            return (value if plain else dimension(value),)
        values = []
        for name in self.dimensions:
            value = properties.get(name)
            plain = type(value) is str and len(value) <= LONGEST_DIMENSION
            values.append(value if plain else dimension(value))
        if self.ranges:
            values += [_range_of(event, one) for one in self.ranges]
        return tuple(values)


def measure_of(meter: Meter) -> Measure:
    """Return the meter, made ready."""
    return Measure(
        meter=meter,
        is_additive=meter.aggregation in _ADDITIVE,
        counts_events=meter.aggregation == Meter.Aggregation.COUNT,
        value_property=meter.value_property,
        accepts=meter_rules.compiled(meter.filters) if meter.filters else None,
        value_of=_value_of(meter),
        dimensions=tuple(meter.dimensions),
        ranges=tuple(
            Range(name, expression.parse(rule["value"]), rule) for name, rule in meter.ranges.items()
        ),
        only_dimension=meter.dimensions[0] if len(meter.dimensions) == 1 and not meter.ranges else "",
    )


def wanted_of(measure: Measure) -> Sequence[str]:
    """Return the properties without which an event does not feed the meter."""
    meter = measure.meter
    if meter.aggregation == Meter.Aggregation.OUTCOMES:
        return (OUTCOME, STATE)
    if meter.value_expression:
        return expression.parse(meter.value_expression).properties
    return (meter.value_property,) if meter.value_property else ()


def _value_of(meter: Meter) -> Callable[[ReadEvent], Value | Fault | None]:
    match meter.aggregation:
        case Meter.Aggregation.COUNT:
            return lambda event: 1 if event.quantity >= 0 else faults.negative("quantity")
        case Meter.Aggregation.UNIQUE_COUNT:
            return lambda event: _different(event, meter.value_property)
        case Meter.Aggregation.OUTCOMES:
            return lambda event: _stage(event, meter.outcome_states)
    signed = meter.level == Meter.Level.CHANGE
    if meter.value_expression:
        formula = expression.parse(meter.value_expression)
        return lambda event: _signed(_computed(event, formula, meter.value_expression), "", signed=signed)
    if meter.value_property:
        name = meter.value_property
        return lambda event: _signed(property_of(event, name), f"properties.{name}", signed=signed)
    return lambda event: _signed(event.quantity, "quantity", signed=signed)


def property_of(event: ReadEvent, name: str) -> Quantity | Fault | None:
    """Return a property as a number, None where it is absent, or what is wrong with it."""
    given = event.properties.get(name)
    if type(given) is int and -(10**15) < given < 10**15:
        return given
    if given is None:
        return None
    try:
        return number(given)
    except BadNumber:
        return faults.bad_value(name)
    except TypeError:
        return faults.not_a_number(name)


def _computed(event: ReadEvent, formula: Expression, text: str) -> Quantity | Fault | None:
    """Compute a formula; a property that is absent counts as 0 as long as another is there.

    The quantity says nothing of that: an event that gives none has one, so a misspelt property would make it 0.
    """
    numbers = {QUANTITY: Decimal(event.quantity)}
    is_there = not formula.properties
    for name in formula.properties:
        found = property_of(event, name)
        if isinstance(found, Fault):
            return found
        is_there = is_there or found is not None
        numbers[name] = Decimal(found or 0)
    if not is_there:
        return None
    try:
        return number(formula.value(numbers))
    except (NoValue, BadNumber):
        return faults.bad_computed(text)


def _signed(value: Quantity | Fault | None, field: str, *, signed: bool) -> Quantity | Fault | None:
    if signed or value is None or isinstance(value, Fault) or value >= 0:
        return value
    return faults.negative(field)


def _different(event: ReadEvent, name: str) -> str | Fault | None:
    given = event.properties.get(name)
    if given is None:
        return None
    value = dimension(given)
    return value or faults.no_different_value(name)


def _stage(event: ReadEvent, states: Mapping[str, str]) -> Stage | Fault | None:
    state = event.properties.get(STATE)
    if state is None or event.properties.get(OUTCOME) is None:
        return None
    outcome = dimension(event.properties[OUTCOME])
    if not outcome:
        return faults.no_different_value(OUTCOME)
    if state not in _STATES:
        return faults.unknown_state(sorted(_STATES))
    weight = _weight(event, states.get(state, "0"))
    return faults.bad_weight(state) if weight is None else Stage(outcome, state, weight)


def _weight(event: ReadEvent, agreed: str) -> Decimal | None:
    if agreed:
        return Decimal(agreed)
    given = property_of(event, WEIGHT)
    return Decimal(given) if isinstance(given, int | Decimal) and 0 <= given <= 1 else None


def _range_of(event: ReadEvent, one: Range) -> str | None:
    found = _computed(event, one.value, "")
    if found is None or isinstance(found, Fault):
        return None
    return meter_rules.range_name(one.rule, Decimal(found))
