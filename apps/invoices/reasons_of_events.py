"""Saying in words what single events cost: a percentage of what they move, or the price sent with them."""

from decimal import Decimal

from apps.invoices.figures import Figures
from apps.invoices.stored import Step, decimal_in


def event_reason(step: Step, figures: Figures, unit: str, *, money: bool, alone: bool) -> str:
    """Return the reason of one event, of a run of events priced alike, or of the sum of all that follow."""
    words = figures.words
    events = int(str(step.get("events", 1)))
    if step.get("is_rest"):
        quantity = "" if "quantity" not in step else figures.quantity(decimal_in(step, "quantity"))
        return words.events_rest.format(
            count=figures.quantity(decimal_in(step, "events")),
            quantity=f"{quantity} {unit}".strip(),
            amount=figures.price(decimal_in(step, "amount"), money=money),
        )
    each = _Event(figures, unit, step, money=money)
    if events == 1:
        return each.told() if alone else words.event.format(number=step["event"], priced=each.told())
    first = int(str(step["event"]))
    return words.events.format(
        first=figures.quantity(decimal_in(step, "event")),
        last=figures.quantity(decimal_in({"last": first + events - 1}, "last")),
        priced=each.told(),
        amount=figures.price(decimal_in(step, "amount"), money=money),
    )


class _Event:
    """What one event moves, and what it costs."""

    def __init__(self, figures: Figures, unit: str, step: Step, *, money: bool) -> None:
        self._figures, self._unit, self._step, self._money = figures, unit, step, money
        self._amount = decimal_in(step, "event_amount" if "event_amount" in step else "amount")
        self._quantity = decimal_in(step, "event_quantity" if "event_quantity" in step else "quantity")

    def told(self) -> str:
        return self._given() if "given" in self._step else self._share()

    def _given(self) -> str:
        given = decimal_in(self._step, "given")
        text = self._figures.words.given if given == self._amount else self._figures.words.given_held
        return text.format(given=self._price(given), amount=self._price(self._amount))

    def _share(self) -> str:
        words, step = self._figures.words, self._step
        rate, fixed, free = (decimal_in(step, name) for name in ("rate", "fixed_amount", "free"))
        if free and free == self._quantity and not self._amount:
            return words.event_free.format(quantity=self._counted(self._quantity))
        text = (words.at_rate_fixed if fixed else words.at_rate).format(
            rate=self._figures.rate(rate),
            quantity=self._counted(self._quantity - free),
            fixed=self._price(fixed),
            amount=self._price(self._amount),
        )
        beside = [words.event_part_free.format(free=self._counted(free))] if free else []
        beside += self._bound((self._quantity - free) * rate + fixed)
        return f"{text} ({', '.join(beside)})" if beside else text

    def _bound(self, full: object) -> list[str]:
        """Name the bound that made the amount another one than the percentage comes to."""
        if full == self._amount:
            return []
        minimum = self._step.get("event_minimum")
        if minimum is not None and self._amount == decimal_in(self._step, "event_minimum"):
            return [self._figures.words.event_minimum.format(bound=self._price(self._amount))]
        return [self._figures.words.event_maximum.format(bound=self._price(self._amount))]

    def _counted(self, quantity: Decimal) -> str:
        return f"{self._figures.quantity(quantity)} {self._unit}".strip()

    def _price(self, price: Decimal) -> str:
        return self._figures.price(price, money=self._money)
