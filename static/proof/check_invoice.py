"""Checks an invoice on your own machine: python3 check_invoice.py NUMBER-proof.json [NUMBER-events.csv]

Needs Python 3.9 or newer and nothing else, and shares no code with the system that wrote the invoice. It checks

1. that what the proof says is what was sealed: the SHA-256 over its canonical JSON is the invoice's hash;
2. that the lines, the tax and the total add up;
3. that each line's amount is what its reasons come to, by your prices, rounded once, a half away from zero;
4. with the events, that each line's quantity is what its events come to, those received until the instant that is sealed.

Ends with 0 if all of it holds, with 1 and what does not if something does not.
"""

import csv
import hashlib
import json
import math
import sys
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

NO_DECIMALS = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
THREE_DECIMALS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
# Values without end are written with 18 decimals.
LAST_DIGIT = Fraction(1, 10**18)


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print(__doc__)
        return 2
    with open(arguments[0], encoding="utf-8") as file:
        proof = json.load(file)
    content = proof["content"]
    problems = [*sealed(proof), *sums(content), *reasoned(content["lines"])]
    for line in content["lines"]:
        problems += priced(line, content["currency"])
    checked = 0
    if len(arguments) == 2:
        checked, found = counted(proof, arguments[1])
        problems += found
    for problem in problems:
        print(f"WRONG  {problem}")
    if problems:
        return 1
    print(
        f"{content['number']} holds: {len(content['lines'])} lines, total {total(content)} {content['currency']}."
    )
    print(
        f"Its hash is {proof['hash']}"
        + (f", and the one before it {content['previous']}." if content["previous"] else ".")
    )
    if len(arguments) == 2:
        print(f"The quantities of {checked} lines were counted from their events.")
    return 0


