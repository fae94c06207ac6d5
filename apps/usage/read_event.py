"""Reads one event as it was sent: pure, no database; what cannot be counted comes back with its fault."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
import orjson

from apps.usage import faults, strict_json
from apps.usage.faults import Fault
from apps.usage.strict_json import LONGEST_NUMBER, OutsizedNumber

LONGEST_ID = 500
LONGEST_CUSTOMER = 63
LONGEST_TYPE = 100
LONGEST_CONTRACT = 40
LONGEST_DIMENSION = 200
MOST_PROPERTIES = 100
MOST_PROPERTY_BYTES = 16 * 1024
_DEEPEST_PROPERTIES = 8
# Of any number in the properties: far beyond what anybody counts, and cheap to write out in full.
_LARGEST_EXPONENT = 100
_WIDE = Context(prec=100)
_FRACTION_DIGITS = 18
_WHOLE_DIGITS = 15
_LARGEST = 10**_WHOLE_DIGITS
_DECIMAL_TEXT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_CONTAINERS = frozenset({dict, list})
# What PostgreSQL keeps in no text: NUL, and halves of surrogate pairs.
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_FIELDS = frozenset({"id", "customer", "contract", "type", "time", "quantity", "properties"})
# An OutsizedNumber is no object to be written out.
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


class BadNumber(ValueError):
    """A number that cannot be a quantity: not finite, or with too many digits."""


class _Unkeepable(ValueError):
    """A value that cannot be written as JSON exactly."""


Quantity = int | Decimal


# A msgspec struct costs a fifth of a dataclass to make, and there is one for every event.
class ReadEvent(msgspec.Struct, gc=False):
    """An event as far as it could be read: with a `fault` it cannot be counted; the fields hold what is usable.

    `micros` is `time` in microseconds since 2000, as PostgreSQL counts. `properties_json` is canonical, and `fingerprint` is
    the same for every writing of the same event. `raw` is what was received, or UNSET where the fields say it all.
    `contract` is empty where the event names none; where it names no customer, the contract's number stands for the customer.
    """

    index: int
    key: str | None
    customer_key: str | None
    type: str
    time: datetime
    micros: int
    quantity: Quantity
    properties: Mapping[str, Any]
    properties_json: bytes
    fingerprint: bytes
    contract: str = ""
    raw: object = msgspec.UNSET
    fault: Fault | None = None

    @property
    def written_time(self) -> str:
        """Return the instant as ISO 8601, in UTC."""
        return self.time.isoformat()

    def body(self) -> str:
        """Return the event as it was received, as JSON text."""
        return written_json(_rebuilt(self) if self.raw is msgspec.UNSET else self.raw)


_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# Two days from the ends of the calendar, so that every instant has a local day, and that a next one.
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
_NOTHING: Mapping[str, Any] = {}
_IN_UTC = {UTC}


# One field after the other, in the order in which faults are told: this runs once an event and saves calls.
def read_event(  # noqa: C901, PLR0912
    index: int, raw: object, *, customer_key: str | None = None
) -> ReadEvent:
    """Read one event from parsed JSON; `customer_key` is the customer that a confined API key stands for.

    Of several faults the first is named, in the order id, customer, contract, type, time, quantity, properties, other fields.
    """
    if not isinstance(raw, dict):
        return _unreadable(index, raw, faults.NOT_AN_EVENT)
    type_: Any
    key, customer, type_ = raw.get("id"), raw.get("customer"), raw.get("type")
    contract = raw.get("contract")
    if customer is None:
        customer = customer_key if customer_key is not None or contract is None else contract
    fault: Fault | None = None
    if not _is_text(key, LONGEST_ID):
        fault, key = faults.BAD_ID, None
    if not _is_text(customer, LONGEST_CUSTOMER):
        fault, customer = fault or faults.BAD_CUSTOMER, None
    if contract is not None and not _is_text(contract, LONGEST_CONTRACT):
        fault = fault or faults.BAD_CONTRACT
    if not _is_text(type_, LONGEST_TYPE):
        fault, type_ = fault or faults.BAD_TYPE, ""
    if not _is_instant(raw.get("time")):
        fault = fault or faults.BAD_TIME
    if (quantity := raw.get("quantity")) is not None:
        try:
            number(quantity)
        except (BadNumber, TypeError):
            fault = fault or faults.BAD_QUANTITY
    if (properties := raw.get("properties")) is not None:
        try:
            _require_keepable(properties)
        except _Unkeepable:
            fault = fault or _properties_fault(properties)
    if fault is None and not raw.keys() <= _FIELDS:
        fault = faults.unknown_field(_shown(min(raw.keys() - _FIELDS)), _FIELDS)
    if fault is None and key and customer and type_:
        plain = Plain(key, type_, raw["time"], customer, contract, quantity, properties)
        read = read_plain([plain], [customer])
        assert read, "every field was looked at"
        read[0].index, read[0].raw = index, raw
        return read[0]
    unreadable = _unreadable(index, raw, fault or faults.NOT_AN_EVENT)
    unreadable.key, unreadable.customer_key, unreadable.type = key, customer, type_
    return unreadable


class Plain(msgspec.Struct, gc=False):
    """The fields of an event as they came, of the right kinds as far as is said here."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TYPE)]
    time: str
    customer: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_CUSTOMER)] | None = None
    contract: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_CONTRACT)] | None = None
    quantity: Any = None
    properties: dict[str, Any] | None = None


