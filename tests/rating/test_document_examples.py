"""The worked examples of the pricing format, each line in full."""

import math
from fractions import Fraction
from typing import Any

import pytest

from tests.rating.small_documents import charge, document, fee, priced, use

GRADUATED = {
    "model": "graduated",
    "tiers": [
        {"up_to": "1000", "unit_amount": "0.10", "flat_amount": "5"},
        {"up_to": None, "unit_amount": "0.08", "flat_amount": "2"},
    ],
}
FIRST_TIER = {
    "tier": 1,
    "from": "0",
    "to": "1000",
    "quantity": "1000",
    "unit_amount": "0.1",
    "flat_amount": "5",
    "amount": "105",
}


def amounts(answer: dict[str, Any]) -> list[str]:
    return [line["amount"] for line in answer["lines"]]


def totals(answer: dict[str, Any]) -> tuple[str, str, str]:
    return answer["subtotal"], answer["credits_applied"], answer["total"]


def test_example_1_graduated_in_full() -> None:
    """1000 x 0.10 + 5 = 105 and 500 x 0.08 + 2 = 42: 147.00."""
    answer = priced(document(charge(GRADUATED, name="Input tokens"), usage=[use("1500")]))

    assert answer == {
        "currency": "USD",
        "lines": [
            {
                "charge": "use",
                "name": "Input tokens",
                "kind": "usage",
                "quantity": "1500",
                "amount": "147.00",
                "exact": "147",
                "dimensions": {},
                "why": [
                    FIRST_TIER,
                    {
                        "tier": 2,
                        "from": "1000",
                        "to": None,
                        "quantity": "500",
                        "unit_amount": "0.08",
                        "flat_amount": "2",
                        "amount": "42",
                    },
                ],
            }
        ],
        "credits": [],
        "subtotal": "147.00",
        "credits_applied": "0.00",
        "total": "147.00",
    }


def test_example_1_the_edge_belongs_to_the_first_tier() -> None:
    line = priced(document(charge(GRADUATED), usage=[use(1000)]))["lines"][0]

    assert (line["name"], line["amount"], line["why"]) == ("use", "105.00", [FIRST_TIER])


def test_example_1_no_usage_is_a_line_of_nothing() -> None:
    line = priced(document(charge(GRADUATED)))["lines"][0]

    assert (line["quantity"], line["amount"], line["exact"], line["why"]) == ("0", "0.00", "0", [])


def test_example_1_as_volume_and_with_units_included() -> None:
    """1500 x 0.08 + 2 = 122.00; beyond 600 included, 900 x 0.10 + 5 = 95.00."""
    volume = priced(document(charge(GRADUATED | {"model": "volume"}), usage=[use(1500)]))
    included = priced(document(charge(GRADUATED, included="600"), usage=[use(1500)]))["lines"][0]

    assert amounts(volume) == ["122.00"]
    assert (included["quantity"], included["amount"]) == ("1500", "95.00")
    assert included["why"][0] == {"included": True, "quantity": "600", "amount": "0"}


def test_example_2_tiers_in_packages() -> None:
    """4 packages x 3 + 1 package x 10 = 22.00."""
    price = {
        "model": "graduated",
        "tiers": [
            {"up_to": "1000", "unit_amount": "3", "package_size": "300"},
            {"up_to": None, "unit_amount": "10", "package_size": "1000"},
        ],
    }

    line = priced(document(charge(price), usage=[use(1001)]))["lines"][0]

    assert line["amount"] == "22.00"
    assert [step["packages"] for step in line["why"]] == ["4", "1"]


def test_example_3_percentage_event_by_event() -> None:
    """60 and 60 are: one free, one that pays 0.20 + 1 raised to 2; 500 pays 5 + 1."""
    price = {
        "model": "percentage",
        "rate": "0.01",
        "fixed_amount": "1",
        "free_events": "3",
        "free_amount": "100",
        "event_minimum": "2",
    }
    events = [{"quantity": "60"}, {"quantity": "60"}, {"quantity": "500"}]

    answer = priced(document(charge(price), usage=[{"charge": "use", "events": events}]))

    (line,) = answer["lines"]
    assert (line["quantity"], line["amount"], line["exact"]) == ("620", "8.00", "8")
    assert [step["amount"] for step in line["why"]] == ["0", "2", "6"]
    assert [step["event"] for step in line["why"]] == [1, 2, 3]


def test_example_4_the_cell_that_names_the_earlier_dimension() -> None:
    price = {
        "model": "matrix",
        "dimensions": ["model", "kind"],
        "cells": [
            {
                "match": {"model": "m-large", "kind": "*"},
                "price": {"model": "per_unit", "unit_amount": "2"},
            },
            {"match": {"kind": "input"}, "price": {"model": "per_unit", "unit_amount": "1"}},
        ],
    }

    (line,) = priced(document(charge(price), usage=[use(10, model="m-large", kind="input")]))["lines"]

    assert (line["amount"], line["dimensions"]) == ("20.00", {"model": "m-large", "kind": "*"})


