"""The reference: the slow rater's answers to the examples of the pricing format, worked by hand."""

from typing import Any

import pytest

from tests.rating.slow_rater import Unpriced, answer

Json = dict[str, Any]
TIERS = [
    {"up_to": "1000", "unit_amount": "0.10", "flat_amount": "5"},
    {"up_to": None, "unit_amount": "0.08", "flat_amount": "2"},
]
OCTOBER = {"start": "2026-10-01", "end": "2026-11-01", "timezone": "UTC"}


def of(*charges: Json, currency: str = "USD", **fields: Any) -> Json:
    return answer({"currency": currency, "period": OCTOBER, "charges": list(charges), **fields})


def usage_of(price: Json, quantity: str, **fields: Any) -> Json:
    """Price a quantity and return its line."""
    rated = of({"key": "a", "price": price, **fields}, usage=[{"charge": "a", "quantity": quantity}])
    line: Json = rated["lines"][0]
    return line


def amounts(rated: Json) -> list[tuple[str, str]]:
    return [(line["kind"], line["amount"]) for line in rated["lines"]]


def totals(rated: Json) -> tuple[str, str, str]:
    return rated["subtotal"], rated["credits_applied"], rated["total"]


@pytest.mark.parametrize(
    ("model", "quantity", "amount"),
    [
        ("graduated", "1000", "105.00"),
        ("graduated", "1500", "147.00"),
        ("graduated", "0", "0.00"),
        ("volume", "1500", "122.00"),
    ],
)
def test_example_1_an_edge_belongs_to_the_tier_that_it_ends(model: str, quantity: str, amount: str) -> None:
    line = usage_of({"model": model, "tiers": TIERS}, quantity)

    assert line["amount"] == amount


def test_example_1_included_units_come_off_before_tiers() -> None:
    line = usage_of({"model": "graduated", "tiers": TIERS}, "1500", included="600")

    assert line == {
        "charge": "a",
        "name": "a",
        "kind": "usage",
        "quantity": "1500",
        "amount": "95.00",
        "exact": "95",
        "dimensions": {},
        "why": [
            {"included": True, "quantity": "600", "amount": "0"},
            {
                "tier": 1,
                "from": "0",
                "to": "1000",
                "quantity": "900",
                "unit_amount": "0.1",
                "flat_amount": "5",
                "amount": "95",
            },
        ],
    }


def test_example_2_a_package_never_reaches_into_the_next_tier() -> None:
    tiers = [
        {"up_to": "1000", "unit_amount": "3", "package_size": "300"},
        {"up_to": None, "unit_amount": "10", "package_size": "1000"},
    ]

    line = usage_of({"model": "graduated", "tiers": tiers}, "1001")

    assert [(step["packages"], step["amount"]) for step in line["why"]] == [("4", "12"), ("1", "10")]
    assert line["amount"] == "22.00"


def test_example_3_the_event_that_crosses_the_free_amount_pays_on_its_excess() -> None:
    price = {
        "model": "percentage",
        "rate": "0.01",
        "fixed_amount": "1",
        "free_events": "3",
        "free_amount": "100",
        "event_minimum": "2",
    }
    events = [{"quantity": "60"}, {"quantity": "60"}, {"quantity": "500"}]

    (line,) = of({"key": "a", "price": price}, usage=[{"charge": "a", "events": events}])["lines"]

    assert [(step["event"], step["free"], step["amount"]) for step in line["why"]] == [
        (1, "60", "0"),
        (2, "40", "2"),
        (3, "0", "6"),
    ]
    assert (line["amount"], line["quantity"]) == ("8.00", "620")


def matrix(model: str, kind: str) -> Json:
    cells = [
        {"match": {"model": "m-large", "kind": "*"}, "price": {"model": "per_unit", "unit_amount": "2"}},
        {"match": {"kind": "input"}, "price": {"model": "per_unit", "unit_amount": "1"}},
    ]
    charge = {
        "key": "a",
        "price": {"model": "matrix", "dimensions": ["model", "kind"], "cells": cells, "default": None},
    }
    return of(charge, usage=[{"charge": "a", "quantity": "10", "dimensions": {"model": model, "kind": kind}}])


def test_example_4_of_equal_cells_the_earliest_dimension_decides() -> None:
    (line,) = matrix("m-large", "input")["lines"]

    assert (line["dimensions"], line["amount"]) == ({"model": "m-large", "kind": "*"}, "20.00")


