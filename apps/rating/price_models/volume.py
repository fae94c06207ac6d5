"""Volume: all units at the price of the tier that the total falls in."""

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
        start = Decimal(0)
        for number, tier in enumerate(self.tiers, start=1):
            if tier.up_to is None or quantity <= tier.up_to:
                return (tier.step(number, start, quantity),)
            start = tier.up_to
        raise AssertionError("The last tier is without end.")
