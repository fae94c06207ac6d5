"""Per unit: quantity times amount."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, Part, not_negative
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class PerUnit:
    """Every unit costs the same."""

    kind: ClassVar[str] = "per_unit"
    unit_amount: Decimal

    def __post_init__(self) -> None:
        not_negative(unit_amount=self.unit_amount)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return the one reason: quantity times amount."""
        if not quantity:
            return ()
        return (Step(quantity, quantity * self.unit_amount, (("unit_amount", self.unit_amount),)),)
