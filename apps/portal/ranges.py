"""The days that a page shows, as chosen in its address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.dateparse import parse_date

from apps.core.periods import Period

ONE_DAY = timedelta(days=1)
MOST_DAYS = 366
CHOICES = (
    ("this", "This period"),
    ("last", "Last period"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
)


@dataclass(frozen=True, slots=True)
class DayRange:
    """Local days from `start` up to, not with, `end`; `choice` is the chip, or empty for days of one's own.

    `is_cut` if more days were asked for.
    """

    choice: str
    start: date
    end: date
    is_cut: bool = False

    @property
    def last(self) -> date:
        """Return the last day."""
        return self.end - ONE_DAY

    @property
    def days(self) -> tuple[date, ...]:
        """Return every day."""
        return tuple(self.start + timedelta(days=place) for place in range((self.end - self.start).days))

    @property
    def before(self) -> "DayRange":
        """Return as many days just before."""
        return DayRange("", self.start - (self.end - self.start), self.start)


def chosen(asked: Mapping[str, str], *, this: Period, last: Period | None, today: date) -> DayRange:
    """Return the days that an address asks for; what cannot be read means this period, and a year is the most."""
    first, final = _day(asked.get("from")), _day(asked.get("to"))
    if first and final and first <= final:
        start = max(first, final - timedelta(days=MOST_DAYS - 1))
        return DayRange("", start, final + ONE_DAY, is_cut=start > first)
    choice = asked.get("range", "this")
    tomorrow = today + ONE_DAY
    if choice == "7d":
        return DayRange(choice, tomorrow - timedelta(days=7), tomorrow)
    if choice == "30d":
        return DayRange(choice, tomorrow - timedelta(days=30), tomorrow)
    if choice == "last" and last is not None:
        return DayRange(choice, last.starts_on, last.ends_on)
    return DayRange("this", this.starts_on, this.ends_on)


def _day(text: str | None) -> date | None:
    try:
        day = parse_date(text or "")
    except ValueError:
        return None
    return day if day and date(2000, 1, 1) <= day <= date(2200, 1, 1) else None
