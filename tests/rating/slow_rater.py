"""A second rater, without the engine's code: fractions, and the rules as the public pricing format words them."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.volume import Volume
from apps.rating.terms import Charge, Fee
from tests.rating.cases import Month

NOTHING = Fraction(0)


@dataclass(frozen=True)
class SlowLine:
    charge: str
    match: dict[str, str]
    quantity: Fraction
    cost: Fraction
    is_overage: bool = False


def slowly(month: Month) -> tuple[list[SlowLine], dict[str, Fraction]]:
    """Return the lines, and what every grant paid."""
    left = {grant.key: Fraction(grant.balance) for grant in month.grants}
    lines: list[SlowLine] = []
    owed: dict[str, Fraction] = {}
    for charge in month.charges:
        priced = usage_lines(month, charge)
        lines += priced
        if charge.credit_unit is None:
            owed[charge.key] = sum((cents(line.cost) for line in priced), NOTHING)
            continue
        wanted = sum((line.cost for line in priced), NOTHING)
        uncovered = wanted - draw(month, left, charge.credit_unit, charge.key, wanted)
        if uncovered and charge.overage:
            cost = amount(charge.overage, uncovered)
            lines.append(SlowLine(charge.key, {}, uncovered, cost, is_overage=True))
            owed[charge.key] = cents(cost)
    for key, due in owed.items():
        draw(month, left, "USD", key, due)
    return lines, {grant.key: Fraction(grant.balance) - left[grant.key] for grant in month.grants}


def draw(month: Month, left: dict[str, Fraction], unit: str, charge: str, wanted: Fraction) -> Fraction:
    """Let grants pay, the lowest priority number first, none last, else in list order."""
    taken = NOTHING
    in_order = sorted(month.grants, key=lambda grant: 99 if grant.priority is None else grant.priority)
    for grant in in_order:
        if grant.unit == unit and (not grant.charges or charge in grant.charges):
            part = min(wanted - taken, left[grant.key])
            left[grant.key] -= part
            taken += part
    return taken


def usage_lines(month: Month, charge: Charge) -> list[SlowLine]:
    """Return a line for the charge, or for each cell that is used, in their order and the default last."""
    entries = [entry for entry in month.usage if entry.charge == charge.key]
    model = charge.price
    assert not isinstance(model, Fee), "fees have tests of their own"
    if not isinstance(model, Matrix):
        quantity = sum((Fraction(entry.quantity) for entry in entries), NOTHING)
        return [SlowLine(charge.key, {}, quantity, amount(model, quantity - Fraction(charge.included)))]
    allowance, lines = Fraction(charge.included), []
    chosen = [(cell_of(model, dict(entry.dimensions)), Fraction(entry.quantity)) for entry in entries]
    for place in sorted({place for place, _ in chosen}):
        quantity = sum((part for at, part in chosen if at == place), NOTHING)
        free = min(allowance, quantity)
        allowance -= free
        is_default = place == len(model.cells)
        price = model.default if is_default else model.cells[place].price
        match = dict.fromkeys(model.dimensions, "*") if is_default else dict(model.cells[place].match)
        assert price is not None
        lines.append(SlowLine(charge.key, match, quantity, amount(price, quantity - free)))
    return lines


def cell_of(matrix: Matrix, given: dict[str, str]) -> int:
    """Return the cell that names most dimensions; of equals the one that names the earliest where they differ."""
    fitting = [
        place
        for place, cell in enumerate(matrix.cells)
        if all(value in ("*", given[name]) for name, value in cell.match)
    ]
    named = {
        place: [dict(matrix.cells[place].match)[name] != "*" for name in matrix.dimensions]
        for place in fitting
    }
    return max(fitting, key=lambda place: (sum(named[place]), named[place]), default=len(matrix.cells))


def amount(model: PriceModel | Dated, quantity: Fraction) -> Fraction:
    """Price a quantity; what is not above zero costs nothing."""
    if quantity <= 0:
        return NOTHING
    match model:
        case PerUnit():
            return quantity * Fraction(model.unit_amount)
        case Package():
            beyond = max(quantity - Fraction(model.free_units), NOTHING)
            return ceil(beyond / Fraction(model.package_size)) * Fraction(model.package_amount)
        case Graduated():
            bounds = [Fraction(tier.up_to) if tier.up_to is not None else quantity for tier in model.tiers]
            return sum(
                (
                    in_tier(tier, min(quantity, end) - start)
                    for tier, start, end in zip(model.tiers, [NOTHING, *bounds], bounds, strict=False)
                    if quantity > start
                ),
                NOTHING,
            )
        case Volume():
            chosen = next(tier for tier in model.tiers if tier.up_to is None or quantity <= tier.up_to)
            return in_tier(chosen, quantity)
    raise AssertionError(model)


def in_tier(tier: Tier, quantity: Fraction) -> Fraction:
    sold = quantity if tier.package_size is None else Fraction(ceil(quantity / Fraction(tier.package_size)))
    return sold * Fraction(tier.unit_amount) + Fraction(tier.flat_amount)


def cents(exact: Fraction) -> Fraction:
    """Round to cents; amounts here are never negative."""
    return Fraction(floor(exact * 100 + Fraction(1, 2)), 100)
