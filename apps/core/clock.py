"""The only reader of the clock; everything inside takes the instant as a parameter."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)
