"""A charge's minimum and maximum: bounds on the sum of its rounded lines, before discounts."""

from decimal import Decimal

from apps.rating.lines import Line, LineKind, money_line
from apps.rating.steps import Step
from apps.rating.terms import Charge

_ONE = Decimal(1)


def bound_line(charge: Charge, charged: Decimal, *, currency: str) -> Line | None:
    """Return the line with the difference to the bound that bites, for a maximum negative; None if none does."""
    if charge.minimum is not None and charged < charge.minimum:
        return _line(charge, LineKind.MINIMUM, charge.minimum, charged, currency)
    if charge.maximum is not None and charged > charge.maximum:
        return _line(charge, LineKind.MAXIMUM, charge.maximum, charged, currency)
    return None


def _line(charge: Charge, kind: LineKind, bound: Decimal, charged: Decimal, currency: str) -> Line:
    step = Step(_ONE, bound - charged, ((kind.value, bound), ("charged", charged)))
    return money_line(
        charge=charge.key,
        name=f"{kind.value.title()} of {charge.name}",
        kind=kind,
        quantity=_ONE,
        steps=(step,),
        currency=currency,
    )
