"""By how much prices rise at a renewal, and a plan's charges at the prices that have risen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.contracts import indices
from apps.contracts.models import Contract
from apps.core.digits import AMOUNT
from apps.core.money import rounded_to, rounded_to_minor_unit
from apps.plans.described import NewCharge, NewPrice, NewTier
from apps.plans.models import Charge

_UNIT_DIGITS = AMOUNT["decimal_places"]


@dataclass(frozen=True, slots=True)
class Rise:
    """One amount of a charge, before and after; `of` says which: the fee, a tier, a cell of a matrix."""

    charge: str
    of: str
    before: Decimal
    after: Decimal


def factor(contract: Contract, *, term_began_on: date, renewed_from: date) -> Fraction:
    """Return what prices are multiplied by when the contract renews: exact, and never below 1.

    By the agreed percentage; or by the index, its reading in force on the first day of the new term over that on the first day
    of the term that ends, at most by the percentage where one is agreed too. Refuses an index without a reading for a day.
    """
    agreed = None if contract.uplift_percent is None else 1 + Fraction(contract.uplift_percent) / 100
    if contract.uplift_index is None:
        return agreed or Fraction(1)
    then = indices.reading_on(contract.uplift_index, term_began_on)
    now = indices.reading_on(contract.uplift_index, renewed_from)
    rose = Fraction(now.value) / Fraction(then.value)
    return max(Fraction(1), rose if agreed is None else min(rose, agreed))


def raised(charge: NewCharge, by: Fraction, *, currency: str) -> NewCharge:
    """Return a charge with its amounts of money raised; nothing is rounded but the result, half up.

    Fees, minimums and maximums are rounded to the currency's minor unit, prices of usage to 18 decimals. One-time fees, prices
    in credits and percentages stay: a percentage rises with the amount that it is taken of.
    """
    if charge.kind == Charge.Kind.ONE_TIME:
        return charge
    rise = _Rise(by, currency)
    return replace(
        charge,
        fee_amount=rise.money(charge.fee_amount),
        minimum=rise.money(charge.minimum),
        maximum=rise.money(charge.maximum),
        prices=charge.prices if charge.credit_unit else tuple(map(rise.price, charge.prices)),
        overage=charge.overage and rise.price(charge.overage),
    )


def rises(before: Sequence[NewCharge], after: Sequence[NewCharge]) -> tuple[Rise, ...]:
    """Return every amount of two lists of the same charges, before and after, of those that differ."""
    return tuple(
        Rise(old.name, of, was, becomes)
        for old, new in zip(before, after, strict=True)
        for (of, was), (_, becomes) in zip(_amounts(old), _amounts(new), strict=True)
        if was is not None and becomes is not None and was != becomes
    )


@dataclass(frozen=True, slots=True)
class _Rise:
    by: Fraction
    currency: str

    def money(self, amount: Decimal | None) -> Decimal | None:
        return None if amount is None else rounded_to_minor_unit(Fraction(amount) * self.by, self.currency)

    def unit(self, amount: Decimal | None) -> Decimal | None:
        return None if amount is None else self._unit(amount)

    def price(self, price: NewPrice) -> NewPrice:
        return replace(
            price,
            unit_amount=self.unit(price.unit_amount),
            package_amount=self.unit(price.package_amount),
            fixed_amount=self._unit(price.fixed_amount),
            event_minimum=self.unit(price.event_minimum),
            event_maximum=self.unit(price.event_maximum),
            tiers=tuple(map(self._tier, price.tiers)),
        )

    def _tier(self, tier: NewTier) -> NewTier:
        return replace(
            tier, unit_amount=self.unit(tier.unit_amount), flat_amount=self._unit(tier.flat_amount)
        )

    def _unit(self, amount: Decimal) -> Decimal:
        return rounded_to(Fraction(amount) * self.by, _UNIT_DIGITS)


def _amounts(charge: NewCharge) -> Iterator[tuple[str, Decimal | None]]:
    yield "fee", charge.fee_amount
    yield "at least", charge.minimum
    yield "at most", charge.maximum
    for price in charge.prices:
        yield from _of_price(price, _cell(price))
    if charge.overage:
        yield from _of_price(charge.overage, "beyond the credits")


def _of_price(price: NewPrice, cell: str) -> Iterator[tuple[str, Decimal | None]]:
    def of(what: str) -> str:
        return f"{cell}, {what}" if cell else what

    yield of("each"), price.unit_amount
    yield of("each package"), price.package_amount
    yield of("each event"), price.fixed_amount
    yield of("an event at least"), price.event_minimum
    yield of("an event at most"), price.event_maximum
    for tier in price.tiers:
        reach = "beyond" if tier.up_to is None else f"up to {tier.up_to.normalize():,f}"
        yield of(f"{reach}, each"), tier.unit_amount
        yield of(f"{reach}, flat"), tier.flat_amount


def _cell(price: NewPrice) -> str:
    cell = ", ".join(price.match.values())
    return f"{cell} from {price.starts_on}".strip() if price.starts_on else cell
