"""A plan version in plain words and tables, for people who sign on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from apps.core.formats import format_day
from apps.plans import priced, queries, rows
from apps.plans.described import NewAllowance, NewCharge, NewPrice
from apps.plans.models import Charge, PlanVersion
from apps.plans.told import LOCALE, PriceRow, Teller, listed, money, number

_MOST_IN_A_SENTENCE = 3
_OFTEN = {1: "a month", 3: "a quarter", 6: "every half-year", 12: "a year"}


@dataclass(frozen=True, slots=True)
class ChargeInWords:
    """A charge as a sentence, and its prices row by row; a fee has no rows."""

    key: str
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
class Named:
    """A composed charge with the names that people read, and the allowance that it shares with the charges named."""

    charge: NewCharge
    product: str = ""
    meter: str = ""
    unit: str = ""
    credit_unit: str = ""
    allowance: NewAllowance | None = None
    shares_with: tuple[str, ...] = ()

    @property
    def is_usage(self) -> bool:
        """Tell whether it is for usage, not a fee."""
        return self.charge.kind == Charge.Kind.USAGE


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes sentences in a currency; `often` says how often a fee is due."""

    currency: str
    often: str
    named: Sequence[Named] = field(default=())

    def headline(self) -> str:
        if not self.named:
            return "Nothing is charged yet."
        fees = self._of(Charge.Kind.RECURRING)
        usage = self._of(Charge.Kind.USAGE)
        included = listed([*map(_included, (one for one in usage if one.charge.included)), *_shared(usage)])
        text = f"{self.fees(fees)} {self.often}" if fees else "No recurring fee"
        if included:
            text += f" includes {included}" if fees else f"; {included} are included"
        if len(usage) == 1:
            text += f"; then {self.prices(usage[0])}" if included else f"; {self.prices(usage[0])}"
        elif usage:
            text += "; usage beyond that is paid as used" if included else "; usage is paid as used"
        once = self._of(Charge.Kind.ONE_TIME)
        return f"{text}; {self.fees(once)} once." if once else f"{text}."

    def sentence(self, one: Named) -> str:
        if not one.is_usage:
            return f"{one.charge.name}: {self.fee(one.charge)}."
        text = f"{one.charge.name}: {_free(one)}{self.prices(one)}"
        if one.charge.overage:
            beyond = self.beyond_grants(one).price(one.charge.overage)
            text += f"; credits beyond the grants {beyond}"
        if bounds := self.teller(one).bounds(one.charge.minimum, one.charge.maximum):
            text += f"; {bounds} {self.often}"
        return f"{text}."

    def fees(self, fees: Sequence[Named]) -> str:
        due = Decimal(0)
        for one in fees:
            due += (one.charge.fee_amount or Decimal(0)) * (one.charge.fee_quantity or Decimal(0))
        return money(due, self.currency)

    def fee(self, charge: NewCharge) -> str:
        often = self.often if charge.kind == Charge.Kind.RECURRING else "once"
        text = f"{self.fees([Named(charge)])} {often}"
        if charge.fee_quantity != 1:
            text += f", for {number(charge.fee_quantity)} at {money(charge.fee_amount, self.currency)}"
        return f"{text}, in advance" if charge.in_advance else text

    def prices(self, one: Named) -> str:
        """Tell a charge's prices; of a large matrix the lowest and the highest."""
        prices, teller = one.charge.prices, self.teller(one)
        if not prices:
            return "no price yet"
        cells = priced.cells_of(one.charge)
        if list(cells) == [()]:
            return _by_day(cells[()], teller)
        by = f"by {listed(one.charge.dimensions)}"
        amounts = sorted(price.unit_amount for price in prices if price.unit_amount is not None)
        if len(cells) > _MOST_IN_A_SENTENCE and len(amounts) == len(prices):
            return (
                f"{by}, from {teller.each(amounts[0])} to {teller.each(amounts[-1])} ({len(prices)} prices)"
            )
        return f"{by}: " + "; ".join(
            f"{cell_in_words(found[0], one.charge.dimensions)} {_by_day(found, teller)}"
            for found in cells.values()
        )

    def rows(self, one: Named) -> tuple[PriceRow, ...]:
        if not one.is_usage:
            return ()
        charge, teller = one.charge, self.teller(one)
        found = []
        if charge.included:
            carried = (
                f", up to {number(charge.carry_over_limit)} carried over" if charge.carry_over_limit else ""
            )
            found.append(PriceRow("", f"first {number(charge.included)} {one.unit}", f"included{carried}"))
        if one.allowance:
            found.append(
                PriceRow("", f"{number(one.allowance.quantity)} of {one.allowance.name}", "included")
            )
        for price in charge.prices:
            cell = cell_in_words(price, charge.dimensions) if charge.dimensions else ""
            found += teller.rows(price, cell)
        if charge.overage:
            found += self.beyond_grants(one).rows(charge.overage, "beyond the grants")
        bounds = (("at least", charge.minimum), ("at most", charge.maximum))
        found += [
            PriceRow("", f"{word} {self.often}", teller.amount(bound))
            for word, bound in bounds
            if bound is not None
        ]
        return tuple(found)

    def teller(self, one: Named) -> Teller:
        more = " more" if one.charge.included or one.allowance else ""
        return Teller(
            one.credit_unit or self.currency, one.unit, is_money=not one.charge.credit_unit, more=more
        )

    def beyond_grants(self, one: Named) -> Teller:
        return Teller(self.currency, one.credit_unit or "credits", is_money=True)

    def _of(self, kind: str) -> list[Named]:
        return [one for one in self.named if one.charge.kind == kind]


