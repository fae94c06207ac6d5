"""Random documents, priced by the engine and by the slow rater: the answers are the same, to the last digit.

`make torture ARGS="-k random_documents"` compares 100,000.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import pytest

from apps.rating.document.price import price
from tests.rating import slow_rater
from tests.rating.documents import MODELS, document
from tests.rating.slow_writing import plain
from tests.torture.report import FULL

Json = dict[str, Any]
# In parts, so that processes can share them.
PARTS = 100 if FULL else 10
DOCUMENTS_A_PART = 1_000 if FULL else 250
FREE_NAMES = {"minimum", "maximum", "overage", "discount", "true_up"}


@pytest.mark.parametrize("part", range(PARTS))
def test_a_second_rater_gives_the_same_answer(part: int) -> None:
    for seed in range(part * DOCUMENTS_A_PART, (part + 1) * DOCUMENTS_A_PART):
        terms = document(random.Random(seed))

        assert compared(priced(terms), terms) == compared(slow_rater.answer(terms), terms), f"seed {seed}"


def test_the_documents_reach_every_kind_of_line_and_every_price() -> None:
    some = [document(random.Random(seed)) for seed in range(1_000)]

    kinds = Counter(line["kind"] for terms in some for line in priced(terms)["lines"])
    models = Counter(
        used["model"] for terms in some for charge in terms["charges"] for used in prices(charge)
    )
    assert min(kinds[kind] for kind in FREE_NAMES | {"usage", "recurring", "one_time"}) > 20
    assert min(models[model] for model in [*MODELS, "matrix"]) > 50


def test_sums_are_the_sums_of_their_parts() -> None:
    for _, _, answer in lawful():
        in_money = [grant for grant in answer["credits"] if grant["unit"] == answer["currency"]]
        assert fraction(answer["subtotal"]) == total(answer["lines"], "amount")
        assert fraction(answer["credits_applied"]) == total(in_money, "used")
        assert fraction(answer["total"]) == fraction(answer["subtotal"]) - fraction(answer["credits_applied"])


def test_reasons_add_up_to_what_they_explain() -> None:
    for _, _, answer in lawful():
        assert [total(line["why"], "amount") for line in answer["lines"]] == [
            fraction(explained(line)) for line in answer["lines"]
        ]


def test_nobody_pays_less_than_nothing_and_no_grant_more_than_it_has() -> None:
    for _, terms, answer in lawful():
        assert 0 <= fraction(answer["total"]) <= fraction(answer["subtotal"])
        assert all(fraction(grant[part]) >= 0 for grant in answer["credits"] for part in ("used", "left"))
        assert [fraction(grant["used"]) + fraction(grant["left"]) for grant in answer["credits"]] == [
            Fraction(grant["balance"]) for grant in terms.get("credits") or []
        ]


def test_the_order_of_usage_does_not_matter_but_for_events() -> None:
    for dice, terms, answer in lawful():
        usage = terms.get("usage") or []
        by_event = [entry for entry in usage if "events" in entry]
        others = [entry for entry in usage if "events" not in entry]

        assert priced(terms | {"usage": by_event + dice.sample(others, len(others))}) == answer


def test_usage_may_come_in_pieces() -> None:
    for _, terms, answer in lawful():
        split = [piece for entry in terms.get("usage") or [] for piece in pieces(entry)]

        assert priced(terms | {"usage": split}) == answer


def lawful() -> Iterator[tuple[random.Random, Json, Json]]:
    """Make documents that laws are tried on: dice for more, the document, its answer."""
    for seed in range(500):
        dice = random.Random(seed)
        terms = document(dice)
        yield dice, terms, priced(terms)


def priced(terms: Json) -> Json:
    """Price a document as `manage.py price` does."""
    return price(json.dumps(terms))


def compared(answer: Json, terms: Json) -> Json:
    """Blank the names that are free text: those which the document does not give."""
    own = [*(terms.get("discounts") or []), *(terms.get("commitments") or [])]
    given = {one["key"] for one in own if one.get("name") is not None}
    lines = [
        line | {"name": bool(line["name"])}
        if line["kind"] in FREE_NAMES and line.get("key") not in given
        else line
        for line in answer["lines"]
    ]
    return answer | {"lines": lines}


def prices(charge: Json) -> list[Json]:
    """List the prices of a charge: its own, those of its cells, and its overage's."""
    price = charge["price"]
    cells = [cell["price"] for cell in price.get("cells", [])]
    return [
        one for one in [price, *cells, price.get("default"), charge.get("overage")] if one and "model" in one
    ]


def pieces(entry: Json) -> list[Json]:
    """Write a usage as two: half of its quantity, or of its events, and the rest."""
    if entry.get("events"):
        middle = len(entry["events"]) // 2
        halves = [entry["events"][:middle], entry["events"][middle:]]
        return [entry | {"quantity": None, "events": half} for half in halves]
    quantity = Fraction(entry["quantity"]) if entry.get("quantity") is not None else Fraction(0)
    part = Fraction(quantity // 2)
    return [entry | {"quantity": plain(one)} for one in (part, quantity - part)]


def total(parts: Iterable[Json], field: str) -> Fraction:
    return sum((fraction(part[field]) for part in parts), Fraction(0))


def fraction(text: str) -> Fraction:
    return Fraction(text)


def explained(line: Json) -> str:
    """Return what a line's steps add up to: its cost in a credit unit, a discount's amount, else the exact amount."""
    if line["kind"] == "discount":
        return str(line["amount"])
    return str(line.get("credits", line["exact"]))
