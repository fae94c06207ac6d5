"""Dynamic: the amount that each event carries."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, Part, held_within, not_negative, within_bounds
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Events bring their own amount, each held within the bounds."""

    kind: ClassVar[str] = "dynamic"
    minimum_amount: Decimal | None = None
    maximum_amount: Decimal | None = None

    def __post_init__(self) -> None:
        not_negative(minimum_amount=self.minimum_amount, maximum_amount=self.maximum_amount)
        within_bounds("dynamic amount", self.minimum_amount, self.maximum_amount)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return a reason for each event, in their order."""
        steps = []
        for number, event in enumerate(part.events, start=part.events_before + 1):
            assert event.amount is not None, "events without an amount are refused when they are counted"
            facts = (
                ("event", number),
                ("given", event.amount),
                ("minimum_amount", self.minimum_amount),
                ("maximum_amount", self.maximum_amount),
            )
            amount = held_within(event.amount, self.minimum_amount, self.maximum_amount)
            steps.append(Step(event.quantity, amount, facts))
        return tuple(steps)
