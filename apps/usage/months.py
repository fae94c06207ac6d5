"""Making the partitions of events ahead of need, so that no insert ever waits for one."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from apps.usage.read_event import ReadEvent

_AHEAD = 3
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Months that this process has seen made. A month that is archived is emptied, never unmade, so this stays true.
_known: set[date] = set()


def unknown(months: Iterable[tuple[int, int]]) -> set[date]:
    """Return those months, as (2026, 11), that this process has not seen made, by their first days."""
    return {date(year, month, 1) for year, month in months} - _known


def make(months: Iterable[date]) -> None:
    """Make the partitions of these months, named by their first days, in transactions of their own."""
    for month in sorted(set(months) - _known):
        with connection.cursor() as cursor:
            cursor.execute("SELECT usage_make_month(%s)", [month])
        # Inside a transaction the partition may yet be rolled back.
        if not connection.in_atomic_block:
            _known.add(month)


def that_hold(events: Iterable[ReadEvent], *, until: datetime) -> set[date]:
    """Return the months of events of any age, as far as they can count: none from the future or from before usage was."""
    latest = until + timedelta(days=1)
    return {
        event.time.date().replace(day=1)
        for event in events
        if not event.fault and _EARLIEST < event.time <= latest
    }


def make_now(months: Iterable[date]) -> None:
    """Make the partitions of these months within the transaction that needs them."""
    for month in sorted(set(months)):
        with connection.cursor() as cursor:
            cursor.execute("SELECT usage_make_month(%s)", [month])


def make_ahead(*, at: datetime) -> None:
    """Make this month's partition and those of the next three."""
    first = at.date().replace(day=1)
    make([_later(first, months) for months in range(_AHEAD + 1)])


def _later(month: date, months: int) -> date:
    year, month0 = divmod(month.year * 12 + month.month - 1 + months, 12)
    return date(year, month0 + 1, 1)


def astray() -> int:
    """Return how many events lie in no month's partition: none, or those cannot be put away, nor their month be made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM usage_event_other")
        (many,) = cursor.fetchone()
    return int(many)
