"""Why an invoice differs from the one before it: by volume, price and mix, what is new and gone, fees and the rest.

The method is the price-volume-mix analysis of management accounting (see Horngren, Datar and Rajan, "Cost Accounting",
the chapter on sales-mix and sales-quantity variances). Of each charge, over its cells (its sets of dimension values):

    volume = (quantity now - quantity before) x average price before
    price  = sum over the cells used both times of: quantity now x (price now - price before)
    mix    = what is left: use moved between cells that are dearer and cheaper than the average

Prices are effective ones: the exact amount divided by the quantity, so tiers and allowances are in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from apps.core.money import EXACT, rounded_to_minor_unit

Cell = tuple[tuple[str, str], ...]
_ZERO = Fraction(0)


class Sort(StrEnum):
    """How a line is compared."""

    USAGE = "usage"
    FEE = "fee"
    OTHER = "other"


class Effect(StrEnum):
    """What a part of a difference comes from, in the order in which it is told."""

    VOLUME = "volume"
    PRICE = "price"
    MIX = "mix"
    NEW = "new"
    GONE = "gone"
    FEES = "fees"
    OTHER = "other"
    TAX = "tax"


@dataclass(frozen=True, slots=True)
class Item:
    """A line as it is compared: `charge` says what belongs together, `exact` is the amount before it was rounded."""

    charge: tuple[str, ...]
    cell: Cell
    name: str
    unit: str
    sort: Sort
    quantity: Decimal
    amount: Decimal
    exact: Decimal


@dataclass(frozen=True, slots=True)
class Mover:
    """The charge that moved the most, with what was used of it before and now."""

    name: str
    unit: str
    before: Decimal
    now: Decimal
    difference: Decimal


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference and its parts, which add up to it; parts that are nothing are left out."""

    difference: Decimal
    parts: Mapping[Effect, Decimal]
    mover: Mover | None


@dataclass(frozen=True, slots=True)
class Side:
    """What one charge and cell came to in one period; `exact` is the amount before it was rounded."""

    quantity: Decimal
    amount: Decimal
    exact: Decimal

    @property
    def price(self) -> Fraction | None:
        """Return the effective price of one unit; None where nothing was counted.

        It is of the exact amount: a few tokens for less than a cent are not free.
        """
        return Fraction(self.exact) / Fraction(self.quantity) if self.quantity else None


@dataclass(frozen=True, slots=True)
class Pair:
    """The same charge and cell in two periods; None is a period without it."""

    charge: tuple[str, ...]
    name: str
    unit: str
    cell: Cell
    sort: Sort
    before: Side | None
    now: Side | None

    @property
    def difference(self) -> Decimal:
        """Return how much more it comes to now, less being negative."""
        then = self.before.amount if self.before else Decimal(0)
        return EXACT.subtract(self.now.amount if self.now else Decimal(0), then)


def explain(
    before: Sequence[Item], now: Sequence[Item], *, tax: Decimal = Decimal(0), currency: str
) -> Explained:
    """Return the difference of two invoices in one currency with its parts; `tax` is the difference of their taxes.

    Parts are rounded to the minor unit, and what rounding leaves is put to the largest: they add up exactly.
    """
    difference = EXACT.add(EXACT.subtract(_sum(now), _sum(before)), tax)
    exact: dict[Effect, Fraction] = {Effect.TAX: Fraction(tax)}
    movers: list[Mover] = []
    for of_before, of_now in _by_charge(before, now):
        for effect, part in _parts(of_before, of_now).items():
            exact[effect] = exact.get(effect, _ZERO) + part
        movers.append(_mover(of_before, of_now))
    parts = _rounded(exact, difference, currency)
    moved = max(movers, key=lambda one: abs(one.difference), default=None)
    return Explained(difference, parts, moved if moved and moved.difference else None)


