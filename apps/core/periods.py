"""Billing periods: half-open runs of local days, cut from a calendar that never drifts."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Period:
    """The local days from `starts_on` up to, and without, `ends_on`, in the time zone `timezone`."""

    starts_on: date
    ends_on: date
    timezone: str

    def __post_init__(self) -> None:
        if self.starts_on >= self.ends_on:
            raise ValueError(f"A period from {self.starts_on} to {self.ends_on} is empty.")

    @property
    def days(self) -> int:
        """Return how many local days the period has."""
        return (self.ends_on - self.starts_on).days

    @property
    def starts_at(self) -> datetime:
        """Return the instant at which the first day begins, in UTC."""
        return local_midnight(self.starts_on, self.timezone)

    @property
    def ends_at(self) -> datetime:
        """Return the instant at which the last day has ended, in UTC."""
        return local_midnight(self.ends_on, self.timezone)

    def contains(self, at: datetime) -> bool:
        """Tell whether an instant lies in the period."""
        return self.starts_at <= at < self.ends_at

    def overlap(self, starts_on: date, ends_on: date | None) -> "Period | None":
        """Return the part that lies in the days from `starts_on` up to, and without, `ends_on`; None if no day does."""
        first = max(self.starts_on, starts_on)
        last = self.ends_on if ends_on is None else min(self.ends_on, ends_on)
        return Period(first, last, self.timezone) if first < last else None


def local_midnight(day: date, timezone: str) -> datetime:
    """Return the instant at which a local day begins, in UTC.

    Where clocks go forward at midnight, the day begins at the first instant that exists; where midnight comes twice,
    at the first of the two.
    """
    zone = ZoneInfo(timezone)
    # The offset before the gap (fold 0) maps a midnight that does not exist to the instant of the jump itself.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def written_instant(at: datetime) -> str:
    """Return an instant in UTC to the microsecond, as 2026-11-02T09:00:00.000000Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def local_day(at: datetime, timezone: str) -> date:
    """Return the day that it is at an instant in a time zone."""
    return at.astimezone(ZoneInfo(timezone)).date()


def month_period(*, first_on: date, anchor_day: int, months: int, nth: int, timezone: str) -> Period:
    """Return the `nth` period (from 0, or backwards below) of so many months, counted from `first_on`'s month.

    Periods begin on the anchor day; a shorter month begins on its last day, and the next returns to the anchor.
    """
    month = _month_of(first_on) + nth * months
    return Period(_billing_day(month, anchor_day), _billing_day(month + months, anchor_day), timezone)


def period_containing(day: date, *, first_on: date, anchor_day: int, months: int, timezone: str) -> Period:
    """Return the period of so many months that contains a local day, counted from `first_on`'s month."""
    first_month = _month_of(first_on)
    nth = (_month_of(day) - first_month) // months
    if day < _billing_day(first_month + nth * months, anchor_day):
        nth -= 1
    return month_period(first_on=first_on, anchor_day=anchor_day, months=months, nth=nth, timezone=timezone)


def periods_between(
    starts_on: date, ends_on: date | None, *, first_on: date, anchor_day: int, months: int, timezone: str
) -> Iterator[Period]:
    """Yield the periods of a term in order, the first and the last cut to the days from `starts_on` up to `ends_on`.

    They are found one by one as they are asked for: a term without an end has no last one, so take only as many as needed.
    A term that ends on or before the day it starts has none.
    """
    day = starts_on
    while period := period_containing(
        day, first_on=first_on, anchor_day=anchor_day, months=months, timezone=timezone
    ).overlap(day, ends_on):
        yield period
        day = period.ends_on


def months_after(day: date, months: int) -> date:
    """Return the day so many months later; in a shorter month its last day, which does not shift those after it."""
    return _billing_day(_month_of(day) + months, day.day)


def _month_of(day: date) -> int:
    """Return the number of a day's month, counted from the year 0 without a gap."""
    return day.year * 12 + day.month - 1


# Every event, draft and page asks for the same few billing days.
@lru_cache(maxsize=2**14)
def _billing_day(month: int, anchor_day: int) -> date:
    year, month0 = divmod(month, 12)
    return date(year, month0 + 1, min(anchor_day, monthrange(year, month0 + 1)[1]))
