"""How amounts and taxes are shared out among lines, to the cent and whatever the order. Pure."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

from apps.core.money import rounded_to_minor_unit

Group = TypeVar("Group", bound=Hashable)
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Part(Generic[Group]):
    """What of a line, by its place among the lines, is taxed with one group."""

    line: int
    group: Group
    amount: Decimal


def parts(
    lines: Sequence[tuple[Decimal, Group | None]], *, otherwise: Group, order: Sequence[Group], currency: str
) -> list[Part[Group]]:
    """Return the lines by the group that each is taxed with; what belongs to no product is spread over the groups.

    Such a line, a discount on all or a credit, is shared out by what the groups' own lines come to, each share by cumulative
    rounding in the given order of groups; to `otherwise` where none of them comes to anything.
    """
    weights = {group: Fraction(0) for group in order}
    for amount, group in lines:
        if group is not None:
            weights[group] += Fraction(amount)
    weighed = {group: weight for group, weight in weights.items() if weight > 0}
    made: list[Part[Group]] = []
    for place, (amount, group) in enumerate(lines):
        if group is not None:
            made.append(Part(place, group, amount))
        elif weighed:
            shares = shared(amount, weighed.values(), currency)
            made += [Part(place, one, share) for one, share in zip(weighed, shares, strict=True)]
        else:
            made.append(Part(place, otherwise, amount))
    return made


def shared(amount: Decimal, weights: Iterable[Fraction], currency: str) -> list[Decimal]:
    """Return an amount shared by weights: each has the share of all up to it, less that of all before it."""
    known = list(weights)
    whole, so_far = sum(known, Fraction(0)), Fraction(0)
    shares, given = [], Decimal(0)
    for weight in known:
        so_far += weight
        of_all = rounded_to_minor_unit(Fraction(amount) * so_far / whole, currency)
        shares.append(of_all - given)
        given = of_all
    return shares


def ratio(percent: Decimal, *, is_included: bool) -> Fraction:
    """Return the tax as a part of an amount, which includes it or not."""
    return Fraction(percent) / (_PERCENT + Fraction(percent) if is_included else _PERCENT)


def taxes(
    amounts: Sequence[Decimal], part: Fraction, *, currency: str, is_by_line: bool
) -> Iterator[Decimal]:
    """Yield the tax of each amount: rounded by itself, or so that all of them add up to the tax on their sum, rounded once.

    Rounding is half away from zero, to the currency's minor unit.
    """
    so_far, taxed = Fraction(0), Decimal(0)
    for amount in amounts:
        if is_by_line:
            yield rounded_to_minor_unit(Fraction(amount) * part, currency)
            continue
        so_far += Fraction(amount)
        of_all = rounded_to_minor_unit(so_far * part, currency)
        yield of_all - taxed
        taxed = of_all


def sums(made: Iterable[Part[Group]]) -> Mapping[Group, Decimal]:
    """Return what the parts of each group come to."""
    found: dict[Group, Decimal] = {}
    for part in made:
        found[part.group] = found.get(part.group, Decimal(0)) + part.amount
    return found