def test_example_5_discounts_shared_by_what_is_left() -> None:
    """50% of a's 10.00; then 10 shared 5 : 10 : 10 of 25."""
    given = document(
        *(fee("10", key=key, kind="one_time") for key in "abc"),
        discounts=[
            {"key": "half", "percent": "50", "charges": ["a"]},
            {"key": "ten", "amount": "10", "name": "Ten off"},
        ],
    )

    answer = priced(given)

    half, ten = answer["lines"][3:]
    assert (half["charge"], half["key"], half["kind"]) == (None, "half", "discount")
    assert (half["quantity"], half["amount"], ten["amount"]) == ("1", "-5.00", "-10.00")
    assert [(step["charge"], step["amount"]) for step in ten["why"]] == [
        ("a", "-2"),
        ("b", "-4"),
        ("c", "-4"),
    ]
    assert totals(answer) == ("15.00", "0.00", "15.00")


def test_example_5_equal_charges_share_by_largest_remainder() -> None:
    given = document(
        *(fee("10", key=key, kind="one_time") for key in "abc"),
        discounts=[{"key": "ten", "amount": "10.00"}],
    )

    assert [step["amount"] for step in priced(given)["lines"][3]["why"]] == ["-3.34", "-3.33", "-3.33"]


def test_example_6_minimum_discount_commitment_and_grant_in_their_order() -> None:
    given = document(
        charge(key="a", minimum="100"),
        discounts=[{"key": "ten", "percent": 10}],
        commitments=[{"key": "least", "minimum": "95.00"}],
        credits=[{"key": "g", "unit": "USD", "balance": "200", "charges": ["a"]}],
        usage=[use("80", "a")],
    )

    answer = priced(given)

    assert [(line["kind"], line["charge"], line["quantity"], line["amount"]) for line in answer["lines"]] == [
        ("usage", "a", "80", "80.00"),
        ("minimum", "a", "1", "20.00"),
        ("discount", None, "1", "-10.00"),
        ("true_up", None, "1", "5.00"),
    ]
    assert answer["lines"][3]["key"] == "least"
    assert answer["credits"] == [{"grant": "g", "unit": "USD", "used": "90.00", "left": "110.00"}]
    assert totals(answer) == ("95.00", "90.00", "5.00")


def test_example_7_credits_burn_by_priority_and_the_rest_is_overage() -> None:
    given = document(
        charge(
            {"model": "per_unit", "unit_amount": "0.5"},
            unit="credits",
            overage={"model": "per_unit", "unit_amount": "0.02"},
        ),
        credits=[
            {"key": "g1", "unit": "credits", "balance": "100", "priority": 2},
            {"key": "g2", "unit": "credits", "balance": "30", "priority": 1},
        ],
        usage=[use(301)],
    )

    answer = priced(given)

    usage, overage = answer["lines"]
    assert usage == {
        "charge": "use",
        "name": "use",
        "kind": "usage",
        "quantity": "301",
        "amount": "0.00",
        "exact": "0",
        "dimensions": {},
        "unit": "credits",
        "credits": "150.5",
        "uncovered": "20.5",
        "why": [{"quantity": "301", "unit_amount": "0.5", "amount": "150.5"}],
    }
    assert (overage["kind"], overage["quantity"]) == ("overage", "20.5")
    assert (overage["exact"], overage["amount"]) == ("0.41", "0.41")
    assert answer["credits"] == [
        {"grant": "g1", "unit": "credits", "used": "100", "left": "0"},
        {"grant": "g2", "unit": "credits", "used": "30", "left": "0"},
    ]
    assert totals(answer) == ("0.41", "0.00", "0.41")


@pytest.mark.parametrize(("currency", "amount"), [("USD", "32.26"), ("JPY", "32"), ("KWD", "32.258")])
def test_example_8_ten_of_31_days(currency: str, amount: str) -> None:
    given = document(fee("100.00", active={"start": "2026-09-20", "end": "2026-10-11"}), currency=currency)

    (line,) = priced(given)["lines"]

    assert (line["kind"], line["exact"], line["amount"]) == ("recurring", "32.258064516129032258", amount)
    assert (line["why"][0]["days"], line["why"][0]["of_days"]) == (10, 31)


@pytest.mark.parametrize("overage", ["per_unit", "package"])
def test_the_widest_numbers_are_priced_exactly(overage: str) -> None:
    """Packages of 10^-18 at nearly 10^18, in credits beside units with 36 decimals, and all of it priced again."""
    widest, least = f"{'9' * 18}.{'9' * 18}", f"0.{'0' * 17}1"
    per_unit = {"model": "per_unit", "unit_amount": widest}
    package = {"model": "package", "package_size": least, "package_amount": widest}
    cells = [{"match": {"kind": "packed"}, "price": package}]
    given = document(
        charge(
            {"model": "matrix", "dimensions": ["kind"], "cells": cells, "default": per_unit},
            unit="credits",
            overage=per_unit if overage == "per_unit" else package,
        ),
        discounts=[{"key": "third", "percent": "33.333333333333333333"}],
        usage=[use(widest, kind="packed"), use(widest, kind="loose")],
    )

    packed, loose, over, _ = priced(given)["lines"]

    each = Fraction(widest)
    assert Fraction(packed["credits"]) == each * 10**18 * each
    assert Fraction(loose["credits"]) == each * each
    left = Fraction(over["quantity"])
    assert left == Fraction(packed["credits"]) + Fraction(loose["credits"])
    assert Fraction(over["exact"]) == each * (left if overage == "per_unit" else math.ceil(left * 10**18))
