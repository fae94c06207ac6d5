"""The customers that bring the most, and where each is heading; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.backoffice.figures.invoiced import ByMonth

MOST = 10
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A customer's revenue by month, the oldest first, and what its running periods came to so far."""

    customer_id: UUID
    months: tuple[Decimal, ...]
    so_far: Decimal
    share: Decimal

    @property
    def total(self) -> Decimal:
        """Return all of it, what the running periods came to included."""
        return sum(self.months, self.so_far)

    @property
    def last(self) -> Decimal:
        """Return what the last whole month brought."""
        return self.months[-1]

    @property
    def change(self) -> Decimal | None:
        """Return how much more than the month before the last one brought, as a share; None where that brought nothing."""
        before = self.months[-2]
        return (self.last - before) / before if before > 0 else None


def ranked(
    by_month: ByMonth, months: Sequence[date], so_far: Mapping[UUID, Decimal], *, most: int = MOST
) -> list[Ranked]:
    """Return the customers with the most revenue in these months and since, the largest first."""
    totals = dict(so_far)
    for month in months:
        for customer, amount in by_month.get(month, {}).items():
            totals[customer] = totals.get(customer, _NOTHING) + amount
    whole = sum((total for total in totals.values() if total > 0), _NOTHING)
    first: Callable[[UUID], tuple[Decimal, UUID]] = lambda customer: (-totals[customer], customer)  # noqa: E731
    largest = sorted((customer for customer, total in totals.items() if total > 0), key=first)[:most]
    return [
        Ranked(
            customer,
            tuple(by_month.get(month, {}).get(customer, _NOTHING) for month in months),
            so_far.get(customer, _NOTHING),
            totals[customer] / whole,
        )
        for customer in largest
    ]
