"""Composed charges as the pricing engine takes them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from apps.plans.described import NewAllowance, NewCharge, NewPrice
from apps.rating import terms
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.graduated_percentage import GraduatedPercentage, RateTier
from apps.rating.price_models.matrix import ANY, Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_seat import PerSeat
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stair, Stairstep
from apps.rating.price_models.volume import Volume

_ZERO = Decimal(0)
Match = tuple[tuple[str, str], ...]


def charge_of(new: NewCharge) -> terms.Charge:
    """Return a charge as the engine takes it; raise ValueError, with the remedy, where it is not whole."""
    return terms.Charge(
        key=new.key,
        name=new.name,
        kind=terms.ChargeKind(new.kind),
        price=price_of(new),
        included=new.included,
        minimum=new.minimum,
        maximum=new.maximum,
        credit_unit=new.credit_unit,
        overage=model_of(new.overage) if new.overage else None,
    )


def allowances_of(
    allowances: Sequence[NewAllowance], charges: Sequence[NewCharge]
) -> tuple[terms.Allowance, ...]:
    """Return those allowances that any charge shares, each with its charges."""
    sharing = {
        allowance.key: tuple(charge.key for charge in charges if charge.allowance == allowance.key)
        for allowance in allowances
    }
    return tuple(
        terms.Allowance(allowance.key, allowance.name, allowance.quantity, sharing[allowance.key])
        for allowance in allowances
        if sharing[allowance.key]
    )


def price_of(new: NewCharge) -> PriceModel | Dated | Matrix | terms.Fee:
    """Return what a charge costs; raise ValueError, with the remedy, where its prices are not whole."""
    if new.kind != terms.ChargeKind.USAGE:
        return terms.Fee(new.fee_amount or _ZERO, new.fee_quantity or _ZERO)
    cells = cells_of(new)
    if new.dimensions:
        return Matrix(
            tuple(new.dimensions),
            tuple(Cell(match, _in_force(prices)) for match, prices in cells.items() if match),
            next((_in_force(prices) for match, prices in cells.items() if not match), None),
        )
    if list(cells) != [()]:
        raise ValueError("give it exactly one price, or name the dimensions that its prices differ by.")
    return _in_force(cells[()])


def cells_of(new: NewCharge) -> dict[Match, list[NewPrice]]:
    """Return the prices of usage by the cell that they are for, each in the order of their dates."""
    cells: dict[Match, list[NewPrice]] = {}
    for price in new.prices:
        match = tuple(sorted((name, value) for name, value in price.match.items() if value != ANY))
        cells.setdefault(match, []).append(price)
    return {match: sorted(prices, key=first_day) for match, prices in cells.items()}


def first_day(price: NewPrice) -> date:
    """Return the first day that a price is in force on."""
    return price.starts_on or date.min


def model_of(price: NewPrice) -> PriceModel:
    """Return a price as its model; raise ValueError where its fields or tiers are not whole."""
    return _MODELS[price.model](price)


def _in_force(prices: Sequence[NewPrice]) -> PriceModel | Dated:
    if len(prices) == 1 and prices[0].starts_on is None:
        return model_of(prices[0])
    return Dated(tuple((first_day(price), model_of(price)) for price in prices))


def _per_unit(price: NewPrice) -> PriceModel:
    return PerUnit(price.unit_amount or _ZERO)


def _per_seat(price: NewPrice) -> PriceModel:
    return PerSeat(price.unit_amount or _ZERO)


def _package(price: NewPrice) -> PriceModel:
    return Package(price.package_size or _ZERO, price.package_amount or _ZERO, price.free_units)


def _graduated(price: NewPrice) -> PriceModel:
    return Graduated(_tiers(price))


def _volume(price: NewPrice) -> PriceModel:
    return Volume(_tiers(price))


def _stairstep(price: NewPrice) -> PriceModel:
    return Stairstep(tuple(Stair(tier.up_to, tier.flat_amount) for tier in price.tiers))


def _percentage(price: NewPrice) -> PriceModel:
    return Percentage(
        rate=price.rate or _ZERO,
        fixed_amount=price.fixed_amount,
        free_events=Decimal(price.free_events),
        free_amount=price.free_amount,
        event_minimum=price.event_minimum,
        event_maximum=price.event_maximum,
    )


def _graduated_percentage(price: NewPrice) -> PriceModel:
    return GraduatedPercentage(
        tuple(RateTier(tier.up_to, tier.rate or _ZERO, tier.flat_amount) for tier in price.tiers)
    )


def _dynamic(price: NewPrice) -> PriceModel:
    return Dynamic(price.event_minimum, price.event_maximum)


def _tiers(price: NewPrice) -> tuple[Tier, ...]:
    return tuple(
        Tier(tier.up_to, tier.unit_amount or _ZERO, tier.flat_amount, tier.package_size)
        for tier in price.tiers
    )


_MODELS: Mapping[str, Callable[[NewPrice], PriceModel]] = {
    "per_unit": _per_unit,
    "graduated": _graduated,
    "volume": _volume,
    "package": _package,
    "stairstep": _stairstep,
    "percentage": _percentage,
    "graduated_percentage": _graduated_percentage,
    "dynamic": _dynamic,
    "per_seat": _per_seat,
}
