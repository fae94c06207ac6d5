"""Percentage: a share of the money that each event moves, and a fixed amount an event."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import (
    WHOLE,
    ZERO,
    Part,
    held_within,
    not_negative,
    within_bounds,
)
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Percentage:
    """Events pay `rate` of their quantity, which is money, and `fixed_amount`, held within the event's bounds.

    The first are free: until `free_events` or `free_amount` is reached, whichever is first; 0 doesn't count.
    """

    kind: ClassVar[str] = "percentage"
    rate: Decimal
    fixed_amount: Decimal = ZERO
    free_events: Decimal = ZERO
    free_amount: Decimal = ZERO
    event_minimum: Decimal | None = None
    event_maximum: Decimal | None = None

    def __post_init__(self) -> None:
        not_negative(
            rate=self.rate,
            fixed_amount=self.fixed_amount,
            free_events=self.free_events,
            free_amount=self.free_amount,
            event_minimum=self.event_minimum,
            event_maximum=self.event_maximum,
        )
        if self.free_events != int(self.free_events):
            raise ValueError(f"free_events is {self.free_events}; events are counted whole.")
        within_bounds("percentage of an event", self.event_minimum, self.event_maximum)

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return a reason for each event, in their order."""
        return tuple(self._steps(part))

    def _steps(self, part: Part) -> Iterator[Step]:
        facts = (
            ("rate", self.rate),
            ("fixed_amount", self.fixed_amount),
            ("free_events", self.free_events),
            ("free_amount", self.free_amount),
            ("event_minimum", self.event_minimum),
            ("event_maximum", self.event_maximum),
        )
        before = part.before
        for number, event in enumerate(part.events, start=part.events_before + 1):
            free = self._free(number, before, event.quantity)
            # None is an event wholly within the allowance: it pays nothing, whatever the minimum.
            amount = ZERO
            if free is None:
                free = event.quantity
            else:
                full = (event.quantity - free) * self.rate + self.fixed_amount
                amount = held_within(full, self.event_minimum, self.event_maximum)
            yield Step(event.quantity, amount, (("event", number), ("free", free), *facts))
            before += event.quantity

    def _free(self, number: int, before: Decimal, quantity: Decimal) -> Decimal | None:
        """Return how much of an event that pays is free; None if it lies within the allowance."""
        if not self.free_events and not self.free_amount:
            return ZERO
        if self.free_events and number > self.free_events:
            return ZERO
        if not self.free_amount or before + quantity <= self.free_amount:
            return None
        return max(self.free_amount - before, ZERO)
