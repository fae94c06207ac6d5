"""The one function that prices everything."""

from collections.abc import Sequence
from decimal import Decimal, localcontext

from apps.core.money import EXACT, Money
from apps.rating.allowances import Allowances
from apps.rating.bounds import bound_line
from apps.rating.commitments import commitment_uses, true_up_lines
from apps.rating.credits_order import Pool
from apps.rating.discounts import discount_line
from apps.rating.fees import fee_line
from apps.rating.lines import Line, Rated
from apps.rating.metering import metered
from apps.rating.terms import Terms
from apps.rating.usage import Usage
from apps.rating.usage_lines import usage_lines

_ZERO = Decimal(0)


def rate(terms: Terms, usage: Sequence[Usage]) -> Rated:
    """Price the usage of one period: a line for every charge and matrix cell, with the reason of every cent.

    Works in exact decimals and rounds once a line, a half away from zero, to the currency's minor unit. The order of the
    usage does not matter, except that events are priced in theirs. Refuses usage of an unknown charge, of wrong dimensions,
    without a price, and without the day or the events that its price asks for.

    The order of steps: allowances, prices, minimum and maximum, or credits and overage, charge by charge; then discounts,
    commitments, and grants in the currency.
    """
    with localcontext(EXACT):
        pool, allowances = Pool(terms.grants, starts_on=terms.period.starts_on), Allowances(terms)
        lines, left = _charged(terms, usage, allowances, pool)
        for discount in terms.discounts:
            taken = discount_line(discount, left, currency=terms.currency)
            lines += [taken] if taken else []
        commitments = commitment_uses(terms, left)
        true_ups = list(true_up_lines(terms, commitments))
        lines += true_ups
        owed = [*left.items(), *((None, line.amount.amount) for line in true_ups)]
        applied = pool.pay(unit=terms.currency, owed=owed)
        return Rated(
            lines=tuple(lines),
            grants=pool.uses(),
            allowances=allowances.uses(),
            commitments=commitments,
            subtotal=_money(_sum(lines), terms.currency),
            credits_applied=_money(applied, terms.currency),
        )


def _charged(
    terms: Terms, usage: Sequence[Usage], allowances: Allowances, pool: Pool
) -> tuple[list[Line], dict[str, Decimal]]:
    """Return the lines of all charges, and what each charge comes to before discounts."""
    used = metered(terms, usage)
    lines: list[Line] = []
    left: dict[str, Decimal] = {}
    for charge in terms.charges:
        if charge.key in used:
            own = list(usage_lines(used[charge.key], terms, allowances, pool))
        else:
            own = [fee_line(charge, terms)]
        charged = _sum(own)
        bound = bound_line(charge, charged, currency=terms.currency)
        if bound is not None:
            own.append(bound)
            charged += bound.amount.amount
        lines += own
        left[charge.key] = charged
    return lines, left


def _sum(lines: Sequence[Line]) -> Decimal:
    return sum((line.amount.amount for line in lines), _ZERO)


def _money(amount: Decimal, currency: str) -> Money:
    """Return the amount with the currency's decimals, also where nothing was added up."""
    return Money.zero(currency) + Money(amount, currency)