def pairs(before: Sequence[Item], now: Sequence[Item]) -> list[Pair]:
    """Return the lines of two invoices side by side, those of now in their order, then those that are gone."""
    sides = [_by_cell(items) for items in (before, now)]
    named = {(one.charge, one.cell): one for one in reversed([*now, *before])}
    order = [*sides[1], *(key for key in sides[0] if key not in sides[1])]
    return [
        Pair(
            key[0],
            named[key].name,
            named[key].unit,
            key[1],
            named[key].sort,
            sides[0].get(key),
            sides[1].get(key),
        )
        for key in order
    ]


def _by_cell(items: Sequence[Item]) -> dict[tuple[tuple[str, ...], Cell], Side]:
    sides: dict[tuple[tuple[str, ...], Cell], Side] = {}
    for one in items:
        so_far = sides.get((one.charge, one.cell), Side(Decimal(0), Decimal(0), Decimal(0)))
        sides[one.charge, one.cell] = Side(
            EXACT.add(so_far.quantity, one.quantity),
            EXACT.add(so_far.amount, one.amount),
            EXACT.add(so_far.exact, one.exact),
        )
    return sides


def _by_charge(before: Sequence[Item], now: Sequence[Item]) -> list[tuple[list[Item], list[Item]]]:
    found: dict[tuple[str, ...], tuple[list[Item], list[Item]]] = {}
    for place, items in enumerate((before, now)):
        for one in items:
            found.setdefault(one.charge, ([], []))[place].append(one)
    return list(found.values())


def _parts(before: Sequence[Item], now: Sequence[Item]) -> dict[Effect, Fraction]:
    cost_before, cost_now = _exact(before), _exact(now)
    sort = (now or before)[0].sort
    if sort is not Sort.USAGE:
        return {Effect.FEES if sort is Sort.FEE else Effect.OTHER: cost_now - cost_before}
    used_before, used_now = _used(before), _used(now)
    if not used_before:
        return {Effect.NEW: cost_now - cost_before}
    if not used_now:
        return {Effect.GONE: cost_now - cost_before}
    volume = (used_now - used_before) * cost_before / used_before
    price = _price_effect(before, now)
    return {
        Effect.VOLUME: volume,
        Effect.PRICE: price,
        Effect.MIX: cost_now - cost_before - volume - price,
    }


def _price_effect(before: Sequence[Item], now: Sequence[Item]) -> Fraction:
    effect = _ZERO
    for cell in {one.cell for one in now}:
        then, today = ([one for one in items if one.cell == cell] for items in (before, now))
        if used_then := _used(then):
            effect += _exact(today) - _used(today) * _exact(then) / used_then
    return effect


def _mover(before: Sequence[Item], now: Sequence[Item]) -> Mover:
    named = (now or before)[0]
    return Mover(
        named.name,
        named.unit if named.sort is Sort.USAGE else "",
        sum((one.quantity for one in before), Decimal(0)),
        sum((one.quantity for one in now), Decimal(0)),
        EXACT.subtract(_sum(now), _sum(before)),
    )


def _rounded(exact: Mapping[Effect, Fraction], difference: Decimal, currency: str) -> dict[Effect, Decimal]:
    parts = {effect: rounded_to_minor_unit(part, currency) for effect, part in exact.items()}
    rest = EXACT.subtract(difference, sum(parts.values(), Decimal(0)))
    if rest:
        largest = max(Effect, key=lambda effect: abs(exact.get(effect, _ZERO)))
        parts[largest] = EXACT.add(parts.get(largest, Decimal(0)), rest)
    return {effect: parts[effect] for effect in Effect if parts.get(effect)}


def _sum(items: Iterable[Item]) -> Decimal:
    total = Decimal(0)
    for one in items:
        total = EXACT.add(total, one.amount)
    return total


def _exact(items: Iterable[Item]) -> Fraction:
    return sum((Fraction(one.exact) for one in items), _ZERO)


def _used(items: Iterable[Item]) -> Fraction:
    return sum((Fraction(one.quantity) for one in items), _ZERO)
