"""Short words for the rating tests."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from apps.core.periods import Period
from apps.rating.engine import rate
from apps.rating.lines import Line, Rated
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.steps import step_as_json
from apps.rating.terms import Allowance, Charge, Commitment, Discount, Grant, Terms
from apps.rating.usage import Event, Usage

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1), "UTC")


def D(text: str | int) -> Decimal:  # noqa: N802 as short as a literal
    return Decimal(text)


def tier(up_to: str | None, unit: str, flat: str = "0", package: str | None = None) -> Tier:
    return Tier(D(up_to) if up_to else None, D(unit), D(flat), D(package) if package else None)


GRADUATED = Graduated((tier("1000", "0.10", "5"), tier(None, "0.08", "2")))
ONE = PerUnit(D(1))


def usage_charge(price: PriceModel | Dated | Matrix, key: str = "use", **fields: Any) -> Charge:
    return Charge(key, key.title(), price, **fields)


def price(
    *charges: Charge,
    usage: Sequence[Usage] = (),
    discounts: tuple[Discount, ...] = (),
    commitments: tuple[Commitment, ...] = (),
    grants: tuple[Grant, ...] = (),
    allowances: tuple[Allowance, ...] = (),
    currency: str = "USD",
    period: Period = OCTOBER,
) -> Rated:
    return rate(Terms(currency, period, charges, discounts, commitments, grants, allowances), usage)


def use(quantity: str | int, charge: str = "use", **dimensions: str) -> Usage:
    return Usage(charge, D(quantity), tuple(dimensions.items()))


def on(day: int, quantity: str | int, charge: str = "use", **dimensions: str) -> Usage:
    """Usage of a day of October."""
    return Usage(charge, D(quantity), tuple(dimensions.items()), day=date(2026, 10, day))


def use_events(*events: Event, charge: str = "use", day: int | None = None) -> Usage:
    quantity = sum((event.quantity for event in events), D(0))
    return Usage(charge, quantity, events=events, day=date(2026, 10, day) if day else None)


def amounts(rated: Rated) -> list[tuple[str, str]]:
    """What each line is, and its amount."""
    return [(line.kind.value, f"{line.amount.amount:f}") for line in rated.lines]


def facts(line: Line) -> list[dict[str, str | int | bool | None]]:
    """The reasons of a line as the public format writes them."""
    return [step_as_json(step) for step in line.steps]
