"""A second rater of the pricing format, for tests: from a document to its answer, in fractions and plain loops.

It shares no code with the engine, and trusts that the document is valid.
"""

from datetime import date
from fractions import Fraction

from tests.rating.slow_prices import BY_EVENT, NOTHING, Json, bound, events_quantity, number, steps
from tests.rating.slow_writing import money, plain, rounded, written

# ISO 4217: all others have two.
NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
FOUR_DECIMALS = "CLF UYW"
ONE = Fraction(1)
DECIMALS = {0: NO_DECIMALS, 3: THREE_DECIMALS, 4: FOUR_DECIMALS}


class Unpriced(Exception):
    """Usage of dimension values that no cell prices; says where."""


def answer(document: Json) -> Json:
    """Price a document."""
    return Month(document).answer()


def decimals_of(currency: str) -> int:
    for decimals, currencies in DECIMALS.items():
        if currency in currencies.split():
            return decimals
    return 2


class Month:
    """One document being priced: its lines so far, and what is left of charges, true-ups and grants."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.currency: str = document["currency"]
        self.decimals = decimals_of(self.currency)
        self.charges: list[Json] = document["charges"]
        self.usage: list[Json] = document.get("usage") or []
        self.grants: list[Json] = document.get("credits") or []
        self.lines: list[Json] = []
        self.owed: dict[str, Fraction] = {charge["key"]: NOTHING for charge in self.charges}
        self.true_ups: list[Fraction] = []
        self.left = {grant["key"]: Fraction(grant["balance"]) for grant in self.grants}

    def answer(self) -> Json:
        for charge in self.charges:
            self.charge(charge)
        for discount in self.document.get("discounts") or []:
            self.discount(discount)
        for commitment in self.document.get("commitments") or []:
            self.commitment(commitment)
        for grant in self.burn_order(self.currency):
            self.pay(grant)
        subtotal = sum((line["amount"] for line in self.lines), NOTHING)
        applied = sum((self.used(grant) for grant in self.grants if grant["unit"] == self.currency), NOTHING)
        return {
            "currency": self.currency,
            "lines": [written(line, self.decimals) for line in self.lines],
            "credits": [self.grant_written(grant) for grant in self.grants],
            "subtotal": money(subtotal, self.decimals),
            "credits_applied": money(applied, self.decimals),
            "total": money(subtotal - applied, self.decimals),
        }

    # Charges

    def charge(self, charge: Json) -> None:
        kind = charge.get("kind") or "usage"
        if kind != "usage":
            self.fee(charge, kind)
        elif self.is_in_credits(charge):
            self.in_credits(charge)
        else:
            for line in self.usage_lines(charge):
                self.add(line, charge["key"])
            self.bounds(charge)

    def is_in_credits(self, charge: Json) -> bool:
        return (charge.get("unit") or self.currency) != self.currency

    def add(self, line: Json, charge: str | None) -> None:
        """Round a line and, if it is a charge's, owe it."""
        line["amount"] = rounded(line["exact"], self.decimals)
        self.lines.append(line)
        if charge is not None:
            self.owed[charge] += line["amount"]

    def fee(self, charge: Json, kind: str) -> None:
        price = charge["price"]
        each = Fraction(price["amount"])
        quantity = Fraction(price["quantity"]) if price.get("quantity") is not None else ONE
        step: Json = {"quantity": quantity, "unit_amount": each}
        share = ONE
        if kind == "recurring":
            days, of_days = self.active_days(charge)
            share = Fraction(days, of_days)
            step |= {"days": days, "of_days": of_days}
        amount = each * quantity * share
        step["amount"] = amount
        self.add(new_line(charge, kind, quantity, amount, [step]), charge["key"])

    def active_days(self, charge: Json) -> tuple[int, int]:
        """Count the days of the period that a fee is due for, and all its days."""
        start, end = days(self.document["period"])
        first, last = days(charge.get("active") or self.document["period"])
        period = range(start.toordinal(), end.toordinal())
        return sum(first.toordinal() <= day < last.toordinal() for day in period), len(period)

    def usage_lines(self, charge: Json) -> list[Json]:
        """Make the lines of a usage charge, whose exact amounts are in its unit."""
        allowance = number(charge, "included")
        lines = []
        for dimensions, price, usage in self.priced_together(charge):
            events = [event for entry in usage for event in entry.get("events") or []]
            if price["model"] in BY_EVENT:
                quantity = events_quantity(price["model"], events)
            else:
                quantity = sum((number(entry, "quantity") for entry in usage), NOTHING)
            included = min(quantity, allowance)
            allowance -= included
            why = [{"included": True, "quantity": included, "amount": NOTHING}] if included else []
            why += steps(price, quantity - included, events)
            lines.append(new_line(charge, "usage", quantity, total(why), why) | {"dimensions": dimensions})
        return lines

    def priced_together(self, charge: Json) -> list[tuple[Json, Json, list[Json]]]:
        """Part the usage of a charge into its lines: their dimensions, price and usage."""
        of_charge = [
            (place, entry) for place, entry in enumerate(self.usage) if entry["charge"] == charge["key"]
        ]
        price = charge["price"]
        if price["model"] != "matrix":
            return [({}, price, [entry for _, entry in of_charge])]
        cells = list(price["cells"])
        if price.get("default") is not None:
            cells.append({"match": {}, "price": price["default"]})
        usage_of: list[list[Json]] = [[] for _ in cells]
        for place, entry in of_charge:
            usage_of[self.cell_for(price, len(cells), place, entry["dimensions"])].append(entry)
        return [
            ({name: cell["match"].get(name, "*") for name in price["dimensions"]}, cell["price"], usage)
            for cell, usage in zip(cells, usage_of, strict=True)
            if usage
        ]

    def cell_for(self, matrix: Json, count: int, place: int, values: Json) -> int:
        """Find the most specific cell; the default stands after the cells, if there is one."""
        matching = []
        for index, cell in enumerate(matrix["cells"]):
            named = [name for name in matrix["dimensions"] if cell["match"].get(name, "*") != "*"]
            if all(values[name] == cell["match"][name] for name in named):
                named_first = [name in named for name in matrix["dimensions"]]
                matching.append((len(named), named_first, index))
        if matching:
            return max(matching)[-1]
        if matrix.get("default") is None:
            raise Unpriced(f"$.usage[{place}].dimensions")
        return count - 1

    def bounds(self, charge: Json) -> None:
        charged = self.owed[charge["key"]]
        for kind, direction in (("minimum", 1), ("maximum", -1)):
            limit = bound(charge, kind)
            if limit is not None and (limit - charged) * direction > 0:
                difference = limit - charged
                why = [{kind: limit, "charged": charged, "quantity": ONE, "amount": difference}]
                self.add(new_line(charge, kind, ONE, difference, why), charge["key"])

    def in_credits(self, charge: Json) -> None:
        """Draw a charge's lines on grants of its unit, and charge what they don't cover."""
        all_uncovered = NOTHING
        for line in self.usage_lines(charge):
            cost = uncovered = line["exact"]
            for grant in self.burn_order(charge["unit"]):
                uncovered -= self.draw(grant, charge["key"], uncovered)
            all_uncovered += uncovered
            line |= {"exact": NOTHING, "unit": charge["unit"], "credits": cost, "uncovered": uncovered}
            self.add(line, charge["key"])
        if all_uncovered and charge.get("overage") is not None:
            why = steps(charge["overage"], all_uncovered, [])
            self.add(new_line(charge, "overage", all_uncovered, total(why), why), charge["key"])

    # Discounts and commitments

    def discount(self, discount: Json) -> None:
        charges = self.named(discount.get("charges")) or list(self.owed)
        bases = [self.owed[key] for key in charges]
        base = sum(bases, NOTHING)
        if discount.get("percent") is not None:
            exact = base * Fraction(discount["percent"]) / 100
        else:
            exact = min(base, Fraction(discount["amount"]))
        amount = rounded(exact, self.decimals)
        if amount == 0:
            return
        shares = share(amount, bases, self.decimals)
        why = []
        for key, left, part in zip(charges, bases, shares, strict=True):
            self.owed[key] -= part
            why.append({"charge": key, "base": left, "quantity": ONE, "amount": -part})
        self.add(own_line(discount, "discount", -exact, why), None)

    def commitment(self, commitment: Json) -> None:
        counts = self.named(commitment.get("counts")) or [
            charge["key"] for charge in self.charges if (charge.get("kind") or "usage") == "usage"
        ]
        counted = sum((self.owed[key] for key in counts), NOTHING)
        minimum = Fraction(commitment["minimum"])
        if counted < minimum:
            short = minimum - counted
            why = [{"minimum": minimum, "counted": counted, "quantity": ONE, "amount": short}]
            self.add(own_line(commitment, "true_up", short, why), None)
            self.true_ups.append(short)

    def named(self, keys: list[str] | None) -> list[str]:
        """Put a list of charges into the order of the document."""
        return [key for key in self.owed if key in (keys or [])]

    # Grants

    def burn_order(self, unit: str) -> list[Json]:
        start = days(self.document["period"])[0]
        live = [grant for grant in self.grants if grant["unit"] == unit and expiry(grant) > start]
        return sorted(live, key=burns_before)

    def draw(self, grant: Json, charge: str | None, owed: Fraction) -> Fraction:
        """Take what a grant can pay of a charge, or of a true-up."""
        scope = grant.get("charges")
        if scope is not None and charge not in scope:
            return NOTHING
        paid = min(self.left[grant["key"]], owed)
        self.left[grant["key"]] -= paid
        return paid

    def pay(self, grant: Json) -> None:
        for key in self.owed:
            self.owed[key] -= self.draw(grant, key, self.owed[key])
        for place, owed in enumerate(self.true_ups):
            self.true_ups[place] -= self.draw(grant, None, owed)

    def used(self, grant: Json) -> Fraction:
        return Fraction(grant["balance"]) - self.left[grant["key"]]

    def grant_written(self, grant: Json) -> Json:
        used, left = self.used(grant), self.left[grant["key"]]
        in_money = grant["unit"] == self.currency
        return {
            "grant": grant["key"],
            "unit": grant["unit"],
            "used": money(used, self.decimals) if in_money else plain(used),
            "left": money(left, self.decimals) if in_money else plain(left),
        }


