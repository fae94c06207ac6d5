"""Every worked example of docs/pricing.md comes out as the page says.

A block of JSON is priced as it stands. What the pricing format cannot say is built here, by a test that is named after the
example's heading.
"""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.rating.document.price import price
from apps.rating.document.write import as_answer
from apps.rating.engine import rate
from apps.rating.lines import LineKind, Rated
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.per_seat import PerSeat
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.terms import Allowance, Change, Charge, ChargeKind, Commitment, Fee, Terms
from apps.rating.usage import Usage
from tests.rating.cases import OCTOBER, D, tier

PAGE = (Path(__file__).parents[2] / "docs/pricing.md").read_text()
EXAMPLES = dict(re.findall(r"^##+ (.+)\n((?:(?!##).*\n)*)", PAGE, re.MULTILINE))
MID_OCTOBER = date(2026, 10, 16)


def blocks(heading: str) -> list[str]:
    return re.findall(r"^```json\n(.*?)^```", EXAMPLES[heading], re.MULTILINE | re.DOTALL)


def said(heading: str) -> list[str]:
    """Return the sums in bold of a section."""
    return re.findall(r"\*\*(\d[^*]*)\*\*", EXAMPLES[heading])


def told(answer: dict[str, Any]) -> str:
    """Tell a priced period like the page: its lines, what grants pay, and the total."""
    amounts = [line["amount"] for line in answer["lines"]]
    paid = [f"-{answer['credits_applied']} of credits"] if D(answer["credits_applied"]) else []
    parts = [*amounts, *paid]
    signed = [f"- {part[1:]}" if part.startswith("-") else f"+ {part}" for part in parts]
    equals = f" = {answer['total']}" if len(parts) > 1 else ""
    return " ".join(signed).removeprefix("+ ") + equals


@pytest.mark.parametrize("heading", [heading for heading in EXAMPLES if blocks(heading)])
def test_a_document_on_the_page_comes_to_the_sum_below_it(heading: str) -> None:
    assert [told(price(block)) for block in blocks(heading)] == said(heading)


def test_every_heading_has_an_example_that_is_tested() -> None:
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    tests = {f"test_{heading.lower().replace(' ', '_')}" for heading in headings if not blocks(heading)}

    assert [heading for heading in headings if not said(heading)] == []
    assert tests - globals().keys() == set()
    assert sum(len(blocks(heading)) for heading in EXAMPLES) * 2 == PAGE.count("```")


def priced(charges: Sequence[Charge], usage: Sequence[Usage], **around: Any) -> Rated:
    return rate(Terms("USD", OCTOBER, tuple(charges), **around), usage)


def per_unit(key: str, unit_amount: str, **terms: Any) -> Charge:
    return Charge(key, key, PerUnit(D(unit_amount)), **terms)


def used(quantity: int, charge: str = "calls", day: date | None = None) -> Usage:
    return Usage(charge, D(quantity), day=day)


def sums(*periods: Rated) -> list[str]:
    return [told(as_answer(period)) for period in periods]


def left_of(rated: Rated, key: str) -> Decimal:
    return next(use.left for use in rated.allowances if use.key == key)


def test_seats_by_day() -> None:
    seats = Charge("seats", "Seats", PerSeat(D(12)))

    assert sums(priced([seats], [used(5 * 31, "seats"), used(2 * 10, "seats")])) == said("Seats by day")


def test_carried_over() -> None:
    calls = per_unit("calls", "0.10", included=D(1000))
    september = priced([calls], [used(300)])
    carried = Allowance("carried", "Carried over", min(left_of(september, "calls"), D(500)), ("calls",))

    october = priced([calls], [used(1700)], allowances=(carried,))

    assert sums(september, october) == said("Carried over")
    assert [use.left for use in october.allowances] == [D(0), D(0)]


def test_shared_by_several_charges() -> None:
    shared = Allowance("tokens", "Free tokens", D(1000), ("input", "output"))

    rated = priced(
        [per_unit("input", "0.01"), per_unit("output", "0.03")],
        [used(500, "output"), used(700, "input")],
        allowances=(shared,),
    )

    assert sums(rated) == said("Shared by several charges")


