"""Prices in plain words: what one price of any model says, in one currency or credit unit."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.core.formats import format_day, format_quantity, format_short, format_unit_amount
from apps.plans.described import NewPrice, NewTier
from apps.plans.models import Price

LOCALE = "en"
# Smaller prices are told for a million, as people think of tokens.
_TINY = Decimal("0.0005")
_TINY_CREDITS = Decimal("0.01")
_MILLION = Decimal(1_000_000)
_WHOLE = " (all at the price of the tier reached)"
_NO_CENTS = re.compile(r"\.0+(?!\d)")
_EACH = re.compile(r" each (?=up to|beyond)")
_TIERED = {Price.Model.GRADUATED, Price.Model.VOLUME, Price.Model.STAIRSTEP, Price.Model.GRADUATED_PERCENTAGE}


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One row of a charge's prices: for which usage, how far it reaches, what it costs."""

    cell: str
    reach: str
    price: str


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells prices of one charge: in which currency or credit unit, and of what."""

    tender: str
    unit: str
    is_money: bool
    # Tiers are counted from the end of the allowance.
    more: str = ""

    def amount(self, amount: Decimal | None) -> str:
        """Tell an amount, without cents where it has none."""
        if self.is_money:
            return money(amount, self.tender)
        return f"{number(amount)} {self.tender}"

    def each(self, amount: Decimal | None) -> str:
        """Tell the price of one; a tiny one for a million."""
        each = amount or Decimal(0)
        if 0 < each < (_TINY if self.is_money else _TINY_CREDITS):
            return f"{self.amount(each * _MILLION)} per {format_short(_MILLION, LOCALE)} {self.unit}"
        return f"{self.amount(each)} each"

    def price(self, price: NewPrice) -> str:
        """Tell a price in a part of a sentence."""
        if price.model in _TIERED:
            return self._tiers_in_words(price)
        return _TOLD[price.model](self, price)

    def rows(self, price: NewPrice, cell: str) -> list[PriceRow]:
        """Tell a price row by row, one for each of its tiers."""
        since = f", from {format_day(price.starts_on, LOCALE)}" if price.starts_on else ""
        if price.model in _TIERED:
            return [
                PriceRow(cell, f"{self._reach(price, tier)}{since}", self._tier(price, tier))
                for tier in price.tiers
            ]
        return [PriceRow(cell, f"all {self.unit}{since}", self.price(price))]

    def bounds(self, minimum: Decimal | None, maximum: Decimal | None) -> str:
        """Tell what something costs at least and at most."""
        told = [f"at least {self.amount(minimum)}"] if minimum is not None else []
        told += [f"at most {self.amount(maximum)}"] if maximum is not None else []
        return " and ".join(told)

    def per_unit(self, price: NewPrice) -> str:
        return self.each(price.unit_amount)

    def per_seat(self, price: NewPrice) -> str:
        return f"{self.amount(price.unit_amount)} for each, by the days that it is taken"

    def package(self, price: NewPrice) -> str:
        free = f", the first {number(price.free_units)} free" if price.free_units else ""
        return f"{self._packages(price.package_amount, price.package_size)}{free}"

    def percentage(self, price: NewPrice) -> str:
        text = f"{percent(price.rate)} of each amount"
        if price.fixed_amount:
            text += f" plus {self.amount(price.fixed_amount)}"
        if bounds := self.bounds(price.event_minimum, price.event_maximum):
            text += f", {bounds} an event"
        free = [f"{number(Decimal(price.free_events))} events"] if price.free_events else []
        free += [self.amount(price.free_amount)] if price.free_amount else []
        whichever = ", whichever is first" if len(free) > 1 else ""
        return f"{text}, the first {' or '.join(free)} free{whichever}" if free else text

    def dynamic(self, price: NewPrice) -> str:
        bounds = self.bounds(price.event_minimum, price.event_maximum)
        return f"the price sent with each event{f', {bounds}' if bounds else ''}"

    def _packages(self, amount: Decimal | None, size: Decimal | None) -> str:
        return f"{self.amount(amount)} for each started {number(size)} {self.unit}"

    def _tiers_in_words(self, price: NewPrice) -> str:
        told = [f"{self._tier(price, tier)} {self._reach(price, tier)}" for tier in price.tiers]
        # Said once, it is meant for the tiers after it.
        told[1:] = [_EACH.sub(" ", text) for text in told[1:]]
        text = ", ".join(told)
        return f"{text}{_WHOLE}" if price.model == Price.Model.VOLUME else text

    def _tier(self, price: NewPrice, tier: NewTier) -> str:
        if price.model == Price.Model.STAIRSTEP:
            return f"{self.amount(tier.flat_amount)} in all"
        flat = f" plus {self.amount(tier.flat_amount)} once" if tier.flat_amount else ""
        if price.model == Price.Model.GRADUATED_PERCENTAGE:
            return f"{percent(tier.rate)}{flat}"
        if tier.package_size:
            return f"{self._packages(tier.unit_amount, tier.package_size)}{flat}"
        return f"{self.each(tier.unit_amount)}{flat}"

    def _reach(self, price: NewPrice, tier: NewTier) -> str:
        if tier.up_to is None:
            return "beyond" if len(price.tiers) > 1 else "for all"
        is_money = price.model == Price.Model.GRADUATED_PERCENTAGE
        return f"up to {self.amount(tier.up_to) if is_money else number(tier.up_to)}{self.more}"


_TOLD: dict[str, Callable[[Teller, NewPrice], str]] = {
    Price.Model.PER_UNIT: Teller.per_unit,
    Price.Model.PER_SEAT: Teller.per_seat,
    Price.Model.PACKAGE: Teller.package,
    Price.Model.PERCENTAGE: Teller.percentage,
    Price.Model.DYNAMIC: Teller.dynamic,
}


def money(amount: Decimal | None, currency: str) -> str:
    """Tell money, without cents where it has none: $499, $0.80."""
    value = amount or Decimal(0)
    text = format_unit_amount(value, currency, LOCALE)
    return _NO_CENTS.sub("", text) if value == value.to_integral_value() else text


def number(quantity: Decimal | None) -> str:
    """Tell a quantity exactly."""
    return format_quantity(quantity or Decimal(0), LOCALE)


def percent(rate: Decimal | None) -> str:
    """Tell a rate exactly: 0.029 is 2.9%."""
    return f"{number((rate or Decimal(0)) * 100)}%"


def listed(words: Sequence[str]) -> str:
    """Join words as people list them: one, two and three."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
