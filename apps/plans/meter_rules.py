"""A meter's rules: which events it takes, dimensions that are ranges of a number, and what goes together. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from apps.plans.expression import BadExpression, parse

# No number in an event has more digits.
_WIDE = Context(prec=100)
_MOST_RULES = 10
_MOST_VALUES = 50
_STATES = ("pending", "succeeded", "partial", "failed", "disputed", "dispute_rejected", "dispute_accepted")
_BILLABLE = ("succeeded", "partial", "failed")
# Words that tell customers nothing: an invoice with them is a support case.
_INTERNAL_UNITS = frozenset(
    {
        "unit",
        "units",
        "pu",
        "processing units",
        "compute units",
        "cu",
        "items",
        "things",
        "requests_x",
        "credits used",
    }
)
_WORDS = re.compile(r"(\S+)\s+(is not|is|in|present|absent|from|to)(?:\s+(.*))?$")
_RANGE = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*([^:]+):\s*(.+)$")
_STEP = re.compile(r"(.+?)\s+to\s+(\d+(?:\.\d+)?)$")

Filter = Mapping[str, Any]
Properties = Mapping[str, Any]
_Test = Callable[[Any], bool]


def compiled(filters: Sequence[Filter]) -> Callable[[Properties], bool]:
    """Return the test that an event's properties pass if they pass every filter."""
    tests = [(one["property"], _test(one)) for one in filters]
    return lambda properties: all(test(properties.get(name)) for name, test in tests)


def range_name(rule: Mapping[str, Any], number: Decimal) -> str:
    """Return the name of the range that a number lies in; each reaches up to, and with, its end."""
    for step in rule["steps"]:
        if number <= Decimal(step["up_to"]):
            return str(step["name"])
    return str(rule["beyond"])


def is_internal(unit: str) -> bool:
    """Tell whether customers would not understand a unit."""
    return unit.strip().lower() in _INTERNAL_UNITS or "_" in unit


