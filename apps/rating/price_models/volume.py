"""Volume: all units at the price of the tier that the total falls in."""

from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import Tier, whole_tiers
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Volume:
    """Tiers of which the total chooses one, with its flat amount alone."""

    kind: ClassVar[str] = "volume"
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        whole_tiers(self.tiers)

    def steps(self, quantity: Decimal) -> tuple[Step, ...]:
        """Return the one reason: the tier of the total."""
        if not quantity:
            return ()
        bounds = [tier.up_to for tier in self.tiers[:-1] if tier.up_to is not None]
        place = bisect_left(bounds, quantity)
        start = bounds[place - 1] if place else Decimal(0)
        return (self.tiers[place].step(place + 1, start, quantity),)
