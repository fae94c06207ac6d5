"""Per seat: an amount for a whole period, by the days that a seat is taken."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, Part, not_negative
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class PerSeat:
    """A seat costs `unit_amount` for a whole period; the quantity counts a seat once for every day."""

    kind: ClassVar[str] = "per_seat"
    unit_amount: Decimal

    def __post_init__(self) -> None:
        not_negative(unit_amount=self.unit_amount)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return the one reason: amount times seat-days by the days of the period, as a true fraction."""
        if not quantity:
            return ()
        facts = (("unit_amount", self.unit_amount), ("of_days", part.of_days))
        return (Step(quantity, Fraction(self.unit_amount * quantity) / part.of_days, facts),)