def test_example_4_usage_without_a_cell_is_refused() -> None:
    with pytest.raises(Unpriced, match=r"^\$\.usage\[0\]\.dimensions$"):
        matrix("m-small", "output")


def fees(*amounts: str) -> list[Json]:
    """Make fees a, b, c of these amounts."""
    return [
        {"key": key, "kind": "one_time", "price": {"amount": amount}}
        for key, amount in zip("abc", amounts, strict=True)
    ]


def test_example_5_discounts_stack_and_are_shared_by_what_is_left() -> None:
    rated = of(
        *fees("10.00", "10.00", "10.00"),
        discounts=[
            {"key": "half", "percent": "50", "charges": ["a"]},
            {"key": "ten", "amount": "10", "name": "Ten off"},
        ],
    )

    assert amounts(rated)[3:] == [("discount", "-5.00"), ("discount", "-10.00")]
    assert rated["lines"][4] == {
        "charge": None,
        "key": "ten",
        "name": "Ten off",
        "kind": "discount",
        "quantity": "1",
        "amount": "-10.00",
        "exact": "-10",
        "dimensions": {},
        "why": [
            {"charge": "a", "base": "5", "quantity": "1", "amount": "-2"},
            {"charge": "b", "base": "10", "quantity": "1", "amount": "-4"},
            {"charge": "c", "base": "10", "quantity": "1", "amount": "-4"},
        ],
    }


def test_example_5_the_last_cent_goes_to_the_earlier_of_equal_charges() -> None:
    rated = of(*fees("10.00", "10.00", "10.00"), discounts=[{"key": "ten", "amount": "10"}])

    assert [step["amount"] for step in rated["lines"][3]["why"]] == ["-3.34", "-3.33", "-3.33"]


def test_example_6_minimum_discount_true_up_and_grant_follow_each_other() -> None:
    charge = {"key": "a", "price": {"model": "per_unit", "unit_amount": "1"}, "minimum": "100"}

    rated = of(
        charge,
        usage=[{"charge": "a", "quantity": "80"}],
        discounts=[{"key": "tenth", "percent": "10"}],
        commitments=[{"key": "promised", "minimum": "95"}],
        credits=[{"key": "gift", "unit": "USD", "balance": "200", "charges": ["a"]}],
    )

    assert amounts(rated) == [
        ("usage", "80.00"),
        ("minimum", "20.00"),
        ("discount", "-10.00"),
        ("true_up", "5.00"),
    ]
    assert rated["credits"] == [{"grant": "gift", "unit": "USD", "used": "90.00", "left": "110.00"}]
    assert totals(rated) == ("95.00", "90.00", "5.00")


def test_example_7_credits_burn_by_priority_and_the_rest_is_overage() -> None:
    charge = {
        "key": "a",
        "price": {"model": "per_unit", "unit_amount": "0.5"},
        "unit": "credits",
        "overage": {"model": "per_unit", "unit_amount": "0.02"},
    }

    rated = of(
        charge,
        usage=[{"charge": "a", "quantity": "301"}],
        credits=[
            {"key": "g1", "unit": "credits", "balance": "100", "priority": 2},
            {"key": "g2", "unit": "credits", "balance": "30", "priority": 1},
        ],
    )

    usage, overage = rated["lines"]
    assert (usage["amount"], usage["exact"], usage["credits"], usage["uncovered"]) == (
        "0.00",
        "0",
        "150.5",
        "20.5",
    )
    assert (overage["kind"], overage["quantity"], overage["exact"], overage["amount"]) == (
        "overage",
        "20.5",
        "0.41",
        "0.41",
    )
    assert [grant["used"] for grant in rated["credits"]] == ["100", "30"]


@pytest.mark.parametrize(("currency", "amount"), [("USD", "32.26"), ("JPY", "32"), ("KWD", "32.258")])
def test_example_8_a_fee_is_due_for_its_days(currency: str, amount: str) -> None:
    fee = {
        "key": "a",
        "kind": "recurring",
        "price": {"amount": "100"},
        "active": {"start": "2026-09-20", "end": "2026-10-11"},
    }

    (line,) = of(fee, currency=currency)["lines"]

    assert (line["amount"], line["exact"]) == (amount, "32.258064516129032258")
    assert [(step["days"], step["of_days"]) for step in line["why"]] == [(10, 31)]
