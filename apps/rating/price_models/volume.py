"""Volume: all units at the price of the tier that the total falls in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, Part, Tier, tier_of, whole_tiers
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Volume:
    """Tiers of which the period's total chooses one, with its flat amount alone."""

    kind: ClassVar[str] = "volume"
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        whole_tiers(self.tiers)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return the one reason: the tier of the total; its flat amount is due with the period's last units."""
        if not quantity:
            return ()
        total = part.before + quantity if part.total is None else part.total
        number, tier, start = tier_of(self.tiers, total)
        return (
            tier.step(
                number, start, before=part.before, quantity=quantity, is_flat_due=part.is_last(quantity)
            ),
        )
