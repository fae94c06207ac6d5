"""The reasons of a priced line in plain words, for staff who try a plan."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from apps.core.formats import format_day
from apps.core.money import Money
from apps.plans.told import LOCALE, Teller, money, number, percent
from apps.rating.lines import Line, LineKind
from apps.rating.steps import Step, written

# More events than these are told as a sum.
_MOST_EVENTS = 6
_BOUNDS = {LineKind.MINIMUM: "minimum", LineKind.MAXIMUM: "maximum"}


def reasons(line: Line, teller: Teller, allowances: Mapping[str, str]) -> tuple[str, ...]:
    """Return how the amount of a line came about; `allowances` are the names of shared ones by their keys."""
    if line.kind in _BOUNDS:
        facts = dict(line.steps[0].facts)
        bound, charged = facts[_BOUNDS[line.kind]], facts["charged"]
        return (
            f"{_BOUNDS[line.kind]} of {teller.amount(_of(bound))}, and it came to {teller.amount(_of(charged))}",
        )
    told = [_told(step, teller, allowances) for step in line.steps]
    events = [text for text, step in zip(told, line.steps, strict=True) if "event" in dict(step.facts)]
    if len(events) > _MOST_EVENTS:
        told = [text for text in told if text not in events[_MOST_EVENTS:]]
        told.append(f"and {number(Decimal(len(events) - _MOST_EVENTS))} more events")
    return tuple(told)


def _told(step: Step, teller: Teller, allowances: Mapping[str, str]) -> str:
    facts = dict(step.facts)
    since = facts.pop("starts_on", None)
    text = _what(step, facts, teller, allowances)
    return f"from {format_day(since, LOCALE)}: {text}" if isinstance(since, date) else text


def _what(step: Step, facts: dict[str, Any], teller: Teller, allowances: Mapping[str, str]) -> str:
    if "included" in facts:
        name = allowances.get(str(facts.get("allowance", "")), "")
        return f"{_counted(step, teller)} included{f' in {name}' if name else ''}"
    told = next((tell for fact, tell in _BY_FACT.items() if fact in facts), _product)
    return told(step, facts, teller)


def _event(step: Step, facts: dict[str, Any], teller: Teller) -> str:
    if "given" in facts:
        given = teller.amount(facts["given"])
        held = "" if facts["given"] == step.amount else f", held at {_result(step, teller)}"
        return f"event {facts['event']}: {given}{held}"
    if facts["free"] == step.quantity and not step.amount:
        return f"event {facts['event']}: {number(step.quantity)} free"
    paid = step.quantity - facts["free"]
    text = f"event {facts['event']}: {percent(facts['rate'])} of {number(paid)}"
    if facts["fixed_amount"]:
        text += f" + {teller.amount(facts['fixed_amount'])}"
    full = paid * facts["rate"] + facts["fixed_amount"]
    held = "" if full == step.amount else ", held within its bounds"
    return f"{text}{held} = {_result(step, teller)}"


def _days(step: Step, facts: dict[str, Any], teller: Teller) -> str:
    full = f"{number(step.quantity)} x {teller.amount(facts['unit_amount'])}"
    if facts["days"] == facts["of_days"]:
        return full if step.quantity != 1 else ""
    return f"{full} x {facts['days']} of {facts['of_days']} days"


def _seats(step: Step, facts: dict[str, Any], teller: Teller) -> str:
    days = f"{number(step.quantity)} days of a seat / {facts['of_days']} days"
    return f"{days} x {teller.amount(facts['unit_amount'])} = {_result(step, teller)}"


def _tier(step: Step, facts: dict[str, Any], teller: Teller) -> str:
    start, to = number(facts["from"]), facts["to"]
    reach = f"above {start}" if to is None else f"{start} to {number(to)}"
    flat = facts.get("flat_amount") or Decimal(0)
    if "rate" in facts:
        text = f"{percent(facts['rate'])} of {number(step.quantity)}"
    elif "packages" in facts:
        text = _packages(facts, teller, facts["unit_amount"])
    elif "unit_amount" in facts:
        text = _product(step, facts, teller, less=flat)
    else:
        return f"{reach}: {teller.amount(flat)} in all"
    return f"{reach}: {text}{f', plus {teller.amount(flat)} once' if flat else ''}"


def _package(_step: Step, facts: dict[str, Any], teller: Teller) -> str:
    free = facts["free_units"]
    text = _packages(facts, teller, facts["package_amount"])
    return f"the first {number(free)} free; {text}" if free else text


def _packages(facts: dict[str, Any], teller: Teller, price: Decimal) -> str:
    return f"{number(facts['packages'])} started of {number(facts['package_size'])} x {teller.amount(price)}"


def _product(step: Step, facts: dict[str, Any], teller: Teller, *, less: Decimal = Decimal(0)) -> str:
    amount = _of(step.amount) - less
    return f"{_counted(step, teller)} x {teller.amount(facts['unit_amount'])} = {teller.amount(amount)}"


# What a step is about, by the first of these facts that it has.
_BY_FACT: Mapping[str, Callable[[Step, dict[str, Any], Teller], str]] = {
    "event": _event,
    "days": _days,
    "of_days": _seats,
    "tier": _tier,
    "packages": _package,
}


def _counted(step: Step, teller: Teller) -> str:
    return f"{number(step.quantity)} {teller.unit}".strip()


def _result(step: Step, teller: Teller) -> str:
    if isinstance(step.amount, Fraction) and teller.is_money:
        # It has no end in decimals; the line rounds it.
        return money(Money(_of(step.amount), teller.tender).rounded().amount, teller.tender)
    return teller.amount(_of(step.amount))


def _of(amount: Any) -> Decimal:
    return amount if isinstance(amount, Decimal) else Decimal(written(amount))


def beyond_the_grants(teller: Teller, *, currency: str) -> Teller:
    """Return who tells what credits beyond the grants cost: of credits, in the currency."""
    return replace(teller, tender=currency, unit=teller.tender, is_money=True)
