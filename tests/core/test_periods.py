"""Billing periods tile time, whatever the anchor, the length and the zone."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.periods import (
    Period,
    local_day,
    month_period,
    months_after,
    period_containing,
    periods_between,
)

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Africa/Cairo",
]
zones = st.sampled_from(ZONES)
days = st.dates(date(2009, 1, 1), date(2032, 12, 31))
lengths = st.sampled_from([1, 3, 6, 12, 5])


def test_an_anchor_on_the_31st_returns_to_the_31st() -> None:
    """31 January, 28 February, 31 March, 30 April, 31 May."""
    starts = [
        month_period(first_on=date(2026, 1, 31), anchor_day=31, months=1, nth=nth, timezone="UTC").starts_on
        for nth in range(5)
    ]

    assert [(day.month, day.day) for day in starts] == [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31)]


def test_an_anchor_on_the_29th_of_february_keeps_its_day_in_other_years() -> None:
    starts = [
        month_period(first_on=date(2024, 2, 29), anchor_day=29, months=12, nth=nth, timezone="UTC").starts_on
        for nth in range(5)
    ]

    assert starts == [
        date(2024, 2, 29),
        date(2025, 2, 28),
        date(2026, 2, 28),
        date(2027, 2, 28),
        date(2028, 2, 29),
    ]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 8), "America/New_York", 23),
        (date(2026, 11, 1), "America/New_York", 25),
        (date(2026, 4, 5), "Australia/Lord_Howe", 24.5),
        (date(2026, 10, 4), "Australia/Lord_Howe", 23.5),
        (date(2018, 11, 4), "America/Sao_Paulo", 23),
        (date(2026, 6, 1), "Asia/Kathmandu", 24),
    ],
)
def test_a_day_has_the_hours_that_its_zone_gives_it(day: date, zone: str, hours: float) -> None:
    period = Period(day, day + timedelta(days=1), zone)

    assert period.ends_at - period.starts_at == timedelta(hours=hours)


def test_a_day_whose_midnight_does_not_exist_begins_at_the_jump() -> None:
    """Sao Paulo went from 00:00 to 01:00 on 4 November 2018: the day begins at 03:00 UTC."""
    period = Period(date(2018, 11, 4), date(2018, 11, 5), "America/Sao_Paulo")

    assert period.starts_at == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(ValueError, match="is empty"):
        Period(date(2026, 1, 1), date(2026, 1, 1), "UTC")


def month_length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


@pytest.mark.parametrize("months", [1, 3, 12])
@pytest.mark.parametrize("anchor", range(1, 32))
def test_no_anchor_drifts_in_ten_years(anchor: int, months: int) -> None:
    """From January 2023 every period begins on the anchor, or on the last day of a shorter month."""
    starts = [
        month_period(
            first_on=date(2023, 1, 1), anchor_day=anchor, months=months, nth=nth, timezone="UTC"
        ).starts_on
        for nth in range(120 // months)
    ]

    assert [day.day for day in starts] == [min(anchor, month_length(day)) for day in starts]
    assert [(day.year, day.month) for day in starts] == [
        (2023 + months_on // 12, months_on % 12 + 1) for months_on in range(0, 120, months)
    ]


def test_a_day_that_a_zone_skipped_has_no_hours() -> None:
    """Apia went from 29 to 31 December 2011: the 30th begins and ends at the same instant, and nothing lies in it."""
    skipped = Period(date(2011, 12, 30), date(2011, 12, 31), "Pacific/Apia")

    assert skipped.starts_at == skipped.ends_at == datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert not skipped.contains(skipped.starts_at)


def test_a_period_has_its_first_instant_and_not_its_last() -> None:
    october = Period(date(2026, 10, 1), date(2026, 11, 1), "Asia/Kathmandu")

    assert october.contains(october.starts_at)
    assert not october.contains(october.ends_at)
    assert october.days == 31


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 15), 3, date(2026, 4, 15)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 1, 31), -2, date(2025, 11, 30)),
        (date(2026, 1, 31), 0, date(2026, 1, 31)),
    ],
)
def test_months_after_a_day_is_that_day_or_the_last_of_a_shorter_month(
    day: date, months: int, later: date
) -> None:
    assert months_after(day, months) == later


def between(
    starts_on: date, ends_on: date | None, *, anchor: int, months: int = 1
) -> list[tuple[date, date]]:
    """Return the days of at most five periods of a term, counted from its own first day."""
    periods = periods_between(
        starts_on, ends_on, first_on=starts_on, anchor_day=anchor, months=months, timezone="UTC"
    )
    return [(period.starts_on, period.ends_on) for period in islice(periods, 5)]


def test_a_term_cuts_its_first_and_its_last_period() -> None:
    """From 20 January to 10 March, billed on the 31st: 11 days, then a whole month, then 10 days."""
    assert between(date(2026, 1, 20), date(2026, 3, 10), anchor=31) == [
        (date(2026, 1, 20), date(2026, 1, 31)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 2, 28), date(2026, 3, 10)),
    ]


def test_a_term_of_whole_periods_ends_with_the_last() -> None:
    assert between(date(2026, 1, 1), date(2027, 1, 1), anchor=1, months=6) == [
        (date(2026, 1, 1), date(2026, 7, 1)),
        (date(2026, 7, 1), date(2027, 1, 1)),
    ]


def test_a_term_within_one_period_is_that_part_of_it() -> None:
    assert between(date(2026, 1, 20), date(2026, 1, 25), anchor=1) == [(date(2026, 1, 20), date(2026, 1, 25))]


def test_a_term_without_an_end_goes_on() -> None:
    """A yearly contract from 29 February 2024 returns to that day in 2028."""
    assert between(date(2024, 2, 29), None, anchor=29, months=12) == [
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2025, 2, 28), date(2026, 2, 28)),
        (date(2026, 2, 28), date(2027, 2, 28)),
        (date(2027, 2, 28), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2029, 2, 28)),
    ]


@pytest.mark.parametrize("ends_on", [date(2026, 1, 20), date(2026, 1, 19), date(2025, 1, 1)])
def test_a_term_that_ends_before_its_first_day_is_over_has_no_period(ends_on: date) -> None:
    assert between(date(2026, 1, 20), ends_on, anchor=1) == []


@pytest.mark.parametrize(("months", "a_year"), [(1, 12), (2, 6), (3, 4), (6, 2), (12, 1)])
@pytest.mark.parametrize(("anchor", "cut"), [(1, 0), (2, 1), (15, 1), (31, 1)])
def test_a_year_has_so_many_periods_and_one_more_where_its_ends_are_cut(
    months: int, a_year: int, anchor: int, cut: int
) -> None:
    periods = periods_between(
        date(2026, 1, 1),
        date(2027, 1, 1),
        first_on=date(2026, 1, 1),
        anchor_day=anchor,
        months=months,
        timezone="UTC",
    )

    assert len(list(periods)) == a_year + cut


@given(days, days, days, st.integers(1, 31), lengths)
def test_the_periods_of_a_term_are_its_days_each_once(
    first: date, a: date, b: date, anchor: int, months: int
) -> None:
    starts_on, ends_on = min(a, b), max(a, b) + timedelta(days=1)

    periods = list(
        periods_between(
            starts_on, ends_on, first_on=first, anchor_day=anchor, months=months, timezone="Pacific/Apia"
        )
    )

    assert (periods[0].starts_on, periods[-1].ends_on) == (starts_on, ends_on)
    assert all(this.ends_on == following.starts_on for this, following in pairwise(periods))
    assert sum(period.days for period in periods) == (ends_on - starts_on).days
    assert all(
        period_containing(
            period.starts_on, first_on=first, anchor_day=anchor, months=months, timezone="Pacific/Apia"
        ).overlap(starts_on, ends_on)
        == period
        for period in periods
    )


@given(days, st.integers(1, 31), lengths, st.integers(-30, 60), zones)
def test_one_period_ends_where_the_next_begins(
    first: date, anchor: int, months: int, nth: int, zone: str
) -> None:
    this = month_period(first_on=first, anchor_day=anchor, months=months, nth=nth, timezone=zone)
    following = month_period(first_on=first, anchor_day=anchor, months=months, nth=nth + 1, timezone=zone)

    assert this.ends_on == following.starts_on
    assert this.ends_at == following.starts_at
    assert this.starts_at < this.ends_at


@given(days, days, st.integers(1, 31), lengths, zones)
def test_every_day_lies_in_the_one_period_found_for_it(
    first: date, day: date, anchor: int, months: int, zone: str
) -> None:
    period = period_containing(day, first_on=first, anchor_day=anchor, months=months, timezone=zone)

    assert period.starts_on <= day < period.ends_on
    assert period.starts_on.day == min(anchor, month_length(period.starts_on))


@given(st.datetimes(datetime(2009, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC)), zones)  # noqa: DTZ001
def test_every_instant_lies_in_its_own_local_day(at: datetime, zone: str) -> None:
    day = local_day(at, zone)

    assert Period(day, day + timedelta(days=1), zone).contains(at)
    assert at.astimezone(ZoneInfo(zone)).date() == day


@given(days, days, days, days)
def test_an_overlap_has_just_the_common_days(a: date, b: date, c: date, d: date) -> None:
    period = Period(min(a, b), max(a, b) + timedelta(days=1), "UTC")
    starts_on, ends_on = min(c, d), max(c, d) + timedelta(days=1)

    overlap = period.overlap(starts_on, ends_on)

    common = {
        day for day in (a, b, c, d) if period.starts_on <= day < period.ends_on and starts_on <= day < ends_on
    }
    assert all(overlap and overlap.starts_on <= day < overlap.ends_on for day in common)
    assert overlap is None or overlap.days <= min(period.days, (ends_on - starts_on).days)
    assert period.overlap(period.starts_on, None) == period
