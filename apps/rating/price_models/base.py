"""What every price model can do, and the tiers that several of them share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Protocol, TypeVar

from apps.rating.steps import Step
from apps.rating.usage import Event

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Part:
    """Where a quantity lies in its period: the units and events before it, and the units of the whole period.

    `total` None says that nothing comes after. `events` are those of the quantity itself, `of_days` the period's days.
    """

    before: Decimal = ZERO
    total: Decimal | None = None
    events: tuple[Event, ...] = ()
    events_before: int = 0
    of_days: int = 1

    def is_last(self, quantity: Decimal) -> bool:
        """Tell whether no unit comes after these."""
        return self.total is None or self.before + quantity == self.total


# A quantity that is the whole period's.
WHOLE = Part()


class PriceModel(Protocol):
    """A price: a value that says, for a quantity above zero, how the amount comes about."""

    kind: ClassVar[str]

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return the reasons of the amount, whose amounts add up to it; a quantity of zero has none.

        The amounts of a period's parts, each priced after those before it, add up to the amount of the whole.
        """
        ...


class Bounded(Protocol):
    """A tier as far as its bounds go."""

    @property
    def up_to(self) -> Decimal | None:
        """Return the last quantity that belongs to it; None is without end."""
        ...


AnyTier = TypeVar("AnyTier", bound=Bounded)


@dataclass(frozen=True, slots=True)
class Tier:
    """Covers what lies above the tier before, up to and with `up_to`; None is without end.

    With `package_size` the units that fall in it are sold in started packages, `unit_amount` a package.
    """

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = ZERO
    package_size: Decimal | None = None

    def __post_init__(self) -> None:
        not_negative(unit_amount=self.unit_amount, flat_amount=self.flat_amount)
        if self.package_size is not None and self.package_size <= 0:
            raise ValueError("The package size of a tier must be above 0.")

    def step(
        self, number: int, start: Decimal, *, before: Decimal, quantity: Decimal, is_flat_due: bool
    ) -> Step:
        """Return the reason of `quantity` units sold at this tier after `before` others."""
        sold, packages = quantity, None
        if self.package_size is not None:
            sold = packages = started_after(before, quantity, self.package_size)
        flat = self.flat_amount if is_flat_due else ZERO
        facts = (
            ("tier", number),
            ("from", start),
            ("to", self.up_to),
            *((("packages", packages), ("package_size", self.package_size)) if packages is not None else ()),
            ("unit_amount", self.unit_amount),
            ("flat_amount", flat),
        )
        return Step(quantity, sold * self.unit_amount + flat, facts)


def not_negative(**amounts: Decimal | None) -> None:
    """Refuse a negative amount, by its name."""
    for name, amount in amounts.items():
        if amount is not None and amount < 0:
            raise ValueError(f"{name} is {amount}; it must not be negative.")


def within_bounds(name: str, minimum: Decimal | None, maximum: Decimal | None) -> None:
    """Refuse a minimum above its maximum."""
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError(f"{name}: the minimum {minimum} lies above the maximum {maximum}.")


def whole_tiers(tiers: Sequence[Bounded]) -> None:
    """Refuse tiers that leave a gap, overlap, or end."""
    if not tiers:
        raise ValueError("Give at least one tier.")
    if tiers[-1].up_to is not None:
        raise ValueError("The last tier must be without end: leave its up_to empty.")
    below = ZERO
    for number, tier in enumerate(tiers[:-1], start=1):
        if tier.up_to is None or tier.up_to <= below:
            raise ValueError(f"Tier {number} must end above {below}: up_to rises from tier to tier.")
        below = tier.up_to


def tiers_entered(
    tiers: Sequence[AnyTier], before: Decimal, quantity: Decimal
) -> Iterator[tuple[int, AnyTier, Decimal, Decimal, Decimal]]:
    """Yield the tiers that the units after `before` fall in: number, tier, its start, and the units' first and last."""
    start, after = ZERO, before + quantity
    for number, tier in enumerate(tiers, start=1):
        end = after if tier.up_to is None else min(after, tier.up_to)
        if end > max(start, before):
            yield number, tier, start, max(start, before), end
        start = end


def tier_of(tiers: Sequence[AnyTier], total: Decimal) -> tuple[int, AnyTier, Decimal]:
    """Return the tier that a total falls in: its number, the tier, and where it starts."""
    start, place = ZERO, 0
    while (end := tiers[place].up_to) is not None and total > end:
        start, place = end, place + 1
    return place + 1, tiers[place], start


def started(quantity: Decimal, size: Decimal) -> Decimal:
    """Return how many packages of `size` a quantity begins."""
    whole, rest = divmod(quantity, size)
    return whole + 1 if rest else whole


def started_after(before: Decimal, quantity: Decimal, size: Decimal) -> Decimal:
    """Return how many packages a quantity begins that those before it had not."""
    return started(before + quantity, size) - started(before, size) if before else started(quantity, size)


def held_within(amount: Decimal, minimum: Decimal | None, maximum: Decimal | None) -> Decimal:
    """Return the amount, raised to the minimum or lowered to the maximum."""
    if minimum is not None and amount < minimum:
        return minimum
    return maximum if maximum is not None and amount > maximum else amount
