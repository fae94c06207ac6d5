"""Every anchor, start day, interval and zone of ten years, against a walk through the calendar day by day.

Two stand-ins make that quick: a start of which only the month can be read, and a zone that can't be read at all. What
holds with them holds for every day of the month, and in every zone.
"""

from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from apps.core.periods import Period, local_day, month_period, period_containing, periods_between

ANCHORS = range(1, 32)
# A month, a quarter, a half-year and a year; then what somebody may agree on.
INTERVALS = [1, 3, 6, 12, 2, 5, 18, 24, 36]
ZONES = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Pacific/Kiritimati",
    "UTC",
    "Africa/Cairo",  # Its clocks jump over midnight every spring.
]
ONE_DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
STARTS = [date(2023, 1, 1) + n * ONE_DAY for n in range(3653)]
# From before the two longest periods ahead of the first start, to after those of five years from the last.
CALENDAR = [date(2016, 12, 1) + n * ONE_DAY for n in range(25 * 366)]
MONTHS = {month: n for n, month in enumerate(dict.fromkeys((day.year, day.month) for day in CALENDAR))}


class StartMonth(NamedTuple):
    """A start of which only the month can be read: whoever asks for its day fails."""

    year: int
    month: int


class AnyZone:
    """A time zone that can be handed on, and nothing else: whoever compares it or looks it up fails."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("The days of a period depend on no zone.")


# Any: they are handed to what asks for a date and for a zone's name.
ANY_ZONE: Any = AnyZone()
START_MONTHS: list[Any] = [
    StartMonth(*month) for month in dict.fromkeys((day.year, day.month) for day in STARTS)
]


@cache
def billing_days(anchor: int) -> list[date]:
    """Walk through the calendar: bill on the anchor, or at the end of a month that ends before it."""
    return [
        today
        for today, tomorrow in pairwise(CALENDAR)
        if today.day == anchor or (today.day < anchor and tomorrow.day == 1)
    ]


def walked(anchor: int, months: int, start: StartMonth) -> list[tuple[date, date]]:
    """Return the first day of each period and of the next, for five years, and two before the start."""
    at = MONTHS[start]
    return list(pairwise(billing_days(anchor)[at - 2 * months : at + 60 + months + 1 : months]))


@pytest.mark.parametrize("months", INTERVALS)
def test_the_periods_of_every_anchor_and_start_month_are_those_of_the_walk(months: int) -> None:
    """There is no gap, no overlap and no drift, and each period is found from its first day and from its last."""
    for anchor in ANCHORS:
        for start in START_MONTHS:
            expected = walked(anchor, months, start)

            periods = [
                month_period(first_on=start, anchor_day=anchor, months=months, nth=nth, timezone=ANY_ZONE)
                for nth in range(-2, len(expected) - 2)
            ]
            found = [
                period_containing(day, first_on=start, anchor_day=anchor, months=months, timezone=ANY_ZONE)
                for starts_on, ends_on in expected
                for day in (starts_on, ends_on - ONE_DAY)
            ]

            assert [(period.starts_on, period.ends_on) for period in periods] == expected
            assert found == [period for period in periods for _day in range(2)]


@pytest.mark.parametrize("months", INTERVALS)
def test_the_first_period_of_every_start_day_ends_on_the_next_billing_day(months: int) -> None:
    """That of the start's own month if it is still to come, or else so many months later."""
    for anchor in ANCHORS:
        bills_on = billing_days(anchor)
        expected = [
            (day, this_month if day < this_month else bills_on[at + months])
            for day in STARTS
            for at in [MONTHS[day.year, day.month]]
            for this_month in [bills_on[at]]
        ]

        firsts = [
            next(
                periods_between(day, None, first_on=day, anchor_day=anchor, months=months, timezone=ANY_ZONE)
            )
            for day in STARTS
        ]

        assert [(first.starts_on, first.ends_on) for first in firsts] == expected


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_begins_at_its_first_instant_and_ends_where_the_next_begins(zone: str) -> None:
    days = [Period(today, tomorrow, zone) for today, tomorrow in pairwise(CALENDAR)]

    assert [local_day(day.starts_at, zone) for day in days] == CALENDAR[:-1]
    assert [local_day(day.starts_at - TICK, zone) for day in days] == [day - ONE_DAY for day in CALENDAR[:-1]]
    assert all(today.ends_at == tomorrow.starts_at for today, tomorrow in pairwise(days))


@pytest.mark.parametrize("zone", ZONES)
def test_every_period_begins_and_ends_with_its_days(zone: str) -> None:
    """A period knows its days and not its interval, so the shortest and the longest stand for all."""
    begins_at = {day: Period(day, day + ONE_DAY, zone).starts_at for day in CALENDAR}

    periods = {
        month_period(first_on=start, anchor_day=anchor, months=months, nth=0, timezone=zone)
        for anchor in ANCHORS
        for months in (1, 36)
        for start in START_MONTHS
    }

    assert [(period.starts_at, period.ends_at) for period in periods] == [
        (begins_at[period.starts_on], begins_at[period.ends_on]) for period in periods
    ]
