"""Metered quantities as the engine takes them."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """A quantity of one usage charge, with the values of its dimensions if a matrix prices it."""

    charge: str
    quantity: Decimal
    dimensions: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.quantity < 0:
            raise ValueError(
                f"Usage of charge {self.charge} is {self.quantity}; a quantity is never negative."
            )
