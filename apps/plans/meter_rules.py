"""A meter's rules beyond its value: which events it takes, and dimensions that are ranges of a number. Pure."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

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


def as_text(value: Any) -> str | None:
    """Return a property's value as filters compare it, or None where there is none: numbers plain, true and false in words."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is Decimal:
        return f"{value.normalize():f}" if value else "0"
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
