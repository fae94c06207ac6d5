"""A plan version in plain words, for people who sign on it."""

from collections.abc import Sequence
from decimal import Decimal

from apps.core.formats import format_money, format_quantity, format_unit_price
from apps.core.money import Money
from apps.plans.models import Charge, PlanVersion, Price

LOCALE = "en"


def sentences(version: PlanVersion) -> list[str]:
    """Return a sentence for each charge, in their order."""
    charges = version.charges.select_related("meter", "credit_unit").prefetch_related("prices__tiers")
    return [_sentence(charge, version.currency) for charge in charges]


def _sentence(charge: Charge, currency: str) -> str:
    if charge.kind != Charge.Kind.USAGE:
        return _fee(charge, currency)
    assert charge.meter is not None, "usage has a meter"
    unit = charge.meter.unit
    included = f"{format_quantity(charge.included, LOCALE)} {unit} included, then " if charge.included else ""
    prices = [price for price in charge.prices.all() if price.role == Price.Role.USAGE]
    overage = [price for price in charge.prices.all() if price.role == Price.Role.OVERAGE]
    in_unit = charge.credit_unit.name if charge.credit_unit else currency
    text = f"{charge.name}: {included}{_prices(prices, in_unit, unit)}"
    if charge.credit_unit and overage:
        text += f"; beyond the grants {_price(overage[0], currency, charge.credit_unit.name)}"
    return f"{text}."


def _fee(charge: Charge, currency: str) -> str:
    amount = format_money(Money(charge.fee_amount or Decimal(0), currency), LOCALE)
    often = "every period" if charge.kind == Charge.Kind.RECURRING else "once"
    many = (
        ""
        if charge.fee_quantity == 1
        else f" for each of {format_quantity(charge.fee_quantity or Decimal(0), LOCALE)}"
    )
    return f"{charge.name}: {amount}{many} {often}."


def _prices(prices: Sequence[Price], currency: str, unit: str) -> str:
    if len(prices) == 1 and not prices[0].match:
        return _price(prices[0], currency, unit)
    return "; ".join(f"{_match(price)} {_price(price, currency, unit)}" for price in prices)


def _match(price: Price) -> str:
    return " and ".join(str(value) for value in price.match.values()) or "all else"


def _price(price: Price, currency: str, unit: str) -> str:
    if price.model == Price.Model.PER_UNIT:
        return _unit_amount(price.unit_amount, currency, unit)
    if price.model == Price.Model.PACKAGE:
        size = format_quantity(price.package_size or Decimal(0), LOCALE)
        free = f" beyond {format_quantity(price.free_units, LOCALE)}" if price.free_units else ""
        return f"{_plain(price.package_amount, currency)} for each started {size} {unit}{free}"
    return _tiers(price, currency, unit)


def _tiers(price: Price, currency: str, unit: str) -> str:
    parts = []
    for tier in price.tiers.all():
        reach = f"up to {format_quantity(tier.up_to, LOCALE)}" if tier.up_to is not None else "beyond"
        flat = f" plus {_plain(tier.flat_amount, currency)}" if tier.flat_amount else ""
        size = f" for each started {format_quantity(tier.package_size, LOCALE)}" if tier.package_size else ""
        amount = (
            _plain(tier.unit_amount, currency) if size else _unit_amount(tier.unit_amount, currency, unit)
        )
        parts.append(f"{amount}{size}{flat} {reach}")
    whole = " (all units at the tier of the total)" if price.model == Price.Model.VOLUME else ""
    return ", ".join(parts) + whole


def _unit_amount(amount: Decimal | None, currency: str, unit: str) -> str:
    if currency.isupper():
        return f"{format_unit_price(amount or Decimal(0), currency, unit, LOCALE)}"
    return f"{_plain(amount, currency)} for each of the {unit}"


def _plain(amount: Decimal | None, currency: str) -> str:
    return f"{format_quantity(amount or Decimal(0), LOCALE)} {currency}"
