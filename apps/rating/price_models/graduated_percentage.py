"""Graduated percentage: each part of an amount of money at the rate of the tier that it falls in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, ZERO, Part, not_negative, tiers_entered, whole_tiers
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class RateTier:
    """Covers the money above the tier before, up to and with `up_to`; None is without end."""

    up_to: Decimal | None
    rate: Decimal
    flat_amount: Decimal = ZERO

    def __post_init__(self) -> None:
        not_negative(rate=self.rate, flat_amount=self.flat_amount)

    def step(self, number: int, start: Decimal, *, quantity: Decimal, is_flat_due: bool) -> Step:
        """Return the reason of the money that falls in this tier."""
        flat = self.flat_amount if is_flat_due else ZERO
        facts = (
            ("tier", number),
            ("from", start),
            ("to", self.up_to),
            ("rate", self.rate),
            ("flat_amount", flat),
        )
        return Step(quantity, quantity * self.rate + flat, facts)


@dataclass(frozen=True, slots=True)
class GraduatedPercentage:
    """Tiers that money fills one after the other; a tier's flat amount is due once it is entered."""

    kind: ClassVar[str] = "graduated_percentage"
    tiers: tuple[RateTier, ...]

    def __post_init__(self) -> None:
        whole_tiers(self.tiers)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return a reason for each tier that this money falls in."""
        return tuple(
            tier.step(number, start, quantity=last - first, is_flat_due=first == start)
            for number, tier, start, first, last in tiers_entered(self.tiers, part.before, quantity)
        )
