"""Saying in plain words how a line's amount came about, from the steps stored with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from apps.invoices import reasons_of_events
from apps.invoices.figures import Figures
from apps.invoices.reasons_agreed import agreed_reason, summed_discount
from apps.invoices.stored import Step, decimal_in


@dataclass(frozen=True, slots=True)
class Explained:
    """The unit price to print on the line, if there is one for all of it, and the reasons under it."""

    unit_price: str
    reasons: tuple[str, ...]


def explain(steps: Sequence[Step], *, figures: Figures, unit: str, credit_unit: str) -> Explained:
    """Return what is printed about a line's steps; `credit_unit` is empty for a line priced in the currency."""
    reader = _Reader(figures, unit, money=not credit_unit)
    steps = summed_discount(steps, figures)
    priced = [step for step in steps if "credits" not in step and agreed_reason(step, figures, unit) is None]
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
        if "unit_amount" not in step and "rate" not in step:
            return (
                "" if {"given", "by_hand", "credits_bought"} & step.keys() else self.figures.words.see_below
            )
        if {"packages", "events"} & step.keys() or decimal_in(step, "flat_amount"):
            return self.figures.words.see_below
        if "rate" in step:
            return self.figures.rate(decimal_in(step, "rate"))
        return self.figures.unit_price(decimal_in(step, "unit_amount"), money=self.money)

    def reason(self, step: Step, *, alone: bool) -> str:
        words = self.figures.words
        if "by_hand" in step:
            return str(step["by_hand"])
        if step.get("of_pool"):
            whole = {name: value for name, value in step.items() if name not in {"of_pool", "pool_part"}}
            text = self.reason({**whole, "amount": step["pool_part"]}, alone=False)
            return words.of_pool.format(reason=text) if text else ""
        agreed = agreed_reason(step, self.figures, self.unit)
        text = self._priced(step, alone=alone and "starts_on" not in step) if agreed is None else agreed
        if "starts_on" not in step or not text:
            return text
        day = date.fromisoformat(str(step["starts_on"]))
        return words.since.format(day=self.figures.day(day), priced=text)

    def _priced(self, step: Step, *, alone: bool) -> str:
        if "event" in step:
            return reasons_of_events.event_reason(
                step, self.figures, self.unit, money=self.money, alone=alone
            )
        if "days" in step:
            return self._days(step, alone=alone)
        if "of_days" in step:
            return self._seat_days(step)
        if "package_amount" in step:
            return self._packages(step, price="package_amount")
        if "tier" in step:
            return self._tier(step)
        return self._plain(step, alone=alone)

    def _days(self, step: Step, *, alone: bool) -> str:
        if step["days"] == step["of_days"]:
            return self._plain(step, alone=alone)
        price, quantity = decimal_in(step, "unit_amount"), decimal_in(step, "quantity")
        full = self.figures.price(price * quantity, money=self.money)
        if quantity != 1:
            full = f"{self.figures.quantity(quantity)} × {self.figures.price(price, money=self.money)}"  # noqa: RUF001
        return self.figures.words.days.format(
            days=step["days"],
            of_days=step["of_days"],
            full=full,
            amount=self.figures.amount(decimal_in(step, "amount")),
        )

    def _seat_days(self, step: Step) -> str:
        return self.figures.words.seat_days.format(
            quantity=self._counted(step, "quantity"),
            price=self._price(step, "unit_amount"),
            of_days=step["of_days"],
            amount=self.figures.amount(decimal_in(step, "amount")),
        )

    def _packages(self, step: Step, *, price: str) -> str:
        words = self.figures.words
        count = decimal_in(step, "packages")
        text = (words.package if count == 1 else words.packages).format(
            count=self.figures.quantity(count),
            size=self._counted(step, "package_size"),
            price=self._price(step, price),
            amount=self._price(step, "amount"),
        )
        free = decimal_in(step, "free_units")
        return (
            f"{words.free_units.format(quantity=self._counted(step, 'free_units'))}; {text}" if free else text
        )

    def _tier(self, step: Step) -> str:
        words = self.figures.words
        is_last, bounds = step.get("to") is None, {"from_": self._quantity(step, "from")}
        if not is_last:
            bounds["to"] = self._quantity(step, "to")
        if "unit_amount" not in step and "rate" not in step:
            return (words.stair_last if is_last else words.stair).format(
                quantity=self._counted(step, "quantity"), flat=self._price(step, "flat_amount"), **bounds
            )
        text = (words.tier_last if is_last else words.tier).format(priced=self._in_tier(step), **bounds)
        flat = decimal_in(step, "flat_amount")
        return (
            f"{text} ({words.tier_flat.format(flat=self.figures.price(flat, money=self.money))})"
            if flat
            else text
        )

    def _in_tier(self, step: Step) -> str:
        if "packages" in step:
            return self._packages(step, price="unit_amount")
        if "rate" in step:
            return self.figures.words.at_rate.format(
                rate=self.figures.rate(decimal_in(step, "rate")),
                quantity=self._counted(step, "quantity"),
                amount=self._price(step, "amount"),
            )
        return self._product(step)

    def _plain(self, step: Step, *, alone: bool) -> str:
        """Spell the product out, unless the line itself shows it to the last digit."""
        price, quantity = decimal_in(step, "unit_amount"), decimal_in(step, "quantity")
        shown = self.figures.unit_price(price, money=self.money) == self.figures.price(
            price, money=self.money
        )
        exact = self.figures.price(decimal_in(step, "amount"), money=self.money)
        if alone and self.money and shown and exact == self.figures.amount(decimal_in(step, "amount")):
            return ""
        return self._product(step) if quantity else ""

    def _product(self, step: Step) -> str:
        return self.figures.words.at_price.format(
            quantity=self._counted(step, "quantity"),
            price=self._price(step, "unit_amount"),
            amount=self._price(step, "amount"),
        )

    def _quantity(self, step: Step, name: str) -> str:
        return self.figures.quantity(decimal_in(step, name))

    def _counted(self, step: Step, name: str) -> str:
        return f"{self._quantity(step, name)} {self.unit}".strip()

    def _price(self, step: Step, name: str) -> str:
        return self.figures.price(decimal_in(step, name), money=self.money)


def _credits(step: Step, figures: Figures, credit_unit: str) -> str:
    words = figures.words
    text = words.credits_cost.format(unit=credit_unit, credits=figures.quantity(decimal_in(step, "credits")))
    covered = decimal_in(step, "covered")
    drawn = words.credits_covered.format(covered=figures.quantity(covered), unit=credit_unit)
    return f"{text}, {drawn}" if covered else text
