"""A plan version in plain words and tables, for people who sign on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.core.formats import format_quantity, format_short, format_unit_amount
from apps.plans.models import Charge, PlanVersion, Price

LOCALE = "en"
# Smaller prices are told for a million, as people think of tokens.
_TINY = Decimal("0.0005")
_TINY_CREDITS = Decimal("0.01")
_MILLION = Decimal(1_000_000)
_MOST_IN_A_SENTENCE = 3
_WHOLE = " (all at the price of the tier reached)"


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One row of a charge's prices: for which usage, how far it reaches, what it costs."""

    cell: str
    reach: str
    price: str


@dataclass(frozen=True, slots=True)
class ChargeInWords:
    """A charge as a sentence, and its prices row by row; a fee has no rows."""

    name: str
    product: str
    measure: str
    sentence: str
    rows: tuple[PriceRow, ...]

    @property
    def has_cells(self) -> bool:
        """Tell whether its prices are for different usage."""
        return any(row.cell for row in self.rows)


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan version: what it comes to in one sentence, then charge by charge."""

    headline: str
    charges: tuple[ChargeInWords, ...]


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells prices of one charge: in which currency or credit unit, and of what."""

    tender: str
    unit: str
    is_money: bool
    # Tiers are counted from the end of the allowance.
    more: str = ""

    def amount(self, amount: Decimal | None) -> str:
        if self.is_money:
            return format_unit_amount(amount or Decimal(0), self.tender, LOCALE)
        return f"{_number(amount)} {self.tender}"

    def each(self, amount: Decimal | None) -> str:
        each = amount or Decimal(0)
        if 0 < each < (_TINY if self.is_money else _TINY_CREDITS):
            return f"{self.amount(each * _MILLION)} per {format_short(_MILLION, LOCALE)} {self.unit}"
        return f"{self.amount(each)} each"

    def package(self, amount: Decimal | None, size: Decimal | None) -> str:
        return f"{self.amount(amount)} for each started {_number(size)} {self.unit}"

    def tiers(self, price: Price, cell: str = "") -> list[PriceRow]:
        rows = []
        for tier in price.tiers.all():
            text = (
                self.package(tier.unit_amount, tier.package_size)
                if tier.package_size
                else self.each(tier.unit_amount)
            )
            flat = f" plus {self.amount(tier.flat_amount)} once" if tier.flat_amount else ""
            reach = "beyond that" if tier.up_to is None else f"up to {_number(tier.up_to)}{self.more}"
            rows.append(PriceRow(cell, reach, f"{text}{flat}"))
        return rows

    def price(self, price: Price) -> str:
        if price.model == Price.Model.PER_UNIT:
            return self.each(price.unit_amount)
        if price.model == Price.Model.PACKAGE:
            free = f", the first {_number(price.free_units)} free" if price.free_units else ""
            return f"{self.package(price.package_amount, price.package_size)}{free}"
        told = ", ".join(f"{row.price} {row.reach}" for row in self.tiers(price))
        return f"{told}{_WHOLE}" if price.model == Price.Model.VOLUME else told

    def rows(self, price: Price, cell: str) -> list[PriceRow]:
        if price.model in {Price.Model.GRADUATED, Price.Model.VOLUME}:
            return self.tiers(price, cell)
        return [PriceRow(cell, f"all {self.unit}", self.price(price))]


def offer(version: PlanVersion) -> Offer:
    """Return the version's charges in their order, in words; three queries."""
    found = version.charges.select_related("meter", "credit_unit", "product").prefetch_related(
        "prices__tiers"
    )
    charges = list(found)
    return Offer(
        headline=_headline(charges, version.currency),
        charges=tuple(
            ChargeInWords(
                name=charge.name,
                product=charge.product.name,
                measure=f"{charge.meter.name}, in {charge.meter.unit}" if charge.meter else "",
                sentence=_sentence(charge, version.currency),
                rows=_rows(charge, version.currency),
            )
            for charge in charges
        ),
    )


def sentences(version: PlanVersion) -> list[str]:
    """Return a sentence for each charge, in their order."""
    return [charge.sentence for charge in offer(version).charges]