def offer(version: PlanVersion, *, months: int | None = None) -> Offer:
    """Return the version's charges in their order, in words; three queries.

    `months` is how many months a contract bills at once; without it a fee is told for every period.
    """
    return told(named_of(queries.rows_of(version.pk)), version.currency, months=months)


def told(named: Sequence[Named], currency: str, *, months: int | None = None) -> Offer:
    """Return composed charges in words."""
    often = _OFTEN.get(months, f"every {months} months") if months else "every period"
    writer = _Writer(currency, often, named)
    return Offer(
        headline=writer.headline(),
        charges=tuple(
            ChargeInWords(
                key=one.charge.key,
                name=one.charge.name,
                product=one.product,
                measure=f"{one.meter}, in {one.unit}" if one.meter else "",
                sentence=writer.sentence(one),
                rows=writer.rows(one),
            )
            for one in named
        ),
    )


def sentences(version: PlanVersion) -> list[str]:
    """Return a sentence for each charge, in their order."""
    return [charge.sentence for charge in offer(version).charges]


def named_of(found: Sequence[Charge]) -> list[Named]:
    """Return stored charges with the names that people read."""
    sharing: dict[str, list[str]] = {}
    for row in found:
        if row.allowance:
            sharing.setdefault(row.allowance.key, []).append(row.name)
    return [_named(row, sharing) for row in found]


def cell_in_words(price: NewPrice, dimensions: Sequence[str] = ()) -> str:
    """Name the usage that a price of a matrix is for."""
    order = {name: place for place, name in enumerate(dimensions)}
    named = sorted(price.match.items(), key=lambda pair: order.get(pair[0], len(order)))
    return " and ".join(str(value) for _, value in named) or "all else"


def _named(row: Charge, sharing: Mapping[str, Sequence[str]]) -> Named:
    return Named(
        charge=rows.read_charge(row),
        product=row.product.name,
        meter=row.meter.name if row.meter else "",
        unit=row.meter.unit if row.meter else "",
        credit_unit=row.credit_unit.name if row.credit_unit else "",
        allowance=rows.read_allowance(row.allowance) if row.allowance else None,
        shares_with=tuple(name for name in sharing[row.allowance.key] if name != row.name)
        if row.allowance
        else (),
    )


def _by_day(prices: Sequence[NewPrice], teller: Teller) -> str:
    return ", ".join(
        f"from {format_day(price.starts_on, LOCALE)} {teller.price(price)}"
        if price.starts_on
        else teller.price(price)
        for price in prices
    )


def _free(one: Named) -> str:
    """Tell what costs nothing before the prices begin."""
    charge, free = one.charge, []
    if charge.included:
        carried = (
            f" (up to {number(charge.carry_over_limit)} unused come into the next period)"
            if charge.carry_over_limit
            else ""
        )
        free.append(f"{number(charge.included)} {one.unit} included{carried}")
    if one.allowance:
        shared = f" together with {listed(one.shares_with)}" if one.shares_with else ""
        free.append(f"{number(one.allowance.quantity)} of {one.allowance.name} included{shared}")
    return f"{listed(free)}, then " if free else ""


def _included(one: Named) -> str:
    """Name an allowance by its meter: several may count the same unit."""
    return f"{number(one.charge.included)} {one.meter[:1].lower()}{one.meter[1:]}"


def _shared(usage: Sequence[Named]) -> list[str]:
    allowances = {one.allowance.key: one.allowance for one in usage if one.allowance}
    return [f"{number(each.quantity)} {each.name[:1].lower()}{each.name[1:]}" for each in allowances.values()]