def mistakes(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what does not go together in a meter, by field, each with what to do."""
    return dict(_mistakes(fields))


def read_filters(text: str) -> list[dict[str, Any]]:
    """Read filters, one a line, as `written_filters` writes them; raise ValueError with the line."""
    return [_read_filter(line) for line in _lines(text)]


def written_filters(filters: Sequence[Filter]) -> str:
    """Write filters, one a line."""
    return "\n".join(_written_filter(one) for one in filters)


def read_states(text: str) -> dict[str, str]:
    """Read billed states, one a line: 'succeeded: 1', or 'partial' for the weight that the event gives."""
    found: dict[str, str] = {}
    for line in _lines(text):
        state, _, weight = (part.strip() for part in line.partition(":"))
        if state not in _BILLABLE:
            raise ValueError(f"{line!r}: a state that can be billed is one of {', '.join(_BILLABLE)}.")
        number = _number(weight) if weight else None
        if weight and (number is None or not 0 < number <= 1):
            raise ValueError(
                f"{line!r}: what it counts for is a number up to 1, or nothing for the event's weight."
            )
        found[state] = weight
    return found


def written_states(states: Mapping[str, str]) -> str:
    """Write billed states, one a line."""
    return "\n".join(f"{state}: {weight}" if weight else state for state, weight in states.items())


def read_ranges(text: str) -> dict[str, Any]:
    """Read dimensions that are ranges, one a line: 'context = input_tokens: standard to 200000, long'."""
    found: dict[str, Any] = {}
    for line in _lines(text):
        parts = _RANGE.match(line)
        if parts is None:
            raise ValueError(f"{line!r}: write it like 'context = input_tokens: standard to 200000, long'.")
        *steps, beyond = (part.strip() for part in parts[3].split(","))
        read = [_STEP.match(step) for step in steps]
        if not steps or not all(read) or _STEP.match(beyond):
            raise ValueError(f"{line!r}: end every range but the last with 'to' and a number.")
        found[parts[1]] = {
            "value": parts[2].strip(),
            "steps": [{"name": step[1], "up_to": step[2]} for step in read if step],
            "beyond": beyond,
        }
    return found


def written_ranges(ranges: Mapping[str, Any]) -> str:
    """Write dimensions that are ranges, one a line."""
    return "\n".join(
        f"{name} = {rule['value']}: "
        + ", ".join([*(f"{step['name']} to {step['up_to']}" for step in rule["steps"]), rule["beyond"]])
        for name, rule in ranges.items()
    )


def as_text(value: Any) -> str | None:
    """Return a property's value as filters compare it, or None where there is none: numbers plain, true and false in words."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is Decimal:
        return f"{value.normalize(_WIDE):f}" if value else "0"
    return None


def _test(one: Filter) -> _Test:
    wanted = frozenset(one.get("values", ()))
    match one["test"]:
        case "equals" | "one_of":
            return lambda value: as_text(value) in wanted
        case "not_equals":
            return lambda value: as_text(value) not in wanted
        case "present":
            return lambda value: value is not None
        case "absent":
            return lambda value: value is None
        case _:
            return _within(one.get("from"), one.get("to"))


def _within(low: str | None, high: str | None) -> _Test:
    lowest = None if low is None else Decimal(low)
    highest = None if high is None else Decimal(high)

    def test(value: Any) -> bool:
        number = _number(value)
        return (
            number is not None
            and (lowest is None or number >= lowest)
            and (highest is None or number <= highest)
        )

    return test


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _mistakes(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: C901 a line a rule
    aggregation, level = fields.get("aggregation"), fields.get("level") or ""
    value, formula = fields.get("value_property") or "", fields.get("value_expression") or ""
    if aggregation in {"count", "outcomes"} and (value or formula):
        yield "value_property", "Nothing is measured here: leave the property and the formula empty."
    elif value and formula:
        yield "value_expression", "Give the property or the formula, not both."
    if aggregation == "unique_count" and not value:
        yield "value_property", "Name the property whose different values are counted, such as user_id."
    if formula:
        try:
            parse(formula)
        except BadExpression as mistake:
            yield "value_expression", str(mistake)
    if aggregation == "time_weighted" and not (level and fields.get("per")):
        yield "per", "A level over time needs both: what events say of the level, and the unit of time."
    if aggregation != "time_weighted" and fields.get("per"):
        yield "per", "Only a level over time has a unit of time: leave it empty."
    if level and aggregation not in {"max", "latest", "time_weighted"}:
        yield "level", "A level is measured by its highest or latest value, or over time."
    states = fields.get("outcome_states") or {}
    if (aggregation == "outcomes") != bool(states):
        yield "outcome_states", "Outcomes name the states that are billed; other meters have none."
    if any(state not in _STATES for state in states):
        yield "outcome_states", f"A state is one of {', '.join(_STATES)}."
    rounding, step = fields.get("rounding") or "", fields.get("rounding_step")
    if bool(rounding) != (step is not None) or (step is not None and step <= 0):
        yield "rounding_step", "Rounding needs a way and a step above zero: up, to multiples of 1000."
    yield from _dimension_mistakes(fields)
    if len(fields.get("filters") or ()) > _MOST_RULES:
        yield "filters", f"At most {_MOST_RULES} tests."


def _dimension_mistakes(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names, ranges = list(fields.get("dimensions") or ()), fields.get("ranges") or {}
    if len(set(names)) < len(names) or len(names) + len(ranges) > _MOST_RULES:
        yield "dimensions", f"Name each dimension once, and at most {_MOST_RULES}."
    if clash := sorted(set(names) & set(ranges)):
        yield "ranges", f"{clash[0]} is a dimension already: give the range another name."
    for name, rule in ranges.items():
        try:
            parse(rule["value"])
        except BadExpression as mistake:
            yield "ranges", f"{name}: {mistake}"
        ends = [Decimal(step["up_to"]) for step in rule["steps"]]
        if ends != sorted(set(ends)):
            yield "ranges", f"{name}: let every range end above the one before."


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read_filter(line: str) -> dict[str, Any]:
    words = _WORDS.match(line)
    mistake = ValueError(
        f"{line!r}: write it like 'region is eu', 'model in large, small' or 'status from 200 to 299'."
    )
    if words is None:
        raise mistake
    name, test, rest = words[1], words[2], (words[3] or "").strip()
    if test in {"present", "absent"}:
        return {"property": name, "test": test, "values": [], "from": None, "to": None}
    if test in {"from", "to"}:
        low, _, high = rest.partition(" to ") if test == "from" else ("", "", rest)
        ends = [end.strip() or None for end in (low, high)]
        if not any(ends) or any(end and _number(end) is None for end in ends):
            raise mistake
        return {"property": name, "test": "range", "values": [], "from": ends[0], "to": ends[1]}
    values = [value.strip() for value in rest.split(",")] if test == "in" else [rest]
    if not all(values) or len(values) > _MOST_VALUES:
        raise mistake
    kind = {"is": "equals", "is not": "not_equals", "in": "one_of"}[test]
    return {"property": name, "test": kind, "values": values, "from": None, "to": None}


def _written_filter(one: Filter) -> str:
    name, values = one["property"], ", ".join(one.get("values", ()))
    match one["test"]:
        case "equals":
            return f"{name} is {values}"
        case "not_equals":
            return f"{name} is not {values}"
        case "one_of":
            return f"{name} in {values}"
        case "range":
            low, high = one.get("from"), one.get("to")
            return (
                f"{name} from {low} to {high}"
                if low and high
                else f"{name} from {low}"
                if low
                else f"{name} to {high}"
            )
        case word:
            return f"{name} {word}"
