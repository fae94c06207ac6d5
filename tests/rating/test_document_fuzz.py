"""Whatever stands in a document, it is priced or refused at a place; nothing else comes of it."""

import copy
import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.rating.document.errors import BadDocument
from apps.rating.document.price import price
from tests.rating.small_documents import charge, document, fee, tiers, use

PERCENTAGE = {
    "model": "percentage",
    "rate": "0.029",
    "fixed_amount": "0.3",
    "free_events": "1",
    "free_amount": "10",
    "event_minimum": "1",
    "event_maximum": "5",
}
GOOD = document(
    charge(
        {
            "model": "graduated",
            "tiers": [
                {"up_to": "10", "unit_amount": "0.1", "flat_amount": "1", "package_size": "3"},
                {"up_to": None, "unit_amount": "0.05"},
            ],
        },
        key="tiers",
        name="Tiers",
        kind="usage",
        included="2",
        minimum="1.00",
        maximum="90.00",
    ),
    charge(
        {
            "model": "matrix",
            "dimensions": ["model", "kind"],
            "cells": [
                {"match": {"model": "large", "kind": "*"}, "price": {"model": "volume", "tiers": tiers((None, "2"))}},
                {"match": {"kind": "input"}, "price": PERCENTAGE},
            ],
            "default": {"model": "dynamic", "minimum_amount": "1", "maximum_amount": "2"},
        },
        key="cells",
    ),
    charge(
        {"model": "package", "package_size": "10", "package_amount": "0.5", "free_units": "5"},
        key="credits",
        unit="credits",
        overage={"model": "stairstep", "tiers": [{"up_to": "1", "flat_amount": "3"}, {"up_to": None, "flat_amount": "5"}]},
    ),
    charge({"model": "graduated_percentage", "tiers": [{"up_to": None, "rate": "0.1", "flat_amount": "1"}]}, key="money"),
    fee("31.00", active={"start": "2026-10-05", "end": "2027-01-01"}),
    fee("5", key="once", kind="one_time"),
    discounts=[
        {"key": "ten", "percent": "10", "name": "Ten", "charges": ["tiers", "fee"]},
        {"key": "off", "amount": "5.00"},
    ],
    commitments=[{"key": "least", "minimum": "200.00", "name": "Least", "counts": ["tiers", "cells"]}],
    credits=[
        {"key": "g1", "unit": "USD", "balance": "7.00", "priority": 1, "expires": "2026-12-31", "cost": "5"},
        {"key": "g2", "unit": "credits", "balance": "0.5", "charges": ["credits"]},
    ],
    usage=[
        use("25", "tiers"),
        use("3", "cells", model="large", kind="input"),
        {"charge": "cells", "dimensions": {"model": "s", "kind": "input"}, "events": [{"quantity": "40"}]},
        {"charge": "cells", "dimensions": {"model": "s", "kind": "out"}, "events": [{"amount": "9", "quantity": 1}]},
        use(31, "credits"),
        use("99.5", "money"),
    ],
)  # fmt: skip
TEXTS = st.sampled_from(
    [
        *("", "0", "1", "-1", "1.5", "999999999999999999.999999999999999999", "*"),
        *("USD", "EUR", "JPY", "usage", "recurring", "one_time", "matrix", "per_unit", "dynamic"),
        *("2026-10-15", "0001-01-01", "9999-12-31", "tiers", "cells"),
    ]
)
SCALARS = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.decimals(0, 10**18, places=18).map(lambda number: f"{number:f}")
)
NAMES = st.sampled_from(
    ["key", "price", "model", "charges", "up_to", "tiers", "unit", "events", "quantity"]
) | st.text(max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a document, with each of its keys."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in inside for place in ((value, key), *places(inner))]


def priced_or_refused(text: str | bytes) -> None:
    answer = answered(text)

    # It can be written, and is the same again.
    assert orjson.dumps(answer) == orjson.dumps(answered(text))
    assert answer.get("path", "$").startswith("$")


def answered(text: str | bytes) -> dict[str, Any]:
    try:
        return price(text)
    except BadDocument as bad:
        return bad.as_json()


def test_the_document_that_is_changed_is_good() -> None:
    assert len(price(json.dumps(GOOD))["lines"]) > 10


@given(VALUES)
def test_any_json_is_priced_or_refused(value: Any) -> None:
    priced_or_refused(json.dumps(value))


@given(st.binary(max_size=50) | st.text(max_size=50))
def test_any_text_is_priced_or_refused(text: bytes | str) -> None:
    priced_or_refused(text)


@settings(max_examples=400)
@given(st.data())
def test_a_document_with_one_or_two_values_changed_is_priced_or_refused(data: st.DataObject) -> None:
    changed = copy.deepcopy(GOOD)
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(changed)))
        change = data.draw(st.sampled_from(["value", "remove", "repeat", "add"]))
        if change == "remove":
            del container[key]
        elif change == "repeat" and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif change == "add" and isinstance(container, dict):
            container[data.draw(NAMES)] = data.draw(VALUES)
        else:
            container[key] = data.draw(VALUES)

    priced_or_refused(json.dumps(changed))
