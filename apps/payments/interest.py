"""Interest on what is paid late, as a contract agrees it."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.core.money import Money, rounded_to_minor_unit

_DAYS_OF_A_YEAR = 365


def late_interest(open_amount: Money, *, percent: Decimal, due_on: date, today: date) -> Money:
    """Return the simple interest on an open amount since the day that it was due, at so many percent a year.

    Accrues by day, a 365th of the yearly rate each, and is rounded once; nothing before the day after it was due.
    """
    days = max((today - due_on).days, 0)
    exact = Fraction(open_amount.amount) * Fraction(percent) / 100 * days / _DAYS_OF_A_YEAR
    return Money(rounded_to_minor_unit(exact, open_amount.currency), open_amount.currency)
