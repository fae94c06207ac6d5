"""The lines of a charge's usage, and of the credits that no grant covers."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby

from apps.core.money import Money
from apps.rating.allowances import Allowances, free_steps, paid_for
from apps.rating.credits_order import Pool
from apps.rating.lines import Line, LineKind, money_line, sum_exact
from apps.rating.metering import Metered, Place
from apps.rating.parts import Parts
from apps.rating.price_models.matrix import Matrix
from apps.rating.steps import Step
from apps.rating.terms import Terms

_ZERO = Decimal(0)


def usage_lines(used: Metered, terms: Terms, allowances: Allowances, pool: Pool) -> Iterator[Line]:
    """Yield a line for each cell of each segment that has usage; then one for the credits that no grant covers."""
    charge, uncovered = used.charge, _ZERO
    for place, quantity, steps in _priced(used, allowances, of_days=terms.period.days):
        starts_on = used.segments[place[0]].starts_on if charge.changes else None
        if charge.credit_unit is None:
            yield money_line(
                charge=charge.key,
                name=charge.name,
                kind=LineKind.USAGE,
                quantity=quantity,
                steps=steps,
                currency=terms.currency,
                dimensions=used.dimensions_at(place),
                starts_on=starts_on,
            )
            continue
        cost = sum_exact(steps)
        assert isinstance(cost, Decimal), "no price in credits divides"
        left = cost - pool.draw(unit=charge.credit_unit, charge=charge.key, wanted=cost)
        uncovered += left
        yield Line(
            charge=charge.key,
            name=charge.name,
            kind=LineKind.USAGE,
            quantity=quantity,
            amount=Money.zero(terms.currency),
            exact=_ZERO,
            steps=steps,
            dimensions=used.dimensions_at(place),
            unit=charge.credit_unit,
            credits=cost,
            uncovered=left,
            starts_on=starts_on,
        )
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
    used: Metered, allowances: Allowances, *, of_days: int
) -> Iterator[tuple[Place, Decimal, tuple[Step, ...]]]:
    """Yield, line by line, the place, the whole quantity and the reasons: what was free, then the price's."""
    places = used.places()
    free = allowances.free(used, places)
    if not places and not isinstance(used.charge.price, Matrix):
        yield (0, 0, 0), _ZERO, ()
    paid = used.quantities
    if free:
        paid = {place: used.quantities[place] - paid_for(free, place) for place in places}
    parts = Parts(used, paid, of_days=of_days)
    if not used.is_cut:
        for place in places:
            steps = used.models[place].steps(paid[place], parts.next_at(place, paid[place]))
            yield place, used.quantities[place], (*free_steps(free, (place,)), *steps) if free else steps
        return
    # The prices of one cell by their dates are reasons of one line.
    for (segment, cell), group in groupby(places, key=lambda place: place[:2]):
        of_line = list(group)
        yield (
            (segment, cell, 0),
            sum((used.quantities[place] for place in of_line), _ZERO),
            (*free_steps(free, of_line), *_dated_steps(used, of_line, paid, parts)),
        )


def _dated_steps(
    used: Metered, places: Sequence[Place], paid: dict[Place, Decimal], parts: Parts
) -> Iterator[Step]:
    """Yield the reasons of a line's parts in time order, with the day from which a dated price is in force."""
    for place in places:
        steps = used.models[place].steps(paid[place], parts.next_at(place, paid[place]))
        since = used.since.get(place, date.min)
        if since == date.min:
            yield from steps
        else:
            yield from (
                Step(step.quantity, step.amount, (*step.facts, ("starts_on", since))) for step in steps
            )