# Column by column: most of what is done with an event is a call of C, and calls of Python cost as much as the work.
def read_plain(
    plain: Sequence[Plain], customers: Sequence[str], *, is_flat: bool = False
) -> list[ReadEvent] | None:
    """Return the events with these fields, under these customer keys, or None where a field of any is not right.

    `is_flat` says that no properties hold a list or an object.
    """
    properties: list[Mapping[str, Any]] = [one.properties or _NOTHING for one in plain]
    try:
        times = list(map(datetime.fromisoformat, [one.time for one in plain]))
        if {one.tzinfo for one in times} != _IN_UTC or min(times) < _FIRST or max(times) > _LAST:
            times = list(map(_in_utc, times))
        quantities, written_quantities = _quantities([one.quantity for one in plain])
        written = _written(properties, is_flat=is_flat)
    except (ValueError, TypeError, OverflowError):
        return None
    # As `micros_of`, without a call for each.
    micros = [
        (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        for since in [time - _EPOCH for time in times]
    ]
    types = [one.type for one in plain]
    contracts = [one.contract or "" for one in plain]
    prints = [
        blake2b(b"%b\0%d\0%b\0%b" % said, digest_size=16).digest()
        for said in zip(
            [one.encode() for one in types],
            micros,
            written_quantities,
            _said(written, contracts),
            strict=True,
        )
    ]
    return list(
        map(
            ReadEvent,
            range(len(plain)),
            [one.id for one in plain],
            customers,
            types,
            times,
            micros,
            quantities,
            properties,
            written,
            prints,
            contracts,
        )
    )


def micros_of(instant: datetime) -> int:
    """Return the microseconds from the start of 2000 to an instant, both in UTC, exactly."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def number(value: object) -> Quantity:
    """Return a quantity exactly; refuse with BadNumber what cannot be one, and with TypeError what is no number.

    It may be negative: whether it may count is the meter's to say.
    """
    if type(value) is int and -_LARGEST < value < _LARGEST:
        return value
    found = _decimal(value)
    if not found:
        return 0
    if not found.is_finite() or found.adjusted() >= _WHOLE_DIGITS:
        raise BadNumber
    if _fraction_digits(found) > _FRACTION_DIGITS:
        found = _normal(found)
        if _fraction_digits(found) > _FRACTION_DIGITS:
            raise BadNumber
    return found


def dimension(value: object) -> str | None:
    """Return a property's value as a dimension, or None if it cannot be one."""
    if type(value) is str:
        return value if len(value) <= LONGEST_DIMENSION else None
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is Decimal:
        return _plain(value)
    return None


def written_json(raw: object) -> str:
    """Return what was received as JSON text again, with outsized numbers as they were written.

    What the strict reader would not take again, when it leaves quarantine, comes as one text that shows it.
    """
    try:
        written = orjson.dumps(raw, default=_as_received, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return orjson.dumps(repr(raw), default=str).decode()
    return written if _is_read_again(written) else orjson.dumps(written).decode()


def _unreadable(index: int, raw: object, fault: Fault) -> ReadEvent:
    body = written_json(raw).encode()
    print_ = blake2b(body, digest_size=16).digest()
    return ReadEvent(index, None, None, "", _NEVER, 0, 1, _NOTHING, b"{}", print_, "", raw, fault)


def _rebuilt(event: ReadEvent) -> dict[str, object]:
    return {
        "id": event.key,
        "customer": event.customer_key,
        **({"contract": event.contract} if event.contract else {}),
        "type": event.type,
        "time": event.written_time,
        **({} if type(event.quantity) is int and event.quantity == 1 else {"quantity": event.quantity}),
        **({"properties": event.properties} if event.properties else {}),
    }


def _is_text(value: object, longest: int) -> bool:
    return type(value) is str and 0 < len(value) <= longest and not _NO_TEXT.search(value)


def _shown(name: str) -> str:
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", name)


def _is_read_again(written: str) -> bool:
    """Tell whether the strict reader takes JSON that was written here: it may hold NUL, or nest too deep."""
    if "\\u0000" not in written and written.count("{") + written.count("[") <= strict_json.DEEPEST:
        return True
    try:
        strict_json.load(written.encode())
    except strict_json.BadJson:
        return False
    return True


def _decimal(value: object) -> Decimal:
    if type(value) is int:
        return Decimal(value)
    if type(value) is Decimal:
        return value
    if type(value) is float:
        return Decimal(repr(value))
    if type(value) is str and len(value) <= LONGEST_NUMBER and _DECIMAL_TEXT.fullmatch(value):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise BadNumber from None
    if type(value) is OutsizedNumber:
        raise BadNumber
    raise TypeError


def _fraction_digits(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _is_instant(value: object) -> bool:
    try:
        return type(value) is str and bool(_in_utc(datetime.fromisoformat(value)))
    except (ValueError, OverflowError):
        return False


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError
    moved = time.astimezone(UTC)
    if not _FIRST <= moved <= _LAST:
        raise ValueError
    return moved


def _quantities(given: Sequence[object]) -> tuple[Sequence[Quantity], Sequence[bytes]]:
    """Return the quantities, and how they are written; most often none is given, so that each is 1."""
    if all(one is None for one in given):
        return [1] * len(given), [b"1"] * len(given)
    quantities = [1 if one is None else number(one) for one in given]
    return quantities, [_plain(one).encode() for one in quantities]


def _said(written: Sequence[bytes], contracts: Sequence[str]) -> Sequence[bytes]:
    if not any(contracts):
        return written
    return [
        b"%b\0%b" % (one, more.encode()) if more else one
        for one, more in zip(written, contracts, strict=True)
    ]


def _require_keepable(properties: object) -> None:
    """Raise _Unkeepable unless these are properties that can be kept; NUL has no place in them either."""
    if type(properties) is not dict or not _is_read_again(_written([properties])[0].decode()):
        raise _Unkeepable


def _written(properties: Sequence[Mapping[str, Any]], *, is_flat: bool = False) -> list[bytes]:
    """Return the properties of events as canonical JSON, or raise _Unkeepable; `is_flat` says that nothing lies inside them."""
    if not is_flat and any(map(_is_deep, properties)):
        raise _Unkeepable
    try:
        written = [orjson.dumps(one, default=_exact, option=_OPTIONS) for one in properties]
    except orjson.JSONEncodeError:
        raise _Unkeepable from None
    if max(map(len, properties)) > MOST_PROPERTIES or max(map(len, written)) > MOST_PROPERTY_BYTES:
        raise _Unkeepable
    return written


def _is_deep(properties: Mapping[str, Any]) -> bool:
    layer = [value for value in properties.values() if type(value) in _CONTAINERS]
    for _ in range(_DEEPEST_PROPERTIES):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
    return bool(layer)


def _properties_fault(properties: object) -> Fault:
    if type(properties) is not dict:
        return faults.bad_properties("properties", "Give the properties as an object: names and values.")
    if len(properties) > MOST_PROPERTIES:
        return faults.bad_properties("properties", f"Give at most {MOST_PROPERTIES} properties.")
    for name, value in properties.items():
        try:
            _require_keepable({name: value})
        except _Unkeepable:
            return faults.bad_properties(
                f"properties.{_shown(name)}",
                f"Give text without NUL, true, false, objects and lists nested up to {_DEEPEST_PROPERTIES} levels, and "
                f"numbers of at most {LONGEST_NUMBER} digits; {MOST_PROPERTY_BYTES // 1024} KiB in all.",
            )
    return faults.bad_properties(
        "properties", f"Give at most {MOST_PROPERTY_BYTES // 1024} KiB of properties, as JSON."
    )


def _exact(value: object) -> orjson.Fragment:
    if type(value) is Decimal and value.is_finite() and abs(value.adjusted()) <= _LARGEST_EXPONENT:
        return orjson.Fragment(_plain(value))
    if type(value) is Decimal and not value:
        return orjson.Fragment(b"0")
    raise _Unkeepable


def _as_received(value: object) -> orjson.Fragment | str:
    if type(value) is Decimal:
        return orjson.Fragment(str(value))
    return str(value)


def _plain(value: Quantity) -> str:
    if type(value) is Decimal:
        return f"{_normal(value):f}" if value else "0"
    return str(value)


def _normal(value: Decimal) -> Decimal:
    return value.normalize(_WIDE)
