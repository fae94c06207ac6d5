"""Writes one event as the line of JSON that is spooled and sent; what cannot be sent is refused here, at its caller."""

import json
import math
import os
import time as clock
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from uuid import UUID

Quantity = int | float | Decimal | str

LONGEST_TEXT = 500
LONGEST_EVENT = 256 * 1024
_DEEPEST = 8
_NUL, _REPLACEMENT = "\0", "\ufffd"


def new_id() -> str:
    """Return a new event id: a UUID of version 7, so that ids sort by the time they were made at."""
    milliseconds = clock.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    version, variant = 0x7 << 76, 0b10 << 62
    return str(
        UUID(
            int=milliseconds << 80
            | version
            | (random >> 68 & 0xFFF) << 64
            | variant
            | random & 0x3FFF_FFFF_FFFF_FFFF
        )
    )


def write_event(
    *,
    id: str,
    customer: str,
    type: str,
    time: datetime | None,
    quantity: Quantity | None,
    properties: Mapping[str, object] | None,
) -> bytes:
    """Return the event as one line of JSON, ended by a line break; `time` is now if None.

    Raises TypeError or ValueError for what is a mistake of the program: an empty customer, a time without an offset, a
    property that is no JSON, more than 256 KiB. In the texts of properties, what no database can store is replaced.
    """
    event: dict[str, object] = {
        "id": _name("id", id),
        "customer": _name("customer", customer),
        "type": _name("type", type),
        "time": _written(time or datetime.fromtimestamp(clock.time(), timezone.utc)),
    }
    if quantity is not None:
        event["quantity"] = _quantity(quantity)
    if properties:
        event["properties"] = _plain(properties)
    text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    line = text.encode("utf-8", "replace") + b"\n"
    if len(line) > LONGEST_EVENT:
        raise ValueError(f"The event has {len(line):,} bytes; {LONGEST_EVENT:,} are the most.")
    return line


def _name(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"`{field}` is {value!r}; give a text.")
    if not 0 < len(value) <= LONGEST_TEXT or _NUL in value:
        raise ValueError(
            f"`{field}` is {value[:80]!r}; give 1 to {LONGEST_TEXT} characters, none of them NUL."
        )
    value.encode()
    return value


def _written(time: datetime) -> str:
    if time.tzinfo is None:
        raise ValueError(f"`time` is {time}, without an offset; give an aware datetime, such as in UTC.")
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _quantity(quantity: object) -> object:
    if isinstance(quantity, bool) or not isinstance(quantity, int | float | Decimal | str):
        raise TypeError(f"`quantity` is {quantity!r}; give a number.")
    return _plain(quantity)


def _plain(value: object, depth: int = 1) -> object:
    """Return the value as JSON knows it: decimals become texts, so that they stay exact."""
    if isinstance(value, str):
        return value.replace(_NUL, _REPLACEMENT)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that can be counted.")
        return value if isinstance(value, float) else str(value)
    if depth > _DEEPEST:
        raise ValueError(f"Properties are nested more than {_DEEPEST} levels deep.")
    if isinstance(value, Mapping):
        return {_key(name): _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    raise TypeError(f"{value!r} is no JSON; give texts, numbers, booleans, lists and mappings.")


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"The name of a property is {name!r}; give a text.")
    return name.replace(_NUL, _REPLACEMENT)
