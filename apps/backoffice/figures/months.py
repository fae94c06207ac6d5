"""Calendar months as figures are told by: each by its first day; pure."""

from datetime import date, timedelta

from apps.core.periods import months_after

_ONE_DAY = timedelta(days=1)


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def last_day(month: date) -> date:
    """Return the last day of a month."""
    return months_after(month, 1) - _ONE_DAY


def months_to(month: date, count: int) -> tuple[date, ...]:
    """Return so many months up to and with this one."""
    return tuple(months_after(month, -back) for back in range(count - 1, -1, -1))
