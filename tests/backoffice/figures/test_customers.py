"""The customers that bring the most, and where they are heading."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.backoffice.figures.customers import ranked

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
LARGE, SMALL, NEW, CREDITED = (UUID(int=number) for number in range(1, 5))
BY_MONTH = {
    SEPTEMBER: {LARGE: Decimal(100), SMALL: Decimal(40)},
    OCTOBER: {LARGE: Decimal(150), SMALL: Decimal(30), CREDITED: Decimal(-5)},
}


def test_they_are_ranked_by_all_they_brought() -> None:
    """250 + 0, 70 + 0 and 80 so far: of 400 these are 62.5%, 17.5% and 20%."""
    rows = ranked(BY_MONTH, (SEPTEMBER, OCTOBER), {NEW: Decimal(80)})

    assert [(row.customer_id, row.total, row.share) for row in rows] == [
        (LARGE, Decimal(250), Decimal("0.625")),
        (NEW, Decimal(80), Decimal("0.2")),
        (SMALL, Decimal(70), Decimal("0.175")),
    ]


def test_the_trend_is_the_last_month_against_the_one_before() -> None:
    rows = ranked(BY_MONTH, (SEPTEMBER, OCTOBER), {NEW: Decimal(80)})

    assert [row.change for row in rows] == [Decimal("0.5"), None, Decimal("-0.25")]


def test_no_more_are_named_than_asked_for() -> None:
    assert [row.customer_id for row in ranked(BY_MONTH, (SEPTEMBER, OCTOBER), {}, most=1)] == [LARGE]