def test_the_first_units() -> None:
    calls = per_unit("calls", "0.01")
    september = priced([calls], [used(8000)], allowances=(first_calls(D(10_000)),))

    october = priced([calls], [used(5000)], allowances=(first_calls(left_of(september, "first")),))

    assert sums(september, october) == said("The first units")


def first_calls(quantity: Decimal) -> Allowance:
    return Allowance("first", "The first calls", quantity, ("calls",))


def test_each_in_its_turn() -> None:
    calls = per_unit("calls", "1", included=D(100))
    allowances = (
        Allowance("carried", "Carried over", D(50), ("calls",)),
        Allowance("shared", "Shared", D(30), ("calls",)),
        first_calls(D(20)),
    )

    some, all_and_more = (priced([calls], [used(n)], allowances=allowances) for n in (190, 210))

    assert sums(some, all_and_more) == said("Each in its turn")
    assert [use.left for use in some.allowances] == [D(0), D(0), D(0), D(10)]


def committed(minimums: Sequence[int], quantities: Sequence[int]) -> list[Rated]:
    """Price period after period, each with what the ones before it counted and trued up."""
    periods: list[Rated] = []
    for minimum, quantity in zip(minimums, quantities, strict=True):
        counted = [use.counted for period in periods for use in period.commitments]
        true_ups = [
            line.amount.amount for period in periods for line in period.lines if line.kind is LineKind.TRUE_UP
        ]
        due = Commitment("term", D(minimum), counted_before=sum(counted + true_ups, D(0)))
        periods.append(priced([per_unit("calls", "1")], [used(quantity)], commitments=(due,)))
    return periods


def test_over_the_term() -> None:
    assert sums(*committed([0, 0, 10_000], [3000, 2500, 3200])) == said("Over the term")


def test_a_year_trued_up_every_quarter() -> None:
    quarters = committed([3000, 6000, 9000, 12_000], [2500, 4000, 1500, 3200])

    assert sums(*quarters) == said("A year trued up every quarter")


def test_a_ramp() -> None:
    calls = [per_unit("calls", "1")]

    september = priced(calls, [used(1400)], commitments=(Commitment("until-september", D(1000)),))
    october = priced(calls, [used(1400)], commitments=(Commitment("from-october", D(2000)),))

    assert sums(september, october) == said("A ramp")


def tiered(first: str, beyond: str) -> Graduated:
    return Graduated((tier("1000", first), tier(None, beyond)))


def changing_price(*, restarts: bool) -> Rated:
    calls = Charge(
        "calls",
        "Calls",
        tiered("0.10", "0.08"),
        changes=(Change(MID_OCTOBER, tiered("0.09", "0.06")),),
        restarts=restarts,
    )
    return priced([calls], [used(800, day=date(2026, 10, 15)), used(500, day=MID_OCTOBER)])


def test_a_price_that_changes() -> None:
    assert sums(changing_price(restarts=False)) == said("A price that changes")


def test_tiers_that_restart() -> None:
    assert sums(changing_price(restarts=True)) == said("Tiers that restart")


def test_an_allowance_that_changes() -> None:
    calls = per_unit(
        "calls", "0.10", included=D(600), changes=(Change(MID_OCTOBER, PerUnit(D("0.10")), included=D(900)),)
    )

    rated = priced([calls], [used(500, day=date(2026, 10, 3)), used(700, day=date(2026, 10, 20))])

    assert sums(rated) == said("An allowance that changes")


def test_added_seats() -> None:
    seats = Charge(
        "seats",
        "Seats",
        Fee(D(30), D(10)),
        kind=ChargeKind.RECURRING,
        changes=(Change(MID_OCTOBER, Fee(D(30), D(14))),),
    )

    rated = priced([seats], [])

    assert sums(rated) == said("Added seats")
    assert [len(line.steps) for line in rated.lines] == [2]


def test_prices_with_dates() -> None:
    price_list = Dated(((date.min, PerUnit(D("0.000003"))), (date(2026, 10, 10), PerUnit(D("0.000002")))))

    rated = priced(
        [Charge("tokens", "Tokens", price_list)],
        [
            used(1_000_000, "tokens", day=date(2026, 10, 5)),
            used(2_000_000, "tokens", day=date(2026, 10, 20)),
        ],
    )

    assert sums(rated) == said("Prices with dates")
