"""Counted events as rows of PostgreSQL's binary COPY: they cost the server less than text, and need no escaping.

Format: the PostgreSQL manual, COPY, "Binary Format": a header, then for each row the number of its fields and each field
behind its length, then a trailer. Instants are microseconds, and days are days, since 2000.
"""

from collections.abc import Iterable, Sequence
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
_DAYS_BEFORE_2000 = date(2000, 1, 1).toordinal()
# jsonb comes as text behind the version of its format.
_JSON = b"\x01"

_numeric = DecimalBinaryDumper(Decimal).dump


def keys(counted: Iterable[Countable]) -> bytes:
    """Return rows of customer, key, fingerprint and time."""
    begin = _FIELDS(4)
    print_length = _LENGTH(16)
    customers: dict[str, bytes] = {}
    pieces: list[bytes] = [_HEADER]
    for one in counted:
        event, customer_id = one.event, one.way.customer_id
        customer = customers.get(customer_id)
        if customer is None:
            customer = customers[customer_id] = begin + _uuid(customer_id)
        key = event.key.encode()  # type: ignore[union-attr]  # without one it would not count
        pieces += (
            customer,
            _LENGTH(len(key)),
            key,
            print_length,
            event.fingerprint,
            _INSTANT(_INSTANT_BYTES, event.micros),
        )
    pieces.append(_TRAILER)
    return b"".join(pieces)


def events(counted: Iterable[Countable], *, at: datetime) -> bytes:
    """Return rows of customer, time, key, contract, type, quantity, properties, day and the instant of receipt."""
    received = _INSTANT(_INSTANT_BYTES, micros_of(at))
    quantities: dict[Quantity, bytes] = {}
    parts: dict[tuple[Way, str], Sequence[bytes]] = {}
    pieces: list[bytes] = [_HEADER]
    for one in counted:
        event, way = one.event, one.way
        part = parts.get((way, event.type))
        if part is None:
            part = parts[way, event.type] = (
                _FIELDS(9) + _uuid(way.customer_id),
                _uuid(way.contract.id) + _field(event.type.encode()),
                _field(_LENGTH(way.day.toordinal() - _DAYS_BEFORE_2000)) + received,
            )
        quantity = quantities.get(event.quantity)
        if quantity is None:
            quantity = quantities[event.quantity] = _field(_numeric(Decimal(event.quantity)))
        begin, middle, end = part
        key, properties = event.key.encode(), event.properties_json  # type: ignore[union-attr]
        pieces += (
            begin,
            _INSTANT(_INSTANT_BYTES, event.micros),
            _LENGTH(len(key)),
            key,
            middle,
            quantity,
            _LENGTH(len(properties) + 1),
            _JSON,
            properties,
            end,
        )
    pieces.append(_TRAILER)
    return b"".join(pieces)


def _field(value: bytes | bytearray | memoryview | None) -> bytes:
    assert value is not None, "no field is null"
    return _LENGTH(len(value)) + bytes(value)


def _uuid(text: str) -> bytes:
    return _field(UUID(text).bytes)
