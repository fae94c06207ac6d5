"""The one function that prices everything."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

from apps.core.money import EXACT, Money
from apps.core.periods import Period
from apps.rating.credits_order import Pool
from apps.rating.errors import NoPrice, UnknownCharge, WrongDimensions
from apps.rating.lines import Line, LineKind, Rated, money_line, sum_exact
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.matrix import Dimensions, Matrix
from apps.rating.steps import Step
from apps.rating.terms import ActiveDays, Charge, ChargeKind, Fee, Terms
from apps.rating.usage import Usage

# Quantities of one charge by the place of its matrix cell; a charge without a matrix has the place 0 alone.
_Places = dict[int, Decimal]


def rate(terms: Terms, usage: Sequence[Usage]) -> Rated:
    """Price the usage of one period: a line for every charge and matrix cell, with the reason of every cent.

    Works in exact decimals and rounds once a line, a half away from zero, to the currency's minor unit. The order of the
    usage does not matter. Refuses usage of an unknown charge, of wrong dimensions, and without a price.
    """
    with localcontext(EXACT):
        pool = Pool(terms.grants, starts_on=terms.period.starts_on)
        metered = _metered(terms, usage)
        lines = [
            line
            for charge in terms.charges
            for line in _lines(charge, metered.get(charge.key, {}), terms, pool)
        ]
        owed: dict[str | None, Decimal] = {}
        for line in lines:
            owed[line.charge] = owed.get(line.charge, Decimal(0)) + line.amount.amount
        applied = pool.pay(unit=terms.currency, owed=owed)
        return Rated(
            lines=tuple(lines),
            grants=pool.uses(),
            allowances=(),
            commitments=(),
            subtotal=Money.total((line.amount for line in lines), terms.currency),
            credits_applied=Money.zero(terms.currency) + Money(applied, terms.currency),
        )


def _metered(terms: Terms, usage: Sequence[Usage]) -> dict[str, _Places]:
    charges = {charge.key: charge for charge in terms.charges if charge.kind is ChargeKind.USAGE}
    metered: dict[str, _Places] = {}
    for entry in usage:
        charge = charges.get(entry.charge)
        if charge is None:
            raise UnknownCharge(entry.charge)
        places = metered.setdefault(charge.key, {})
        place = _place(charge, entry.dimensions)
        places[place] = places.get(place, Decimal(0)) + entry.quantity
    return metered


def _place(charge: Charge, dimensions: Dimensions) -> int:
    price, given = charge.price, dict(dimensions)
    wanted = price.dimensions if isinstance(price, Matrix) else ()
    if given.keys() != set(wanted):
        raise WrongDimensions(charge.key, wanted, tuple(given))
    place = price.place_of(given) if isinstance(price, Matrix) else 0
    if place is None:
        raise NoPrice(charge.key, given)
    return place


def _lines(charge: Charge, places: _Places, terms: Terms, pool: Pool) -> Iterator[Line]:
    if isinstance(charge.price, Fee):
        yield _fee_line(charge, charge.price, terms)
        return
    uncovered = Decimal(0)
    for quantity, dimensions, steps in _priced(charge, charge.price, places):
        if charge.credit_unit is None:
            yield money_line(
                charge=charge.key,
                name=charge.name,
                kind=LineKind.USAGE,
                quantity=quantity,
                steps=steps,
                currency=terms.currency,
                dimensions=dimensions,
            )
        else:
            line = _credit_line(charge, quantity, dimensions, steps, currency=terms.currency, pool=pool)
            uncovered += line.uncovered or Decimal(0)
            yield line
    if uncovered and charge.overage is not None:
        yield money_line(
            charge=charge.key,
            name=charge.name,
            kind=LineKind.OVERAGE,
            quantity=uncovered,
            steps=charge.overage.steps(uncovered),
            currency=terms.currency,
        )


def _priced(
    charge: Charge, price: PriceModel | Matrix, places: _Places
) -> Iterator[tuple[Decimal, Dimensions, tuple[Step, ...]]]:
    """Yield quantity, dimensions and reasons line by line, using up the charge's one allowance in their order."""
    if not isinstance(price, Matrix):
        quantity = places.get(0, Decimal(0))
        yield quantity, (), _after_allowance(price, quantity, charge.included)[1]
        return
    left = charge.included
    for place, quantity in sorted(places.items()):
        left, steps = _after_allowance(price.price_at(place), quantity, left)
        yield quantity, price.match_at(place), steps


def _after_allowance(
    price: PriceModel, quantity: Decimal, allowance: Decimal
) -> tuple[Decimal, tuple[Step, ...]]:
    """Return what is left of the allowance, and the reasons of the quantity."""
    free = min(quantity, allowance)
    steps = price.steps(quantity - free)
    if free:
        steps = (Step(free, Decimal(0), (("included", True),)), *steps)
    return allowance - free, steps


def _credit_line(
    charge: Charge,
    quantity: Decimal,
    dimensions: Dimensions,
    steps: tuple[Step, ...],
    *,
    currency: str,
    pool: Pool,
) -> Line:
    unit, cost = charge.credit_unit, sum_exact(steps)
    assert unit is not None
    assert isinstance(cost, Decimal), "usage prices never divide"
    covered = pool.draw(unit=unit, charge=charge.key, wanted=cost)
    return Line(
        charge=charge.key,
        name=charge.name,
        kind=LineKind.USAGE,
        quantity=quantity,
        amount=Money.zero(currency),
        exact=Decimal(0),
        steps=steps,
        dimensions=dimensions,
        unit=unit,
        credits=cost,
        uncovered=cost - covered,
    )


def _fee_line(charge: Charge, fee: Fee, terms: Terms) -> Line:
    return money_line(
        charge=charge.key,
        name=charge.name,
        kind=LineKind(charge.kind.value),
        quantity=fee.quantity,
        steps=(_fee_step(charge, fee, terms.period),),
        currency=terms.currency,
    )


def _fee_step(charge: Charge, fee: Fee, period: Period) -> Step:
    full = fee.amount * fee.quantity
    if charge.kind is ChargeKind.ONE_TIME:
        return Step(fee.quantity, full, (("unit_amount", fee.amount),))
    days = _active_days(charge.active, period)
    amount = full if days == period.days else Fraction(full) * days / period.days
    facts = (("unit_amount", fee.amount), ("days", days), ("of_days", period.days))
    return Step(fee.quantity, amount, facts)


def _active_days(active: ActiveDays | None, period: Period) -> int:
    if active is None:
        return period.days
    overlap = period.overlap(active.starts_on, active.ends_on)
    return overlap.days if overlap else 0
