"""Sharing what a pool of accounts comes to among those that are invoiced apart; pure.

Usage is shared by quantity, what is agreed around it by what each has to pay. Shares are whole minor units, the last of them
by the largest remainder, so they add up to the cent. Fees and what is priced in credits stay with the parent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from uuid import UUID

from apps.core.money import EXACT, Money, minor_digits
from apps.rating.lines import Line, LineKind, Rated
from apps.rating.metering import metered
from apps.rating.steps import Step, written
from apps.rating.terms import ChargeKind, Terms
from apps.rating.usage import Usage

# A charge, the cell that prices it, and the first day of its segment.
LineOf = tuple[str, tuple[tuple[str, str], ...], date | None]
Quantities = Mapping[LineOf, Decimal]
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Group:
    """Contracts on one invoice, known by the contract that it is of, and what they used of each line."""

    contract_id: UUID
    used: Quantities


def quantities(terms: Terms, usage: Sequence[Usage]) -> dict[LineOf, Decimal]:
    """Return how much of a usage counts on each line of these terms."""
    found: dict[LineOf, Decimal] = {}
    with localcontext(EXACT):
        for key, used in metered(terms, usage).items():
            for place, quantity in used.quantities.items():
                since = used.segments[place[0]].starts_on if used.charge.changes else None
                at = (key, used.dimensions_at(place), since)
                found[at] = found.get(at, _ZERO) + quantity
    return found


def added(several: Sequence[Quantities]) -> dict[LineOf, Decimal]:
    """Return quantities added up, line by line."""
    sums: dict[LineOf, Decimal] = {}
    with localcontext(EXACT):
        for one in several:
            for at, quantity in one.items():
                sums[at] = sums.get(at, _ZERO) + quantity
    return sums


def shared(rated: Rated, terms: Terms, groups: Sequence[Group]) -> dict[UUID, tuple[Line, ...]]:
    """Return the lines of each group; the first is the parent's, to which belongs what cannot be shared."""
    with localcontext(EXACT):
        sharing = _Sharing(terms, groups)
        for line in rated.lines:
            sharing.share(line)
    return {group.contract_id: tuple(sharing.lines[nth]) for nth, group in enumerate(groups)}


class _Sharing:
    """What each group pays so far, charge by charge, while line after line is shared."""

    def __init__(self, terms: Terms, groups: Sequence[Group]) -> None:
        self.lines: list[list[Line]] = [[] for _ in groups]
        self._groups = groups
        self._currency = terms.currency
        self._is_usage = {charge.key: charge.kind is ChargeKind.USAGE for charge in terms.charges}
        self._counts = {one.key: one.counts for one in terms.commitments}
        self._paid: list[dict[str, Decimal]] = [{} for _ in groups]

    def share(self, line: Line) -> None:
        if not self._is_usage.get(line.charge or "", True) or line.unit or line.kind is LineKind.OVERAGE:
            self._give(0, line, line.quantity, line.amount.amount)
            return
        parts = self._parts(line)
        for nth, amount in enumerate(parts):
            quantity = self._used(nth, line) if line.kind is LineKind.USAGE else line.quantity
            if amount or (line.kind is LineKind.USAGE and (quantity or nth == 0)):
                self._give(nth, _of_pool(line, quantity, amount), quantity, amount)

    def _parts(self, line: Line) -> list[Decimal]:
        amount = line.amount.amount
        if line.kind is LineKind.USAGE:
            return self._split(amount, [self._used(nth, line) for nth in range(len(self._groups))])
        if line.kind is LineKind.DISCOUNT:
            return self._discounted(line)
        keys = [line.charge] if line.charge else self._counts.get(line.key or "") or [*self._is_usage]
        return self._split(amount, [self._sum(nth, keys) for nth in range(len(self._groups))])

    def _discounted(self, line: Line) -> list[Decimal]:
        sums = [_ZERO for _ in self._groups]
        for step in line.steps:
            key = str(dict(step.facts)["charge"])
            assert isinstance(step.amount, Decimal), "discounts are shared in minor units"
            weights = [self._sum(nth, [key]) for nth in range(len(self._groups))]
            for nth, part in enumerate(self._split(step.amount, weights)):
                sums[nth] += part
                self._paid[nth][key] = self._paid[nth].get(key, _ZERO) + part
        return sums

    def _used(self, nth: int, line: Line) -> Decimal:
        return self._groups[nth].used.get((line.charge or "", line.dimensions, line.starts_on), _ZERO)

    def _sum(self, nth: int, keys: Sequence[str | None]) -> Decimal:
        return sum((self._paid[nth].get(key or "", _ZERO) for key in keys), _ZERO)

    def _split(self, amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
        return split(amount, weights, digits=minor_digits(self._currency))

    def _give(self, nth: int, line: Line, quantity: Decimal, amount: Decimal) -> None:
        self.lines[nth].append(
            line._replace(quantity=quantity, amount=Money(amount, self._currency))  # noqa: SLF001  public, by its docs
        )
        if line.charge:
            self._paid[nth][line.charge] = self._paid[nth].get(line.charge, _ZERO) + amount


def split(amount: Decimal, weights: Sequence[Decimal], *, digits: int) -> list[Decimal]:
    """Return an amount in shares proportional to the weights, in units of so many decimals; all to the first if they are 0.

    Shares are rounded towards zero; the units that are left go to the largest remainders, of equals to the earlier.
    """
    whole = sum(map(Fraction, weights), Fraction(0))
    if whole <= 0:
        return [amount, *(_ZERO for _ in weights[1:])]
    sign, units = (-1 if amount < 0 else 1), int(abs(amount).scaleb(digits))
    exact = [units * Fraction(weight) / whole for weight in weights]
    counts = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda nth: counts[nth] - exact[nth])
    for nth in order[: units - sum(counts)]:
        counts[nth] += 1
    return [Decimal(sign * count).scaleb(-digits) for count in counts]


def _of_pool(line: Line, quantity: Decimal, amount: Decimal) -> Line:
    """Return a share of a line, with the reasons of the whole before its own."""
    reasons = tuple(
        Step(
            step.quantity,
            _ZERO,
            (*step.facts, ("of_pool", True), ("pool_part", Decimal(written(step.amount)))),
        )
        for step in line.steps
    )
    own = Step(quantity, amount, (("pool_quantity", line.quantity), ("pool_amount", line.amount.amount)))
    return line._replace(exact=amount, steps=(*reasons, own))  # noqa: SLF001  public, by its docs
