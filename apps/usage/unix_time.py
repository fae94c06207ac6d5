"""Instants as seconds since 1970, as some systems send them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 30
# The year 9999 ends in a second of twelve digits. 1e999999 is as short, and has a million digits when computed.
_MOST_DIGITS = 12


def as_time(value: object) -> object:
    """Return seconds, as a number or as text, as ISO 8601 in UTC to the microsecond; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal) or len(str(value)) > _LONGEST:
        return value
    try:
        seconds = Decimal(value)
        if not seconds.is_finite() or seconds.adjusted() >= _MOST_DIGITS:
            return value
        return (_EPOCH + timedelta(microseconds=int(seconds * 1_000_000))).isoformat()
    except (ArithmeticError, ValueError):
        return value
