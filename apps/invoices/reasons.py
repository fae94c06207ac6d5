"""Saying in plain words how a line's amount came about, from the steps stored with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.invoices.figures import Figures

Step = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Explained:
    """The unit price to print on the line, if there is one for all of it, and the reasons under it."""

    unit_price: str
    reasons: tuple[str, ...]


def explain(steps: Sequence[Step], *, figures: Figures, unit: str, credit_unit: str) -> Explained:
    """Return what is printed about a line's steps; `credit_unit` is empty for a line priced in the currency."""
    if steps and "adjusts" in steps[0]:
        return Explained("", (_adjusted(steps[0], figures),))
    reader = _Reader(figures, unit, money=not credit_unit)
    priced = [step for step in steps if "included" not in step and "credits" not in step]
    reasons = [reader.reason(step, alone=len(steps) == 1) for step in steps if "credits" not in step]
    drawn = [_credits(step, figures, credit_unit) for step in steps if "credits" in step]
    return Explained(reader.unit_price(priced), tuple(text for text in (*reasons, *drawn) if text))


@dataclass(frozen=True, slots=True)
class _Reader:
    figures: Figures
    unit: str
    money: bool

    def unit_price(self, priced: Sequence[Step]) -> str:
        if len(priced) != 1:
            return self.figures.words.see_below if priced else ""
        step = priced[0]
        if "package_amount" in step:
            size = self._quantity(step, "package_size")
            return self.figures.words.package_price.format(
                price=self._price(step, "package_amount"), size=size
            )
        if "packages" in step or _decimal(step, "flat_amount"):
            return self.figures.words.see_below
        return self.figures.unit_price(_decimal(step, "unit_amount"), money=self.money)

    def reason(self, step: Step, *, alone: bool) -> str:
        if "included" in step:
            return self.figures.words.included.format(quantity=self._counted(step, "quantity"))
        if "days" in step:
            return self._days(step)
        if "package_amount" in step:
            return self._packages(step, price="package_amount")
        if "tier" in step:
            return self._tier(step)
        return self._plain(step, alone=alone)

    def _days(self, step: Step) -> str:
        if step["days"] == step["of_days"]:
            return self._plain(step, alone=True)
        return self.figures.words.days.format(
            days=step["days"],
            of_days=step["of_days"],
            full=self.figures.price(
                _decimal(step, "unit_amount") * _decimal(step, "quantity"), money=self.money
            ),
            amount=self.figures.amount(_decimal(step, "amount")),
        )

    def _packages(self, step: Step, *, price: str) -> str:
        words = self.figures.words
        count = _decimal(step, "packages")
        text = (words.package if count == 1 else words.packages).format(
            count=self.figures.quantity(count),
            size=self._counted(step, "package_size"),
            price=self._price(step, price),
            amount=self._price(step, "amount"),
        )
        free = _decimal(step, "free_units")
        return (
            f"{words.free_units.format(quantity=self._counted(step, 'free_units'))}; {text}" if free else text
        )

    def _tier(self, step: Step) -> str:
        words = self.figures.words
        text = (words.tier if step.get("to") is not None else words.tier_last).format(
            from_=self._quantity(step, "from"),
            to=self._quantity(step, "to") if step.get("to") is not None else "",
            priced=self._packages(step, price="unit_amount") if "packages" in step else self._product(step),
        )
        flat = _decimal(step, "flat_amount")
        return (
            f"{text} ({words.tier_flat.format(flat=self.figures.price(flat, money=self.money))})"
            if flat
            else text
        )

    def _plain(self, step: Step, *, alone: bool) -> str:
        """Spell the product out, unless the line itself shows it to the last digit."""
        price, quantity = _decimal(step, "unit_amount"), _decimal(step, "quantity")
        shown = self.figures.unit_price(price, money=self.money) == self.figures.price(
            price, money=self.money
        )
        exact = self.figures.price(_decimal(step, "amount"), money=self.money)
        if alone and self.money and shown and exact == self.figures.amount(_decimal(step, "amount")):
            return ""
        return self._product(step) if quantity else ""

    def _product(self, step: Step) -> str:
        return self.figures.words.at_price.format(
            quantity=self._counted(step, "quantity"),
            price=self._price(step, "unit_amount"),
            amount=self._price(step, "amount"),
        )

    def _quantity(self, step: Step, name: str) -> str:
        return self.figures.quantity(_decimal(step, name))

    def _counted(self, step: Step, name: str) -> str:
        return f"{self._quantity(step, name)} {self.unit}".strip()

    def _price(self, step: Step, name: str) -> str:
        return self.figures.price(_decimal(step, name), money=self.money)


def _adjusted(step: Step, figures: Figures) -> str:
    start, end = (date.fromisoformat(str(step[name])) for name in ("period_from", "period_to"))
    period = figures.period(start, end)
    if "rated" not in step:
        return figures.words.adjusted_in_credits.format(period=period, number=step["adjusts"])
    return figures.words.adjusted.format(
        period=period,
        number=step["adjusts"],
        rated=figures.total(_decimal(step, "rated")),
        billed=figures.total(_decimal(step, "billed")),
    )


def _credits(step: Step, figures: Figures, credit_unit: str) -> str:
    words = figures.words
    text = words.credits_cost.format(unit=credit_unit, credits=figures.quantity(_decimal(step, "credits")))
    covered = _decimal(step, "covered")
    drawn = words.credits_covered.format(covered=figures.quantity(covered), unit=credit_unit)
    return f"{text}, {drawn}" if covered else text


def _decimal(step: Step, name: str) -> Decimal:
    return Decimal(str(step.get(name) or 0))
