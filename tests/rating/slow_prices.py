"""The slow rater's prices: what a quantity, or a list of events, costs and why, in fractions."""

import math
from fractions import Fraction
from typing import Any

Json = dict[str, Any]
NOTHING = Fraction(0)
BY_EVENT = ("percentage", "dynamic")


def number(of: Json, field: str) -> Fraction:
    """Read a number that may be left out, and then is 0."""
    return Fraction(of[field]) if of.get(field) is not None else NOTHING


def steps(price: Json, quantity: Fraction, events: list[Json]) -> list[Json]:
    """Say what a quantity costs, step by step; percentage and dynamic go by their events alone."""
    model = price["model"]
    if model == "percentage":
        return percentage(price, events)
    if model == "dynamic":
        return [dynamic(price, place, event) for place, event in enumerate(events, start=1)]
    return of_quantity(price, quantity) if quantity else []


def of_quantity(price: Json, quantity: Fraction) -> list[Json]:
    """Price a quantity above zero."""
    model = price["model"]
    if model == "per_unit":
        unit_amount = number(price, "unit_amount")
        return [{"quantity": quantity, "unit_amount": unit_amount, "amount": quantity * unit_amount}]
    if model == "package":
        return [package(price, quantity)]
    if model in ("volume", "stairstep"):
        return [whole_tier(price["tiers"], quantity)]
    return graduated(price["tiers"], quantity)


def package(price: Json, quantity: Fraction) -> Json:
    size, each, free = (number(price, field) for field in ("package_size", "package_amount", "free_units"))
    packages = math.ceil(max(quantity - free, NOTHING) / size)
    return {
        "quantity": quantity,
        "package_size": size,
        "package_amount": each,
        "free_units": free,
        "packages": Fraction(packages),
        "amount": packages * each,
    }


def graduated(tiers: list[Json], quantity: Fraction) -> list[Json]:
    """Price each unit at the tier it falls in."""
    entered, above = [], NOTHING
    for place, tier in enumerate(tiers, start=1):
        end = bound(tier, "up_to")
        if quantity > above:
            inside = (quantity if end is None else min(quantity, end)) - above
            entered.append(in_tier(tier, place, above, end, inside))
        above = quantity if end is None else end
    return entered


def whole_tier(tiers: list[Json], quantity: Fraction) -> Json:
    """Price all units at the tier that the total falls in: volume and stairstep."""
    above = NOTHING
    for place, tier in enumerate(tiers, start=1):
        end = bound(tier, "up_to")
        if end is None or quantity <= end:
            return in_tier(tier, place, above, end, quantity)
        above = end
    raise AssertionError("the last tier has no end")


def in_tier(tier: Json, place: int, above: Fraction, end: Fraction | None, quantity: Fraction) -> Json:
    step = {"tier": place, "from": above, "to": end, "quantity": quantity}
    flat = number(tier, "flat_amount")
    sold = quantity
    if tier.get("package_size") is not None:
        size = number(tier, "package_size")
        sold = Fraction(math.ceil(quantity / size))
        step |= {"package_size": size, "packages": sold}
    for each in ("unit_amount", "rate"):
        if each in tier:
            step[each] = number(tier, each)
            return step | {"flat_amount": flat, "amount": sold * number(tier, each) + flat}
    return step | {"flat_amount": flat, "amount": flat}


def percentage(price: Json, events: list[Json]) -> list[Json]:
    """Let the allowance free the first events, then charge each its rate and fixed amount."""
    made, so_far = [], NOTHING
    for place, event in enumerate(events, start=1):
        quantity = number(event, "quantity")
        free, is_free = allowance(price, place, so_far, quantity)
        so_far += quantity
        owed = number(price, "rate") * (quantity - free) + number(price, "fixed_amount")
        made.append(
            {
                "event": place,
                "quantity": quantity,
                "free": free,
                **{
                    name: number(price, name)
                    for name in ("rate", "fixed_amount", "free_events", "free_amount")
                },
                **{name: bound(price, name) for name in ("event_minimum", "event_maximum")},
                "amount": NOTHING if is_free else held(owed, price, "event_minimum", "event_maximum"),
            }
        )
    return made


def allowance(price: Json, place: int, before: Fraction, quantity: Fraction) -> tuple[Fraction, bool]:
    """Say how much of an event is free of the rate, and whether the event is free altogether.

    `place` counts from 1; `before` is what the events before it sum to.
    """
    free_events, free_amount = number(price, "free_events"), number(price, "free_amount")
    if (not free_events and not free_amount) or (free_events and place > free_events):
        return NOTHING, False
    if not free_amount or before + quantity <= free_amount:
        return quantity, True
    return max(free_amount - before, NOTHING), False


def dynamic(price: Json, place: int, event: Json) -> Json:
    given = number(event, "amount")
    return {
        "event": place,
        "quantity": events_quantity("dynamic", [event]),
        "given": given,
        **{name: bound(price, name) for name in ("minimum_amount", "maximum_amount")},
        "amount": held(given, price, "minimum_amount", "maximum_amount"),
    }


def events_quantity(model: str, events: list[Json]) -> Fraction:
    """Sum the quantities of events; a dynamic event that names none is one."""
    if_absent = "1" if model == "dynamic" else "0"
    of_each = [event["quantity"] if event.get("quantity") is not None else if_absent for event in events]
    return sum(map(Fraction, of_each), NOTHING)


def held(amount: Fraction, price: Json, least: str, most: str) -> Fraction:
    amount = max(amount, number(price, least))
    end = bound(price, most)
    return amount if end is None else min(amount, end)


def bound(of: Json, field: str) -> Fraction | None:
    return None if of.get(field) is None else Fraction(of[field])
