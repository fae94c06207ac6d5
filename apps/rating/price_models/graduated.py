"""Graduated: each unit at the price of the tier that it falls in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, Part, Tier, tiers_entered, whole_tiers
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Graduated:
    """Tiers that units fill one after the other; a tier's flat amount is due once it is entered."""

    kind: ClassVar[str] = "graduated"
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        whole_tiers(self.tiers)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return a reason for each tier that these units fall in."""
        return tuple(
            tier.step(number, start, before=first - start, quantity=last - first, is_flat_due=first == start)
            for number, tier, start, first, last in tiers_entered(self.tiers, part.before, quantity)
        )
