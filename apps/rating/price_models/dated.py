"""Dated: a price that is in force from a day on, until the next."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date

from apps.rating.price_models.base import PriceModel


@dataclass(frozen=True, slots=True)
class Dated:
    """Prices by the first day on which each is in force; usage is priced at the price of its own day.

    The first day may be `date.min`: a price from the beginning. Tiers, packages and free units run on from one to the next.
    """

    prices: tuple[tuple[date, PriceModel], ...]

    def __post_init__(self) -> None:
        days = [starts_on for starts_on, _ in self.prices]
        if not days or days != sorted(set(days)):
            raise ValueError("Give dated prices, each from a later day than the one before.")

    def place_on(self, day: date) -> int | None:
        """Return the place of the price that is in force on a day; None before the first."""
        place = bisect_right(self.prices, day, key=lambda price: price[0])
        return place - 1 if place else None
