"""What every price model can do, and the tiers that two of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Protocol

from apps.rating.steps import Step


class PriceModel(Protocol):
    """A price: a value that says, for a quantity above zero, how the amount comes about."""

    kind: ClassVar[str]

    def steps(self, quantity: Decimal) -> tuple[Step, ...]:
        """Return the reasons of the amount, whose amounts add up to it; a quantity of zero has none."""
        ...


@dataclass(frozen=True, slots=True)
class Tier:
    """Covers what lies above the tier before, up to and with `up_to`; None is without end.

    With `package_size` the units that fall in it are sold in started packages, `unit_amount` a package.
    """

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = Decimal(0)
    package_size: Decimal | None = None

    def __post_init__(self) -> None:
        not_negative(unit_amount=self.unit_amount, flat_amount=self.flat_amount)
        if self.package_size is not None and self.package_size <= 0:
            raise ValueError("The package size of a tier must be above 0.")

    def step(self, number: int, start: Decimal, quantity: Decimal) -> Step:
        """Return the reason of `quantity` units in this tier, its flat amount included."""
        sold, packages = quantity, None
        if self.package_size is not None:
            sold = packages = started(quantity, self.package_size)
        facts = (
            ("tier", number),
            ("from", start),
            ("to", self.up_to),
            *((("packages", packages), ("package_size", self.package_size)) if packages is not None else ()),
            ("unit_amount", self.unit_amount),
            ("flat_amount", self.flat_amount),
        )
        return Step(quantity, sold * self.unit_amount + self.flat_amount, facts)


def not_negative(**amounts: Decimal | None) -> None:
    """Refuse a negative amount, by its name."""
    for name, amount in amounts.items():
        if amount is not None and amount < 0:
            raise ValueError(f"{name} is {amount}; it must not be negative.")


def whole_tiers(tiers: Sequence[Tier]) -> None:
    """Refuse tiers that leave a gap, overlap, or end."""
    if not tiers:
        raise ValueError("Give at least one tier.")
    if tiers[-1].up_to is not None:
        raise ValueError("The last tier must be without end: leave its up_to empty.")
    below = Decimal(0)
    for number, tier in enumerate(tiers[:-1], start=1):
        if tier.up_to is None or tier.up_to <= below:
            raise ValueError(f"Tier {number} must end above {below}: up_to rises from tier to tier.")
        below = tier.up_to


def started(quantity: Decimal, size: Decimal) -> Decimal:
    """Return how many packages of `size` a quantity begins."""
    whole, rest = divmod(quantity, size)
    return whole + 1 if rest else whole
