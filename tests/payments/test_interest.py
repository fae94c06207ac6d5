"""Interest on late payment, by the day."""

from datetime import date
from decimal import Decimal

import pytest

from apps.core.money import Money
from apps.payments.interest import late_interest


@pytest.mark.parametrize(
    ("today", "interest"),
    [(date(2026, 10, 31), "0.00"), (date(2026, 11, 1), "0.33"), (date(2027, 10, 31), "120.00")],
)
def test_interest_accrues_by_day_after_the_due_day(today: date, interest: str) -> None:
    """12% of 1,000.00 a year: 120 / 365 = 0.3287... a day."""
    open_amount = Money(Decimal("1000.00"), "USD")

    found = late_interest(open_amount, percent=Decimal(12), due_on=date(2026, 10, 31), today=today)

    assert found == Money(Decimal(interest), "USD")
