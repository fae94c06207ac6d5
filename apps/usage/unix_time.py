"""Instants as seconds since 1970, as some systems send them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 30


def as_time(value: object) -> object:
    """Return seconds, as a number or as text, as ISO 8601 in UTC to the microsecond; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal) or len(str(value)) > _LONGEST:
        return value
    try:
        seconds = Decimal(value)
        return (_EPOCH + timedelta(microseconds=int(seconds * 1_000_000))).isoformat()
    except (InvalidOperation, OverflowError, ValueError):
        return value
