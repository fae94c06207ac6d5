"""Metered quantities as the engine takes them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a charge that is priced event by event, with the amount that it carries if the price asks for one."""

    quantity: Decimal = _ONE
    amount: Decimal | None = None

    def __post_init__(self) -> None:
        if self.quantity < 0 or (self.amount is not None and self.amount < 0):
            raise ValueError("An event's quantity and amount are never negative.")


@dataclass(frozen=True, slots=True)
class Usage:
    """A quantity of one usage charge, with the values of its dimensions if a matrix prices it.

    `events` are for percentage and dynamic prices, in their order, and add up to the quantity. `day` is the local day of
    the usage, for a charge whose price changes within the period or has dates.
    """

    charge: str
    quantity: Decimal
    dimensions: tuple[tuple[str, str], ...] = ()
    events: tuple[Event, ...] = ()
    day: date | None = None

    def __post_init__(self) -> None:
        if self.quantity < 0:
            raise ValueError(
                f"Usage of charge {self.charge} is {self.quantity}; a quantity is never negative."
            )
