"""Discounts: each takes its part of what those before it left, and its charges share it to the minor unit."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.core.money import Money, minor_digits, rounded_to_minor_unit
from apps.rating.lines import Line, LineKind
from apps.rating.steps import Step
from apps.rating.terms import Discount

_ONE = Decimal(1)
_ZERO = Decimal(0)
_PERCENT = Decimal("0.01")


def discount_line(discount: Discount, left: dict[str, Decimal], *, currency: str) -> Line | None:
    """Take the discount off what is left of its charges, and return its line; None if it takes nothing.

    A percentage is rounded once, on the sum; an amount takes no more than is left.
    """
    named = frozenset(discount.charges)
    bases = {key: base for key, base in left.items() if not named or key in named}
    exact = _exact(discount, sum(bases.values(), _ZERO))
    amount = rounded_to_minor_unit(exact, currency)
    if not amount:
        return None
    shares = shared(amount, bases, digits=minor_digits(currency))
    for key, share in shares.items():
        left[key] -= share
    return Line(
        charge=None,
        key=discount.key,
        name=discount.name or f"Discount {discount.key}",
        kind=LineKind.DISCOUNT,
        quantity=_ONE,
        amount=Money(-amount, currency),
        exact=-exact,
        steps=tuple(
            Step(_ONE, -share, (("charge", key), ("base", bases[key]))) for key, share in shares.items()
        ),
    )


def shared(amount: Decimal, bases: Mapping[str, Decimal], *, digits: int) -> dict[str, Decimal]:
    """Return the amount in shares proportional to the bases, which come to no less than it.

    Shares are whole minor units of `digits` decimals, rounded down; the units that are left go to the largest remainders,
    of equals to the earlier.
    """
    units, parts = _minor_units(amount, digits), [_minor_units(base, digits) for base in bases.values()]
    whole = sum(parts)
    counts, rests = _divided(units, parts, whole)
    for place in sorted(range(len(parts)), key=lambda place: -rests[place])[: units - sum(counts)]:
        counts[place] += 1
    return {key: Decimal(count).scaleb(-digits) for key, count in zip(bases, counts, strict=True)}


def _divided(units: int, parts: Sequence[int], whole: int) -> tuple[list[int], list[int]]:
    divided = [divmod(units * part, whole) for part in parts]
    return [count for count, _ in divided], [rest for _, rest in divided]


def _minor_units(amount: Decimal, digits: int) -> int:
    return int(amount.scaleb(digits))


def _exact(discount: Discount, base: Decimal) -> Decimal:
    if discount.percent is not None:
        return base * discount.percent * _PERCENT
    assert discount.amount is not None, "a discount has a percentage or an amount"
    return min(discount.amount, base)
