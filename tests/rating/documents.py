"""Random documents of the pricing format, all valid: `document(random.Random(seed))`.

Small pools of round figures make edges, halves and ties common, rather than once in a million.
"""

import random
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any

Json = dict[str, Any]

CURRENCIES = {"USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "TND": 3, "CLF": 4, "UYW": 4}
ZONES = [None, "UTC", "America/New_York", "Australia/Lord_Howe"]
CREDIT_UNITS = ["credits", "gpu hours"]
CHARGES = ["a", "b", "c", "d"]
# Before the point, and after it.
MOST_DIGITS = 18
EXACT = 100
LARGEST = 10 ** (2 * MOST_DIGITS) - 1
TOO_WIDE = Decimal(10**MOST_DIGITS)
VALUES = {"model": ["large", "small", "tiny"], "kind": ["input", "output"], "region": ["eu", "us"]}
PRICES = "0 0.005 0.01 0.015 0.025 0.05 0.1 0.125 0.5 1 1.5 2 2.50 3.335 10 0.000000075 0.333333333333333333"
RATES = "0 0.005 0.01 0.029 0.05 0.1 0.5 1 1.25 0.000000000000000001"
SIZES = "0.5 1 1.5 2 3 7 10 100"
ENDS = "0.5 1 2 5 10 15 100 1000"
QUANTITIES = "0 0 1 1 2 3 5 7 10 15 50 100 101 999 1500 0.5 0.1 2.5 33.3 0.000000000000000001"
MONEY = "0 1 2 5 10 10 10 25 99 100 1000"
PERCENTS = "0 0.1 5 10 12.5 25 33.333333333333333333 50 50 99.99 100"
SIMPLE = ["per_unit", "graduated", "volume", "stairstep", "package"]
BY_EVENT = ["percentage", "dynamic"]
MODELS = [*SIMPLE, *BY_EVENT, "graduated_percentage"]


def document(dice: random.Random) -> Json:
    """Make one document, valid by the format."""
    with localcontext(prec=EXACT):
        return Maker(dice).document()


class Maker:
    """One document in the making."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.currency = dice.choice(["USD", *CURRENCIES])
        self.start = date(2026, 1, 1) + timedelta(dice.randrange(400))
        self.wideness = dice.choice([0.0] * 30 + [0.05, 0.5, 0.9])
        self.length = dice.choice([1, 7, 28, 30, 30, 31, 31, 32, 90, 365])

    def document(self) -> Json:
        dice = self.dice
        charges = [self.charge(key) for key in CHARGES[: dice.choice([1, 1, 2, 2, 3, 3, 4])]]
        self.keys = [charge["key"] for charge in charges]
        usage = [entry for charge in charges for entry in self.usage(charge)]
        dice.shuffle(usage)
        start, end = self.day(0), self.day(self.length)
        made = {
            "currency": self.currency,
            "period": self.optional({"start": start, "end": end}, timezone=dice.choice(ZONES)),
            "charges": charges,
        }
        return self.optional(
            made,
            discounts=[self.discount(f"discount {place}") for place in self.few(0, 0, 1, 1, 2, 3)],
            commitments=[self.commitment(f"commitment {place}") for place in self.few(0, 0, 1, 2)],
            credits=[self.grant(f"grant {place}") for place in self.few(0, 1, 2, 3, 5)],
            usage=usage,
        )

    # Words and numbers

    def optional(self, made: Json, **fields: Any) -> Json:
        """Add fields; one that is absent is left out, or written as null."""
        for name, value in fields.items():
            if value not in (None, []):
                made[name] = value
            elif self.dice.random() < 0.1:
                made[name] = None
        return made

    def maybe(self, value: Any, chance: float = 0.5) -> Any:
        return value if self.dice.random() < chance else None

    def few(self, *counts: int) -> range:
        return range(self.dice.choice(counts))

    def shuffled(self, named: Json) -> Json:
        return dict(self.dice.sample(list(named.items()), len(named)))

    def one_of(self, pool: str) -> Decimal:
        return Decimal(self.dice.choice(pool.split()))

    def said(self, value: Decimal) -> str | int:
        """Write a number as a document may."""
        plain, way = f"{value:f}", self.dice.random()
        if way < 0.2 and value == int(value):
            return int(value)
        if way < 0.25 and len(plain) < MOST_DIGITS:
            return f"0{plain}"
        if way < 0.3 and "." not in plain:
            return f"{plain}.00"
        return plain

    def number(self, pool: str) -> str | int:
        return self.said(self.wide(self.one_of(pool)))

    def wide(self, narrow: Decimal) -> Decimal:
        """Choose a number with all the digits that there may be, in a document of such numbers."""
        if self.dice.random() < self.wideness:
            return Decimal(self.dice.randint(1, self.dice.choice([LARGEST, LARGEST, 10**24, 9]))).scaleb(
                -MOST_DIGITS
            )
        return narrow

    def price_number(self) -> str | int:
        return self.number(PRICES)

    def money(self) -> str | int:
        """Choose a sum of money without more decimals than the currency has."""
        amount, decimals = self.one_of(MONEY), CURRENCIES[self.currency]
        if self.dice.random() < self.wideness:
            return self.said(Decimal(self.dice.randrange(10 ** (MOST_DIGITS + decimals))).scaleb(-decimals))
        if self.dice.random() < 0.5:
            amount += Decimal(self.dice.choice([1, 5, 33, 50, 99])).scaleb(-decimals)
        return self.said(amount)

    def day(self, offset: int) -> str:
        return str(self.start + timedelta(offset))

    def charges_named(self, chance: float) -> list[str] | None:
        chosen = self.dice.sample(self.keys, self.dice.randint(1, len(self.keys)))
        return chosen if self.dice.random() < chance else None

    # Charges

    def charge(self, key: str) -> Json:
        made = self.optional({"key": key}, name=self.maybe(f"Charge {key}"))
        kind = self.dice.choice(["usage"] * 5 + ["recurring", "one_time"])
        if kind != "usage":
            return self.fee(made, kind)
        made = self.optional(made, kind=self.maybe("usage"))
        made["price"] = self.matrix() if self.dice.random() < 0.25 else self.price(self.dice.choice(MODELS))
        if not goes_by_events(made["price"]):
            made = self.optional(made, included=self.maybe(self.number(QUANTITIES), 0.3))
        if self.dice.random() < 0.3:
            overage = self.price(self.dice.choice(SIMPLE))
            made["unit"] = self.dice.choice(CREDIT_UNITS)
            return self.optional(made, overage=self.maybe(overage, 0.7))
        least, most = sorted([self.money(), self.money()], key=Decimal)
        return self.optional(
            made,
            unit=self.maybe(self.currency, 0.1),
            minimum=self.maybe(least, 0.3),
            maximum=self.maybe(most, 0.3),
        )

    def fee(self, made: Json, kind: str) -> Json:
        made["kind"] = kind
        amount = self.money() if self.dice.random() < 0.6 else self.price_number()
        made["price"] = self.optional({"amount": amount}, quantity=self.maybe(self.number(QUANTITIES)))
        if kind == "one_time":
            return made
        made["price"] = self.optional(made["price"], in_advance=self.dice.choice([None, True, False]))
        first, last = sorted(self.dice.sample(range(-5, self.length + 6), 2))
        return self.optional(made, active=self.maybe({"start": self.day(first), "end": self.day(last)}, 0.6))

    def price(self, model: str) -> Json:
        made: Json = {"model": model}
        if model == "per_unit":
            return made | {"unit_amount": self.price_number()}
        if model == "package":
            made |= {"package_size": self.number(SIZES), "package_amount": self.price_number()}
            return self.optional(made, free_units=self.maybe(self.number(QUANTITIES)))
        if model == "percentage":
            return self.percentage(made)
        if model == "dynamic":
            least, most = sorted([self.price_number(), self.price_number()], key=Decimal)
            return self.optional(made, minimum_amount=self.maybe(least), maximum_amount=self.maybe(most))
        ends = sorted(self.dice.sample([Decimal(end) for end in ENDS.split()], 3))
        tiers = [self.tier(model) | {"up_to": self.said(end)} for end in ends[: self.dice.randrange(4)]]
        return made | {"tiers": [*tiers, self.tier(model) | {"up_to": None}]}

    def tier(self, model: str) -> Json:
        if model == "stairstep":
            return {"flat_amount": self.price_number()}
        flat = self.maybe(self.price_number(), 0.3)
        if model == "graduated_percentage":
            return self.optional({"rate": self.number(RATES)}, flat_amount=flat)
        made = {"unit_amount": self.price_number()}
        return self.optional(made, flat_amount=flat, package_size=self.maybe(self.number(SIZES), 0.3))

    def percentage(self, made: Json) -> Json:
        made["rate"] = self.number(RATES)
        least, most = sorted([self.price_number(), self.price_number()], key=Decimal)
        return self.optional(
            made,
            fixed_amount=self.maybe(self.price_number()),
            free_events=self.maybe(self.said(self.one_of("0 1 2 3"))),
            free_amount=self.maybe(self.number("0 0.5 1 10 15 50 100 150")),
            event_minimum=self.maybe(least, 0.3),
            event_maximum=self.maybe(most, 0.3),
        )

    def matrix(self) -> Json:
        dice = self.dice
        dimensions = dice.sample(list(VALUES), dice.randint(1, 3))
        # Half of them hold no price by events, so that there may be an allowance.
        models = dice.choice([MODELS, [*SIMPLE, "graduated_percentage"]])
        cells: dict[tuple[str, ...], Json] = {}
        for _ in range(dice.randint(1, 5)):
            match = tuple(dice.choice(["*", *VALUES[name]]) for name in dimensions)
            named = {
                name: value
                for name, value in zip(dimensions, match, strict=True)
                if value != "*" or dice.random() < 0.5
            }
            cells[match] = {"match": self.shuffled(named), "price": self.price(dice.choice(models))}
        made = {"model": "matrix", "dimensions": dimensions, "cells": list(cells.values())}
        return self.optional(made, default=self.maybe(self.price(dice.choice(models))))

    # Usage

    def usage(self, charge: Json) -> list[Json]:
        price = charge["price"]
        if (charge.get("kind") or "usage") != "usage":
            return []
        if price["model"] != "matrix":
            return [{"charge": charge["key"], **used} for used in self.used(charge, price)]
        entries = []
        for _ in self.few(0, 1, 2, 4):
            cell = self.dice.choice(price["cells"])
            values = {name: self.dice.choice(VALUES[name]) for name in price["dimensions"]}
            if price.get("default") is None or self.dice.random() < 0.5:
                values |= {name: value for name, value in cell["match"].items() if value != "*"}
            priced_by = price_for(price, values)
            entries += [
                {"charge": charge["key"], "dimensions": self.shuffled(values), **used}
                for used in self.used(charge, priced_by)
            ]
        return entries

    def used(self, charge: Json, price: Json) -> list[Json]:
        """Use some quantity of a price, in pieces."""
        if price["model"] in BY_EVENT:
            return [self.events(price) for _ in self.few(0, 1, 1, 2, 3)]
        pieces = self.pieces(self.quantity(charge, price)) if self.dice.random() < 0.9 else []
        return [{"quantity": self.said(piece)} for piece in pieces]

    def quantity(self, charge: Json, price: Json) -> Decimal:
        """Choose a quantity, often one at the edge of a tier or of what is free."""
        chance = self.dice.random()
        if chance < 0.5:
            return self.wide(self.one_of(QUANTITIES))
        ends = [Decimal(tier["up_to"]) for tier in price.get("tiers", []) if tier["up_to"] is not None]
        free = Decimal(charge.get("included") or 0) + Decimal(price.get("free_units") or 0)
        edge = self.dice.choice([*ends, Decimal(0), Decimal(price.get("package_size") or 0)]) + free
        return min(max(edge + self.one_of("0 0 1 -1 0.5"), Decimal(0)), TOO_WIDE - 1)

    def pieces(self, quantity: Decimal) -> list[Decimal]:
        if self.dice.random() < 0.6:
            return [quantity]
        part = (quantity / self.dice.choice([1, 2, 4])).quantize(Decimal("0.001"), "ROUND_DOWN")
        return self.dice.sample([part, quantity - part, Decimal(0)], 3)

    def events(self, price: Json) -> Json:
        """Make one entry's events, often ones that end exactly at what is free."""
        events: list[Json] = []
        by_amount, free = price["model"] == "dynamic", Decimal(price.get("free_amount") or 0)
        for _ in self.few(0, 1, 1, 2, 3, 5):
            if by_amount:
                events.append(self.event_with_amount())
            else:
                quantity = self.wide(self.one_of(QUANTITIES))
                edge = round(free / self.dice.choice([1, 1, 2]), MOST_DIGITS)
                events.append({"quantity": self.said(self.dice.choice([quantity, quantity, edge]))})
        quantity = Decimal(0)
        for event in events:
            quantity += Decimal(1 if event.get("quantity") is None else event["quantity"])
        chance = 0.4 if quantity < TOO_WIDE else 0
        return self.optional({}, events=events, quantity=self.maybe(self.said(quantity), chance))

    def event_with_amount(self) -> Json:
        quantity = self.one_of("0 1 1 1 2 2.5")
        left_out = quantity == 1 and self.dice.random() < 0.7
        return self.optional(
            {"amount": self.price_number()}, quantity=None if left_out else self.said(quantity)
        )

    # Discounts, commitments, grants

    def discount(self, key: str) -> Json:
        way: Json = {"amount": self.money()}
        if self.dice.random() < 0.5:
            way = {"percent": self.said(self.one_of(PERCENTS))}
        made = self.optional({"key": key, **way}, name=self.maybe(f"Deal {key}"))
        return self.optional(made, charges=self.charges_named(0.5))

    def commitment(self, key: str) -> Json:
        made = self.optional({"key": key, "minimum": self.money()}, name=self.maybe("Promised"))
        return self.optional(made, counts=self.charges_named(0.4))

    def grant(self, key: str) -> Json:
        unit = self.dice.choice([self.currency, *CREDIT_UNITS])
        balance = self.money() if unit == self.currency else self.number(f"{QUANTITIES} {MONEY}")
        expires = self.dice.choice([None, None, None, None, -3, 0, 1, 1, self.length, 900])
        priority = self.dice.choice([None, None, None, 0, 1, 1, 1, 2, "2", 10])
        return self.optional(
            {"key": key, "unit": unit, "balance": balance},
            priority=priority,
            expires=None if expires is None else self.day(expires),
            cost=self.dice.choice([None, None, "0", 0, "0.00", self.price_number()]),
            charges=self.charges_named(0.4),
        )


def goes_by_events(price: Json) -> bool:
    """Say whether a price, or any that a matrix holds, takes events: then there is no allowance."""
    if price["model"] != "matrix":
        return price["model"] in BY_EVENT
    held = [cell["price"] for cell in price["cells"]] + [price.get("default")]
    return any(one is not None and one["model"] in BY_EVENT for one in held)


def price_for(matrix: Json, values: Json) -> Json:
    """Find the price of dimension values, which decides whether their usage comes in events."""
    best: Json | None = matrix.get("default")
    most: list[int] = [0]
    for cell in matrix["cells"]:
        match = cell["match"]
        names = [match.get(name, "*") != "*" for name in matrix["dimensions"]]
        matches = all(match.get(name, "*") in ("*", value) for name, value in values.items())
        if matches and [sum(names), *names] >= most:
            best, most = cell["price"], [sum(names), *names]
    assert best is not None, "usage is chosen so that it has a price"
    return best