def _headline(charges: Sequence[Charge], currency: str) -> str:
    if not charges:
        return "Nothing is charged yet."
    fees = [charge for charge in charges if charge.kind == Charge.Kind.RECURRING]
    usage = [charge for charge in charges if charge.kind == Charge.Kind.USAGE]
    included = _listed([_included(charge) for charge in usage if charge.included])
    text = f"{_fees(fees, currency)} every period" if fees else "No recurring fee"
    if included:
        text += f" includes {included}" if fees else f"; {included} are included"
    if len(usage) == 1:
        text += f"; then {_prices(usage[0], currency)}" if included else f"; {_prices(usage[0], currency)}"
    elif usage:
        text += "; usage beyond that is paid as used" if included else "; usage is paid as used"
    once = [charge for charge in charges if charge.kind == Charge.Kind.ONE_TIME]
    return f"{text}; {_fees(once, currency)} once." if once else f"{text}."


def _sentence(charge: Charge, currency: str) -> str:
    if charge.kind != Charge.Kind.USAGE:
        return f"{charge.name}: {_fee(charge, currency)}."
    included = f"{_number(charge.included)} {_unit(charge)} included, then " if charge.included else ""
    text = f"{charge.name}: {included}{_prices(charge, currency)}"
    for overage in _of_role(charge, Price.Role.OVERAGE):
        text += f"; credits beyond the grants {_overage(charge, currency).price(overage)}"
    return f"{text}."


def _fees(fees: Sequence[Charge], currency: str) -> str:
    total = sum(
        ((fee.fee_amount or Decimal(0)) * (fee.fee_quantity or Decimal(0)) for fee in fees), Decimal(0)
    )
    return format_unit_amount(total, currency, LOCALE)


def _fee(charge: Charge, currency: str) -> str:
    often = "every period" if charge.kind == Charge.Kind.RECURRING else "once"
    each = format_unit_amount(charge.fee_amount or Decimal(0), currency, LOCALE)
    if charge.fee_quantity == 1:
        return f"{each} {often}"
    return f"{_fees([charge], currency)} {often}, for {_number(charge.fee_quantity)} at {each}"


def _prices(charge: Charge, currency: str) -> str:
    """Tell a charge's prices; of a large matrix the lowest and the highest."""
    prices, teller = _of_role(charge, Price.Role.USAGE), _teller(charge, currency)
    if not prices:
        return "no price yet"
    if len(prices) == 1 and not prices[0].match:
        return teller.price(prices[0])
    by = f"by {' and '.join(charge.dimensions)}"
    amounts = sorted(price.unit_amount for price in prices if price.unit_amount is not None)
    if len(prices) > _MOST_IN_A_SENTENCE and len(amounts) == len(prices):
        return f"{by}, from {teller.each(amounts[0])} to {teller.each(amounts[-1])} ({len(prices)} prices)"
    return f"{by}: " + "; ".join(f"{_cell(price)} {teller.price(price)}" for price in prices)


def _rows(charge: Charge, currency: str) -> tuple[PriceRow, ...]:
    rows = []
    if charge.included:
        rows.append(PriceRow("", f"first {_number(charge.included)} {_unit(charge)}", "included"))
    prices = _of_role(charge, Price.Role.USAGE)
    for price in prices:
        rows += _teller(charge, currency).rows(price, _cell(price) if len(prices) > 1 else "")
    for price in _of_role(charge, Price.Role.OVERAGE):
        rows += _overage(charge, currency).rows(price, "beyond the grants")
    return tuple(rows)


def _teller(charge: Charge, currency: str) -> _Teller:
    tender = charge.credit_unit.name if charge.credit_unit else currency
    more = " more" if charge.included else ""
    return _Teller(tender, _unit(charge), is_money=charge.credit_unit is None, more=more)


def _overage(charge: Charge, currency: str) -> _Teller:
    return _Teller(currency, charge.credit_unit.name if charge.credit_unit else "credits", is_money=True)


def _included(charge: Charge) -> str:
    """Name an allowance by its meter: several may count the same unit."""
    name = charge.meter.name if charge.meter else ""
    return f"{_number(charge.included)} {name[:1].lower()}{name[1:]}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _number(quantity: Decimal | None) -> str:
    return format_quantity(quantity or Decimal(0), LOCALE)


def _unit(charge: Charge) -> str:
    return charge.meter.unit if charge.meter else ""


def _cell(price: Price) -> str:
    return " and ".join(str(value) for value in price.match.values()) or "all else"


def _of_role(charge: Charge, role: Price.Role) -> list[Price]:
    return [price for price in charge.prices.all() if price.role == role]
