"""Graduated: each unit at the price of the tier that it falls in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import Tier, whole_tiers
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Graduated:
    """Tiers that units fill one after the other; a tier's flat amount is due once it is entered."""

    kind: ClassVar[str] = "graduated"
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        whole_tiers(self.tiers)

    def steps(self, quantity: Decimal) -> tuple[Step, ...]:
        """Return a reason for each tier entered."""
        steps = []
        start = Decimal(0)
        for number, tier in enumerate(self.tiers, start=1):
            if quantity <= start:
                break
            end = quantity if tier.up_to is None else min(quantity, tier.up_to)
            steps.append(tier.step(number, start, end - start))
            start = end
        return tuple(steps)
