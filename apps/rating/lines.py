"""Priced lines, and what grants paid."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from apps.core.money import Money, rounded_to_minor_unit
from apps.rating.steps import Exact, Step


class LineKind(StrEnum):
    """What a line is."""

    USAGE = "usage"
    RECURRING = "recurring"
    ONE_TIME = "one_time"
    OVERAGE = "overage"


@dataclass(frozen=True, slots=True)
class Line:
    """One priced line: `amount` is `exact` rounded once; `steps` add up to `exact`.

    A line priced in a credit unit has `unit`, `credits` (what it cost there) and `uncovered` (what no grant paid); its
    steps are in credits, and its amount is nothing.
    """

    charge: str
    name: str
    kind: LineKind
    quantity: Decimal
    amount: Money
    exact: Exact
    steps: tuple[Step, ...]
    dimensions: tuple[tuple[str, str], ...] = ()
    unit: str | None = None
    credits: Decimal | None = None
    uncovered: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GrantUse:
    """What one grant paid, and what is left of it."""

    grant: str
    unit: str
    used: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Rated:
    """The priced period: lines in the order of charges, and every grant in list order."""

    lines: tuple[Line, ...]
    grants: tuple[GrantUse, ...]
    subtotal: Money
    credits_applied: Money

    @property
    def total(self) -> Money:
        """Return what is left to pay, before tax."""
        return self.subtotal - self.credits_applied


def money_line(
    *,
    charge: str,
    name: str,
    kind: LineKind,
    quantity: Decimal,
    steps: tuple[Step, ...],
    currency: str,
    dimensions: tuple[tuple[str, str], ...] = (),
) -> Line:
    """Return a line in the currency, its amount rounded once from the exact sum of its steps."""
    exact = sum_exact(steps)
    return Line(
        charge=charge,
        name=name,
        kind=kind,
        quantity=quantity,
        amount=Money(rounded_to_minor_unit(exact, currency), currency),
        exact=exact,
        steps=steps,
        dimensions=dimensions,
    )


def sum_exact(steps: tuple[Step, ...]) -> Exact:
    """Return the exact sum of the steps' amounts."""
    amounts = [step.amount for step in steps]
    if len(amounts) == 1:
        return amounts[0]
    total: Exact = Decimal(0)
    for amount in amounts:
        total = _added(total, amount)
    return total


def _added(one: Exact, other: Exact) -> Exact:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one + other
    return Fraction(one) + Fraction(other)