def sealed(proof):
    text = json.dumps(proof["content"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if hashlib.sha256(text.encode()).hexdigest() != proof["hash"]:
        yield "The content is not what was sealed: its SHA-256 is another than the hash."


def sums(content):
    subtotal, tax, whole = map(Fraction, content["amounts"])
    lines = sum((Fraction(line["amount"]) for line in content["lines"]), Fraction(0))
    if lines != subtotal:
        yield f"The lines add up to {plain(lines)}, the subtotal is {plain(subtotal)}."
    if content["taxes"] and sum((Fraction(row[5]) for row in content["taxes"]), Fraction(0)) != tax:
        yield "The rows of the tax summary do not add up to the tax."
    if whole != (subtotal if content["tax_included"] else subtotal + tax):
        yield "Subtotal and tax do not add up to the total."


def total(content):
    return content["amounts"][2]


def priced(line, currency):
    """Yield what is wrong with a line: a reason's figures, or its rounding."""
    name = f"Line {line['position']} ({line['name']})"
    steps = [step for step in line["steps"] if "amount" in step]
    for step in steps:
        asked = amount_of(step)
        if asked is not None and abs(asked - Fraction(step["amount"])) > LAST_DIGIT:
            yield f"{name}: a reason says {step['amount']}, its figures come to {plain(asked)}."
    exact = Fraction(line["exact"])
    if Fraction(line["amount"]) != rounded(exact, currency):
        yield f"{name}: {plain(exact)} is rounded to {line['amount']}."


def reasoned(lines):
    """Yield which lines are not what their reasons come to."""
    for parts in parts_of(lines):
        line = parts[0]
        steps = [step for step in line["steps"] if "amount" in step]
        if not steps or line["kind"] in ("adjustment", "advance"):
            continue
        said = sum((Fraction(step["amount"]) for step in steps), Fraction(0))
        # The charges share a discount once it is rounded.
        whole = "amount" if line["kind"] == "discount" else "exact"
        told = whole if line["credits"] is None else "credits"
        meant = sum((Fraction(part[told]) for part in parts), Fraction(0))
        if abs(said - meant) > LAST_DIGIT * len(steps):
            yield (
                f"Line {line['position']} ({line['name']}): its reasons come to {plain(said)}, "
                f"the line says {plain(meant)}."
            )


def parts_of(lines):
    """Return the lines; what belongs to no product and is taxed in several ways is a line for each, with the reasons of all."""
    found = {}
    for line in lines:
        of_all = ("kind", "key", "charge", "account", "name", "days", "dimensions", "steps")
        is_alone = line["product"] or not line["key"]
        alike = line["position"] if is_alone else json.dumps([line[name] for name in of_all], sort_keys=True)
        found.setdefault(alike, []).append(line)
    return found.values()


def amount_of(step):
    """Return what a reason's own figures come to, or None where it states an amount alone."""
    number = {key: Fraction(value) for key, value in step.items() if is_number(value)}
    if step.get("included"):
        return Fraction(0)
    if "charged" in step:
        return number.get("minimum", number.get("maximum", number["charged"])) - number["charged"]
    if "event_amount" in number:
        return number["event_amount"] * number["events"]
    if "quantity" not in number or STATED & step.keys():
        return None
    return priced_as(number)


# Reasons of single events, shares and sums say what they come to; what they are made of stands elsewhere.
STATED = {"event", "is_rest", "of_pool", "pool_quantity", "base", "counted", "adjusts"}


def priced_as(number):
    """Return quantity times price, with a flat amount, or for some of the days; None where there is no price."""
    flat, price = number.get("flat_amount", Fraction(0)), number.get("unit_amount", number.get("rate"))
    if "packages" in number:
        return number["packages"] * number.get("package_amount", price or Fraction(0)) + flat
    if price is None:
        return flat if "flat_amount" in number else None
    days = number.get("days", Fraction(1)) / number.get("of_days", Fraction(1))
    return number["quantity"] * price * days + flat


def counted(proof, path):
    """Count the events of each line anew; return of how many lines, and what differs."""
    rows, checked, problems = {}, 0, []
    until = proof["content"].get("counted_until")
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["status"] == "counted":
                rows.setdefault(row["line"], []).append(row)
            if until and (row["status"] == "late") != is_after(row["received_at"], until):
                problems.append(
                    f"Event {row['event']} was received at {row['received_at']} and is said to be {row['status']}; "
                    f"the invoice counts what was received until {until}."
                )
    for line in proof["content"]["lines"]:
        meter = proof["meters"].get(str(line["position"]))
        if meter is None:
            continue
        quantity = quantity_of(meter["counts"], rows.get(str(line["position"]), []))
        # Levels, outcomes and what is rounded piece by piece are told by the invoice's daily totals alone.
        if quantity is None or (line["days"] and meter["rounding"]):
            continue
        quantity = step_rounded(quantity, meter)
        told = told_of_events(line, proof["content"]["lines"])
        if told is None:
            continue
        checked += 1
        if quantity != told:
            problems.append(
                f"Line {line['position']} ({line['name']}): its events come to {plain(quantity)}, "
                f"the line says {plain(told)}."
            )
    return checked, problems


def is_after(instant, other):
    return exact(instant) > exact(other)


def exact(instant):
    return datetime.strptime(instant, "%Y-%m-%dT%H:%M:%S.%f%z")


def told_of_events(line, lines):
    """Return the quantity that a line's events are to come to: of a pool that of all, without what is of earlier invoices.

    None where several lines have what came late in credits.
    """
    pool = [step["pool_quantity"] for step in line["steps"] if "pool_quantity" in step]
    if pool:
        return Fraction(pool[0])
    alike = [
        one for one in lines if all(one[name] == line[name] for name in ("charge", "account", "dimensions"))
    ]
    late = [
        Fraction(one["quantity"])
        for one in alike
        if one["kind"] == "adjustment" and not any("amount" in step for step in one["steps"])
    ]
    if late and len([one for one in alike if one["kind"] == "usage"]) > 1:
        return None
    return Fraction(line["quantity"]) - sum(late, Fraction(0))


def quantity_of(counts, rows):
    values = [row["value"].lstrip("'") for row in rows]
    if counts in ("count", "sum"):
        return sum(map(Fraction, values), Fraction(0))
    if counts == "unique_count":
        return Fraction(len({(row["dimensions"], row["value"]) for row in rows}))
    if counts == "max":
        return max(map(Fraction, values), default=Fraction(0))
    if counts == "latest":
        newest = sorted((row["time"], Fraction(row["value"].lstrip("'"))) for row in rows)
        return newest[-1][1] if newest else Fraction(0)
    return None


def step_rounded(quantity, meter):
    step = Fraction(meter["rounding_step"])
    if not meter["rounding"] or not step:
        return quantity
    parts = quantity / step
    whole = {"up": math.ceil(parts), "down": math.floor(parts), "nearest": math.floor(parts + Fraction(1, 2))}
    return whole[meter["rounding"]] * step


def rounded(exact, currency):
    digits = (
        0
        if currency in NO_DECIMALS
        else 3
        if currency in THREE_DECIMALS
        else 4
        if currency in ("CLF", "UYW")
        else 2
    )
    scaled = abs(exact) * 10**digits
    whole = math.floor(scaled + Fraction(1, 2))
    return Fraction(whole if exact >= 0 else -whole, 10**digits)


def is_number(value):
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return False
    try:
        Fraction(value)
    except ValueError:
        return False
    return True


def plain(value):
    text = f"{Decimal(value.numerator) / Decimal(value.denominator):.18f}"
    return text.rstrip("0").rstrip(".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
