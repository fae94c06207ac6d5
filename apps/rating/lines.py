"""Priced lines, and what allowances, commitments and grants made of them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from apps.core.money import Money, rounded_to_minor_unit
from apps.rating.steps import Exact, Step


class LineKind(StrEnum):
    """What a line is."""

    USAGE = "usage"
    RECURRING = "recurring"
    ONE_TIME = "one_time"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    OVERAGE = "overage"
    DISCOUNT = "discount"
    TRUE_UP = "true_up"


# A named tuple, as steps are: by far the most of what is made, and made in a third of a frozen dataclass's time.
class Line(NamedTuple):
    """One priced line: `amount` is `exact` rounded once; `steps` add up to `exact`, a discount's to `amount`.

    A line priced in a credit unit has `unit`, `credits` (what it cost there) and `uncovered` (what no grant paid); its
    steps are in credits, and its amount is nothing. A discount or a true-up has no `charge` but its own `key`.
    `starts_on` is the first day of the segment that a line prices, where its charge changes within the period.
    """

    charge: str | None
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
    key: str | None = None
    starts_on: date | None = None


@dataclass(frozen=True, slots=True)
class GrantUse:
    """What one grant paid, and what is left of it."""

    grant: str
    unit: str
    used: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class AllowanceUse:
    """How much of an allowance was used, and what is left; a charge's own is under the charge's key."""

    key: str
    used: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class CommitmentUse:
    """What counted toward a commitment in this period, after discounts and before credits."""

    key: str
    counted: Decimal


@dataclass(frozen=True, slots=True)
class Rated:
    """The priced period.

    Lines come in the order of charges, then discounts and true-ups; grants in list order; allowances are the charges' own in
    their order, then the shared ones.
    """

    lines: tuple[Line, ...]
    grants: tuple[GrantUse, ...]
    allowances: tuple[AllowanceUse, ...]
    commitments: tuple[CommitmentUse, ...]
    subtotal: Money
    credits_applied: Money

    @property
    def total(self) -> Money:
        """Return what is left to pay, before tax."""
        return self.subtotal - self.credits_applied


def money_line(
    *,
    charge: str | None,
    name: str,
    kind: LineKind,
    quantity: Decimal,
    steps: tuple[Step, ...],
    currency: str,
    dimensions: tuple[tuple[str, str], ...] = (),
    key: str | None = None,
    starts_on: date | None = None,
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
        key=key,
        starts_on=starts_on,
    )


def sum_exact(steps: tuple[Step, ...]) -> Exact:
    """Return the exact sum of the steps' amounts."""
    if len(steps) == 1:
        return steps[0].amount
    total: Exact = Decimal(0)
    for step in steps:
        total = _added(total, step.amount)
    return total


def _added(one: Exact, other: Exact) -> Exact:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one + other
    return Fraction(one) + Fraction(other)
