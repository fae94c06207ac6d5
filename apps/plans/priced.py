"""A charge's price as the pricing engine takes it, made from its rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from apps.plans.models import Charge, Price
from apps.rating import terms
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.graduated_percentage import GraduatedPercentage, RateTier
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_seat import PerSeat
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stair, Stairstep
from apps.rating.price_models.volume import Volume

_ZERO = Decimal(0)
Match = tuple[tuple[str, str], ...]


def price_of(row: Charge) -> PriceModel | Dated | Matrix | terms.Fee:
    """Return what a charge costs; raise ValueError, with the remedy, where its prices are not whole."""
    if row.kind != Charge.Kind.USAGE:
        return terms.Fee(row.fee_amount or _ZERO, row.fee_quantity or _ZERO)
    cells = cells_of(row)
    if row.dimensions:
        return Matrix(
            tuple(row.dimensions),
            tuple(Cell(match, _in_force(prices)) for match, prices in cells.items() if match),
            next((_in_force(prices) for match, prices in cells.items() if not match), None),
        )
    if list(cells) != [()]:
        raise ValueError("give it exactly one price, or name the dimensions that its prices differ by.")
    return _in_force(cells[()])


def overage_of(row: Charge) -> PriceModel | None:
    """Return what credits beyond the grants cost."""
    prices = [price for price in row.prices.all() if price.role == Price.Role.OVERAGE]
    return model_of(prices[0]) if prices else None


def cells_of(row: Charge) -> dict[Match, list[Price]]:
    """Return the prices of usage by the cell that they are for, each in the order of their dates."""
    cells: dict[Match, list[Price]] = {}
    for price in row.prices.all():
        if price.role == Price.Role.USAGE:
            cells.setdefault(tuple(price.match.items()), []).append(price)
    return {match: sorted(prices, key=first_day) for match, prices in cells.items()}


def first_day(price: Price) -> date:
    """Return the first day that a price is in force on."""
    return price.starts_on or date.min


def model_of(price: Price) -> PriceModel:
    """Return a price as its model; raise ValueError where its fields or tiers are not whole."""
    return _MODELS[price.model](price)


def _in_force(prices: Sequence[Price]) -> PriceModel | Dated:
    if len(prices) == 1 and prices[0].starts_on is None:
        return model_of(prices[0])
    return Dated(tuple((first_day(price), model_of(price)) for price in prices))


def _per_unit(price: Price) -> PriceModel:
    return PerUnit(price.unit_amount or _ZERO)


def _per_seat(price: Price) -> PriceModel:
    return PerSeat(price.unit_amount or _ZERO)


def _package(price: Price) -> PriceModel:
    return Package(price.package_size or _ZERO, price.package_amount or _ZERO, price.free_units)


def _graduated(price: Price) -> PriceModel:
    return Graduated(_tiers(price))


def _volume(price: Price) -> PriceModel:
    return Volume(_tiers(price))


def _stairstep(price: Price) -> PriceModel:
    return Stairstep(tuple(Stair(tier.up_to, tier.flat_amount) for tier in price.tiers.all()))


def _percentage(price: Price) -> PriceModel:
    return Percentage(
        rate=price.rate or _ZERO,
        fixed_amount=price.fixed_amount,
        free_events=Decimal(price.free_events),
        free_amount=price.free_amount,
        event_minimum=price.event_minimum,
        event_maximum=price.event_maximum,
    )


def _graduated_percentage(price: Price) -> PriceModel:
    tiers = price.tiers.all()
    return GraduatedPercentage(
        tuple(RateTier(tier.up_to, tier.rate or _ZERO, tier.flat_amount) for tier in tiers)
    )


def _dynamic(price: Price) -> PriceModel:
    return Dynamic(price.event_minimum, price.event_maximum)


def _tiers(price: Price) -> tuple[Tier, ...]:
    return tuple(
        Tier(tier.up_to, tier.unit_amount or _ZERO, tier.flat_amount, tier.package_size)
        for tier in price.tiers.all()
    )


_MODELS: Mapping[str, Callable[[Price], PriceModel]] = {
    Price.Model.PER_UNIT: _per_unit,
    Price.Model.GRADUATED: _graduated,
    Price.Model.VOLUME: _volume,
    Price.Model.PACKAGE: _package,
    Price.Model.STAIRSTEP: _stairstep,
    Price.Model.PERCENTAGE: _percentage,
    Price.Model.GRADUATED_PERCENTAGE: _graduated_percentage,
    Price.Model.DYNAMIC: _dynamic,
    Price.Model.PER_SEAT: _per_seat,
}
