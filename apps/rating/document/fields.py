"""The values that fields of a document hold, read strictly; every reader takes a value and its JSON path."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from apps.rating.document.errors import BadDocument
from apps.rating.document.strict_json import InexactNumber, RepeatedName

Reader = Callable[[object, str], Any]

MOST_DIGITS = 18
_NUMBER = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}(?:\.[0-9]{{1,{MOST_DIGITS}}})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER_RULE = (
    f"digits, then optionally a point and digits, at most {MOST_DIGITS} on either side, and never negative"
)
_MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of one kind of object, each with its reader; an optional one that is null counts as absent."""

    what: str
    required: Mapping[str, Reader]
    optional: Mapping[str, Reader] = field(default_factory=dict)
    _readers: dict[str, Reader] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._readers.update(self.required)
        self._readers.update(self.optional)

    def read(self, value: object, path: str) -> dict[str, Any]:
        """Return the fields that are there, as their readers understand them."""
        found = {}
        for name, inner in opened(value, path, self.what).items():
            reader = self._readers.get(name)
            if reader is None:
                raise BadDocument(
                    member(path, name),
                    f"{self.what.capitalize()} has no such field. Leave it out; it has {', '.join(self._readers)}.",
                )
            if inner is not None or name in self.required:
                found[name] = reader(inner, f"{path}.{name}")
        for name in self.required:
            if name not in found:
                raise BadDocument(f"{path}.{name}", f"{self.what.capitalize()} needs {name}. Add it.")
        return found


def member(path: str, name: str) -> str:
    """Return the path of a member of an object, whatever its name."""
    return f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{path}[{json.dumps(name)}]"


def shown(value: object) -> str:
    """Return a value as an error's detail names it, cut if it is long."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            text = repr(value[:_MOST_SHOWN])
        case InexactNumber(text):
            pass
        case int():
            text = str(value)
        case list():
            return "a list"
        case _:
            return "an object"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def anything(value: object, path: str) -> object:
    """Return the value as it is, for those who can read it only once they know its neighbors."""
    return value


def opened(value: object, path: str, what: str) -> dict[str, object]:
    """Return the members of an object that has each name once."""
    if isinstance(value, RepeatedName):
        raise BadDocument(
            member(path, value.name),
            f"The name {shown(value.name)} stands twice in one object, so which one counts is open. Keep one.",
        )
    if not isinstance(value, dict):
        raise BadDocument(path, f"This is {shown(value)}; {what} is a JSON object. Send one.")
    return value


def items(value: object, path: str) -> Iterator[tuple[object, str]]:
    """Yield the entries of a list, each with its path."""
    if not isinstance(value, list):
        raise BadDocument(path, f"This is {shown(value)}, not a list. Send a list.")
    for place, entry in enumerate(value):
        yield entry, f"{path}[{place}]"


def text(value: object, path: str) -> str:
    """Return a string of whole characters."""
    if type(value) is not str:
        raise BadDocument(path, f"This is {shown(value)}, not a string. Send a string.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadDocument(
                path, "The string holds half a surrogate pair, which is no character. Send the whole pair."
            ) from None
    return value


def key(value: object, path: str) -> str:
    """Return a string that is not empty."""
    found = text(value, path)
    if not found:
        raise BadDocument(path, "A key is a string that is not empty. Name it.")
    return found


def one_of(choices: Collection[str]) -> Reader:
    """Return a reader of one of these words."""

    def read(value: object, path: str) -> str:
        if type(value) is str and value in choices:
            return value
        raise BadDocument(path, f"This is {shown(value)}. Send one of {', '.join(choices)}.")

    return read


def truth(value: object, path: str) -> bool:
    """Return true or false."""
    if type(value) is not bool:
        raise BadDocument(path, f"This is {shown(value)}. Send true or false.")
    return value


def number(value: object, path: str) -> Decimal:
    """Return a decimal number of at most 18 digits before and after its point, never negative."""
    if type(value) is str and _NUMBER.fullmatch(value):
        return Decimal(value)
    if type(value) is int and 0 <= value < 10**MOST_DIGITS:
        return Decimal(value)
    if isinstance(value, InexactNumber | str | int) and not isinstance(value, bool):
        how = ' as a string like "0.5"' if isinstance(value, InexactNumber) else ""
        raise BadDocument(path, f"{shown(value)} is not read as a number. Write it{how}: {_NUMBER_RULE}.")
    raise BadDocument(path, f"This is {shown(value)}, not a number. Send a string: {_NUMBER_RULE}.")


def above_zero(value: object, path: str) -> Decimal:
    """Return a number above 0."""
    found = number(value, path)
    if not found:
        raise BadDocument(path, "This must be above 0. Raise it, or leave the field out if it may be absent.")
    return found


def whole_number(value: object, path: str) -> Decimal:
    """Return a number that has no decimals by value."""
    found = number(value, path)
    if found % 1:
        raise BadDocument(path, f"{shown(value)} has decimals. Send a whole number.")
    return found


def day(value: object, path: str) -> date:
    """Return a day written as 2026-10-01."""
    if type(value) is str and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise BadDocument(
                path, f"There is no day {value} in the calendar. Send one that there is."
            ) from None
    raise BadDocument(path, f"This is {shown(value)}. Send a day as YYYY-MM-DD.")


def in_order(found: Mapping[str, Any], path: str, low: str, high: str) -> None:
    """Refuse a bound whose minimum lies above its maximum."""
    if low in found and high in found and found[low] > found[high]:
        raise BadDocument(
            f"{path}.{high}", f"{high} is below {low} ({found[low]:f}). Raise it, or lower {low}."
        )