def new_line(charge: Json, kind: str, quantity: Fraction, exact: Fraction, why: list[Json]) -> Json:
    return {
        "charge": charge["key"],
        "name": charge["key"] if charge.get("name") is None else charge["name"],
        "kind": kind,
        "quantity": quantity,
        "exact": exact,
        "dimensions": {},
        "why": why,
    }


def own_line(of: Json, kind: str, exact: Fraction, why: list[Json]) -> Json:
    """Make the line of a discount or a true-up, which belongs to no charge."""
    line = new_line(of, kind, ONE, exact, why)
    return line | {"charge": None, "key": of["key"]}


def total(why: list[Json]) -> Fraction:
    return sum((step["amount"] for step in why), NOTHING)


def share(amount: Fraction, bases: list[Fraction], decimals: int) -> list[Fraction]:
    """Share an amount in proportion: in minor units rounded down, then one each to the largest remainders."""
    whole, minor = sum(bases), 10**decimals
    shares = [amount * base / whole * minor for base in bases]
    down = [part // 1 for part in shares]
    by_remainder = sorted(range(len(bases)), key=lambda place: down[place] - shares[place])
    for place in by_remainder[: int(amount * minor) - sum(down)]:
        down[place] += 1
    return [Fraction(part, minor) for part in down]


def burns_before(grant: Json) -> tuple[bool, int, date, bool]:
    priority = grant.get("priority")
    return priority is None, int(priority or 0), expiry(grant), number(grant, "cost") > 0


def expiry(grant: Json) -> date:
    return date.fromisoformat(grant["expires"]) if grant.get("expires") is not None else date.max


def days(period: Json) -> tuple[date, date]:
    return date.fromisoformat(period["start"]), date.fromisoformat(period["end"])
