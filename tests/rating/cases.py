"""Short words for the rating tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from apps.core.periods import Period
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.terms import Charge, Grant, Terms
from apps.rating.usage import Usage

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1), "UTC")


def D(text: str | int) -> Decimal:  # noqa: N802 as short as a literal
    return Decimal(text)


def tier(up_to: str | None, unit: str, flat: str = "0", package: str | None = None) -> Tier:
    return Tier(D(up_to) if up_to else None, D(unit), D(flat), D(package) if package else None)


GRADUATED = Graduated((tier("1000", "0.10", "5"), tier(None, "0.08", "2")))
ONE = PerUnit(D(1))


def usage_charge(price: PriceModel | Matrix, key: str = "use", **fields: Any) -> Charge:
    return Charge(key, key.title(), price, **fields)


def price(
    *charges: Charge,
    usage: Sequence[Usage] = (),
    grants: tuple[Grant, ...] = (),
    currency: str = "USD",
    period: Period = OCTOBER,
) -> Rated:
    return rate(Terms(currency, period, charges, grants=grants), usage)


def use(quantity: str | int, charge: str = "use", **dimensions: str) -> Usage:
    return Usage(charge, D(quantity), tuple(dimensions.items()))


@dataclass(frozen=True, slots=True)
class Month:
    """Charges, usage and grants of one October, in dollars."""

    charges: tuple[Charge, ...]
    usage: tuple[Usage, ...]
    grants: tuple[Grant, ...]

    def priced(self, usage: Sequence[Usage] | None = None) -> Rated:
        """Price the month, or the same month with its usage written otherwise."""
        return price(*self.charges, usage=self.usage if usage is None else usage, grants=self.grants)
