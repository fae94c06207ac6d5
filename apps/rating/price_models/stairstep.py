"""Stairstep: one amount for all, that of the tier which the total falls in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, ZERO, Part, not_negative, tier_of, whole_tiers
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Stair:
    """What a total above the stair before, up to and with `up_to`, costs; None is without end."""

    up_to: Decimal | None
    flat_amount: Decimal

    def __post_init__(self) -> None:
        not_negative(flat_amount=self.flat_amount)


@dataclass(frozen=True, slots=True)
class Stairstep:
    """Stairs of which the period's total chooses one."""

    kind: ClassVar[str] = "stairstep"
    tiers: tuple[Stair, ...]

    def __post_init__(self) -> None:
        whole_tiers(self.tiers)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return the one reason: the stair of the total, due with the period's last units."""
        if not quantity:
            return ()
        total = part.before + quantity if part.total is None else part.total
        number, stair, start = tier_of(self.tiers, total)
        flat = stair.flat_amount if part.is_last(quantity) else ZERO
        facts = (("tier", number), ("from", start), ("to", stair.up_to), ("flat_amount", flat))
        return (Step(quantity, flat, facts),)
