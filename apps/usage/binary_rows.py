"""Counted events as rows of PostgreSQL's binary COPY: they cost the server less than text, and need no escaping.

Format: the PostgreSQL manual, COPY, "Binary Format": a header, then for each row the number of its fields and each field
behind its length, then a trailer. Instants are microseconds, and days are days, since 2000.
"""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from struct import Struct
from uuid import UUID

from psycopg.types.numeric import DecimalBinaryDumper

from apps.usage.read_event import Quantity, micros_of
from apps.usage.ways import Countable, Way

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_FIELDS = Struct("!h").pack
_LENGTH = Struct("!i").pack
_INSTANT = Struct("!iq").pack
_INSTANT_BYTES = 8
# jsonb comes as text behind the version of its format, which is one byte.
_JSON = Struct("!iB").pack
_JSON_VERSION = 1
_PRINT_LENGTH = _LENGTH(16)
_DAYS_BEFORE_2000 = date(2000, 1, 1).toordinal()

_numeric = DecimalBinaryDumper(Decimal).dump


def rows(counted: Collection[Countable], *, at: datetime) -> tuple[bytes, bytes]:
    """Return the rows of event keys and those of events, received at an instant, in the order of their columns.

    Keys: customer, key, fingerprint and time. Events: customer, time, key, contract, type, quantity, properties, day and
    the instant of receipt.
    """
    received = _INSTANT(_INSTANT_BYTES, micros_of(at))
    parts: dict[tuple[Way, str, Quantity], tuple[bytes, bytes, bytes, bytes]] = {}
    keys: list[bytes] = [_HEADER]
    events: list[bytes] = [_HEADER]
    for one in counted:
        event, way = one.event, one.way
        part = parts.get((way, event.type, event.quantity))
        if part is None:
            customer = _uuid(way.customer_id)
            part = parts[way, event.type, event.quantity] = (
                _FIELDS(4) + customer,
                _FIELDS(9) + customer,
                _uuid(way.contract.id)
                + _field(event.type.encode())
                + _field(_numeric(Decimal(event.quantity))),
                _field(_LENGTH(way.day.toordinal() - _DAYS_BEFORE_2000)) + received,
            )
        key_begins, event_begins, middle, end = part
        key = event.key.encode()  # type: ignore[union-attr]  # without one it would not count
        length, time, properties = (
            _LENGTH(len(key)),
            _INSTANT(_INSTANT_BYTES, event.micros),
            event.properties_json,
        )
        keys += (key_begins, length, key, _PRINT_LENGTH, event.fingerprint, time)
        written = _JSON(len(properties) + 1, _JSON_VERSION)
        events += (event_begins, time, length, key, middle, written, properties, end)
    return b"".join((*keys, _TRAILER)), b"".join((*events, _TRAILER))


def _field(value: bytes | bytearray | memoryview | None) -> bytes:
    assert value is not None, "no field is null"
    return _LENGTH(len(value)) + bytes(value)


def _uuid(text: str) -> bytes:
    return _field(UUID(text).bytes)
