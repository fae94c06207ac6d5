"""Documents that break one rule of the format each, with the place that the refusal names."""

import json
from typing import Any

import pytest

from apps.rating.document.price import price
from tests.rating.small_documents import ONE, charge, document, fee, priced, refused, tiers, use

PERCENTAGE = {"model": "percentage", "rate": "0.01"}
DYNAMIC = {"model": "dynamic"}
MATRIX = {
    "model": "matrix",
    "dimensions": ["model", "kind"],
    "cells": [
        {"match": {"model": "large"}, "price": ONE},
        {"match": {"kind": "input"}, "price": PERCENTAGE},
    ],
}


def good(**fields: Any) -> dict[str, Any]:
    return document(charge(), **fields)


def without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


def graduated(*rows: tuple[str | None, str], **more: Any) -> dict[str, Any]:
    return document(charge({"model": "graduated", "tiers": tiers(*rows, **more)}))


def matrix(**fields: Any) -> dict[str, Any]:
    return document(charge({**MATRIX, **fields}))


def cell(match: Any, price: Any = ONE) -> dict[str, Any]:
    return {"match": match, "price": price}


def period(**fields: Any) -> dict[str, Any]:
    return good(period={"start": "2026-10-01", "end": "2026-11-01", **fields})


def discounted(**fields: Any) -> dict[str, Any]:
    return good(discounts=[{"key": "d", **fields}])


def committed(**fields: Any) -> dict[str, Any]:
    return good(commitments=[{"key": "c", "minimum": "1", **fields}])


def granted(**fields: Any) -> dict[str, Any]:
    return good(credits=[{"key": "g", "unit": "USD", "balance": "1", **fields}])


def used(*entries: Any, price: dict[str, Any] = ONE) -> dict[str, Any]:
    return document(charge(price), fee("1"), usage=list(entries))


def credit_charge(**fields: Any) -> dict[str, Any]:
    return document(charge(unit="credits", **fields))


def active(**days: Any) -> dict[str, Any]:
    return document(fee("1", active=days))


WHOLE = [
    ([], "$"),
    ("text", "$"),
    (None, "$"),
    (12, "$"),
    ({}, "$.currency"),
    (without(good(), "currency"), "$.currency"),
    (without(good(), "period"), "$.period"),
    (without(good(), "charges"), "$.charges"),
    (good(currency=None), "$.currency"),
    (good(currency="usd"), "$.currency"),
    (good(currency="XAU"), "$.currency"),
    (good(currency=["USD"]), "$.currency"),
    (good(foo=1), "$.foo"),
    (good(**{"a b": 1}), '$["a b"]'),
    (good(foo=None), "$.foo"),
    (good(charges={}), "$.charges"),
    (good(charges=[[]]), "$.charges[0]"),
    (good(charges=None), "$.charges"),
    (good(usage={}), "$.usage"),
    (good(usage=[7]), "$.usage[0]"),
    (good(discounts="none"), "$.discounts"),
    (good(commitments=[None]), "$.commitments[0]"),
    (good(credits=0), "$.credits"),
]
PERIODS = [
    (good(period=[]), "$.period"),
    (good(period={"start": "2026-10-01"}), "$.period.end"),
    (period(start=None), "$.period.start"),
    (period(start="2026-10-1"), "$.period.start"),
    (period(start="20261001"), "$.period.start"),
    (period(start="2026-W40-4"), "$.period.start"),
    (period(start="2026-10-01T00:00:00"), "$.period.start"),
    (period(start="2026-02-30"), "$.period.start"),
    (period(start="0000-01-01"), "$.period.start"),
    (period(start="\u0662026-10-01"), "$.period.start"),
    (period(start=20261001), "$.period.start"),
    (period(end="2026-10-01"), "$.period.end"),
    (period(end="2026-09-30"), "$.period.end"),
    (period(timezone="Mars/Olympus"), "$.period.timezone"),
    (period(timezone=""), "$.period.timezone"),
    (period(timezone="../UTC"), "$.period.timezone"),
    (period(timezone="America"), "$.period.timezone"),
    (period(timezone="localtime"), "$.period.timezone"),
    (period(timezone=0), "$.period.timezone"),
    (period(zone="UTC"), "$.period.zone"),
]
CHARGES = [
    (document({"price": ONE}), "$.charges[0].key"),
    (document({"key": "a"}), "$.charges[0].price"),
    (document(charge(key="")), "$.charges[0].key"),
    (document(charge(key=None)), "$.charges[0].key"),  # type: ignore[arg-type]
    (document(charge(key=1)), "$.charges[0].key"),  # type: ignore[arg-type]
    (document(charge(), charge()), "$.charges[1].key"),
    (document(charge(name=1)), "$.charges[0].name"),
    (document(charge(kind="fee")), "$.charges[0].kind"),
    (document(charge(kind=["usage"])), "$.charges[0].kind"),
    (document(charge(price=None)), "$.charges[0].price"),  # type: ignore[arg-type]
    (document(charge(quantity="1")), "$.charges[0].quantity"),
    (document(charge(active={"start": "2026-10-01", "end": "2026-10-02"})), "$.charges[0].active"),
    (document(charge(included="-1")), "$.charges[0].included"),
    (document(charge(PERCENTAGE, included="1")), "$.charges[0].included"),
    (document(charge(DYNAMIC, included="1")), "$.charges[0].included"),
    (document(charge(MATRIX, included="1")), "$.charges[0].included"),
    (document(charge(minimum="2", maximum="1.99")), "$.charges[0].maximum"),
    (document(charge(minimum="1.001")), "$.charges[0].minimum"),
    (document(charge(maximum="1.001")), "$.charges[0].maximum"),
    (document(charge(minimum="0.5"), currency="JPY"), "$.charges[0].minimum"),
    (document(charge(minimum="0.0001"), currency="KWD"), "$.charges[0].minimum"),
    (document(charge(unit="EUR")), "$.charges[0].unit"),
    (document(charge(unit="")), "$.charges[0].unit"),
    (document(charge(overage=ONE)), "$.charges[0].overage"),
    (document(charge(unit="USD", overage=ONE)), "$.charges[0].overage"),
    (credit_charge(minimum="1"), "$.charges[0].minimum"),
    (credit_charge(maximum="1"), "$.charges[0].maximum"),
    *(
        (credit_charge(overage=other), "$.charges[0].overage.model")
        for other in (PERCENTAGE, DYNAMIC, MATRIX, {"model": "graduated_percentage", "tiers": []})
    ),
    (credit_charge(overage={"model": "per_unit"}), "$.charges[0].overage.unit_amount"),
    (credit_charge(overage="none"), "$.charges[0].overage"),
]
FEES = [
    (document(charge(kind="recurring")), "$.charges[0].price.model"),
    (document(charge({}, kind="recurring")), "$.charges[0].price.amount"),
    (document(charge({"amount": None}, kind="recurring")), "$.charges[0].price.amount"),
    (document(charge({"amount": "1", "quantity": "x"}, kind="one_time")), "$.charges[0].price.quantity"),
    (document(charge({"amount": "1", "in_advance": True}, kind="one_time")), "$.charges[0].price.in_advance"),
    (document(charge({"amount": "1", "in_advance": 1}, kind="recurring")), "$.charges[0].price.in_advance"),
    (document(fee("1", kind="one_time", active={})), "$.charges[0].active"),
    *(
        (document(fee("1", kind=kind) | {name: value}), f"$.charges[0].{name}")
        for kind in ("recurring", "one_time")
        for name, value in (
            ("included", "1"),
            ("minimum", "1"),
            ("maximum", "1"),
            ("unit", "USD"),
            ("overage", ONE),
        )
    ),
    (active(start="2026-10-01"), "$.charges[0].active.end"),
    (active(start="2026-10-01", end=None), "$.charges[0].active.end"),
    (active(start="2026-10-02", end="2026-10-02"), "$.charges[0].active.end"),
    (active(start="2026-10-01", end="2026-10-02", zone="UTC"), "$.charges[0].active.zone"),
]
PRICES = [
    (document(charge({})), "$.charges[0].price.model"),
    (document(charge({"model": "per_seat"})), "$.charges[0].price.model"),
    (document(charge({"model": 1})), "$.charges[0].price.model"),
    (document(charge({"model": None})), "$.charges[0].price.model"),
    (document(charge({"model": "per_unit"})), "$.charges[0].price.unit_amount"),
    (document(charge({"model": "per_unit", "unit_amount": None})), "$.charges[0].price.unit_amount"),
    (document(charge({**ONE, "tiers": []})), "$.charges[0].price.tiers"),
    (document(charge({"model": "graduated"})), "$.charges[0].price.tiers"),
    (graduated(), "$.charges[0].price.tiers"),
    (document(charge({"model": "volume", "tiers": {}})), "$.charges[0].price.tiers"),
    (graduated(("5", "1")), "$.charges[0].price.tiers[0].up_to"),
    (graduated((None, "1"), (None, "1")), "$.charges[0].price.tiers[0].up_to"),
    (graduated(("0", "1"), (None, "1")), "$.charges[0].price.tiers[0].up_to"),
    (graduated(("5", "1"), ("5.0", "1"), (None, "1")), "$.charges[0].price.tiers[1].up_to"),
    (graduated(("5", "1"), ("4", "1"), (None, "1")), "$.charges[0].price.tiers[1].up_to"),
    (graduated(("5", "1"), (None, "-1")), "$.charges[0].price.tiers[1].unit_amount"),
    (
        document(charge({"model": "graduated", "tiers": [{"unit_amount": "1"}]})),
        "$.charges[0].price.tiers[0].up_to",
    ),
    (graduated((None, "1"), package_size="0"), "$.charges[0].price.tiers[0].package_size"),
    (graduated((None, "1"), rate="0"), "$.charges[0].price.tiers[0].rate"),
    (
        document(charge({"model": "stairstep", "tiers": tiers((None, "1"))})),
        "$.charges[0].price.tiers[0].unit_amount",
    ),
    (
        document(charge({"model": "stairstep", "tiers": [{"up_to": None}]})),
        "$.charges[0].price.tiers[0].flat_amount",
    ),
    (
        document(charge({"model": "graduated_percentage", "tiers": [{"up_to": None}]})),
        "$.charges[0].price.tiers[0].rate",
    ),
    (
        document(charge({"model": "package", "package_size": "0", "package_amount": "1"})),
        "$.charges[0].price.package_size",
    ),
    (document(charge({"model": "package", "package_size": "1"})), "$.charges[0].price.package_amount"),
    (document(charge({"model": "percentage"})), "$.charges[0].price.rate"),
    (document(charge({**PERCENTAGE, "free_events": "1.5"})), "$.charges[0].price.free_events"),
    (
        document(charge({**PERCENTAGE, "event_minimum": "2", "event_maximum": "1"})),
        "$.charges[0].price.event_maximum",
    ),
    (
        document(charge({**DYNAMIC, "minimum_amount": "2", "maximum_amount": "1"})),
        "$.charges[0].price.maximum_amount",
    ),
    (document(charge({**DYNAMIC, "rate": "1"})), "$.charges[0].price.rate"),
]
MATRICES = [
    (matrix(dimensions=[]), "$.charges[0].price.dimensions"),
    (matrix(dimensions="model"), "$.charges[0].price.dimensions"),
    (matrix(dimensions=["model", ""]), "$.charges[0].price.dimensions[1]"),
    (matrix(dimensions=["model", "kind", "model"]), "$.charges[0].price.dimensions[2]"),
    (matrix(cells=None), "$.charges[0].price.cells"),
    (matrix(cells=[{}]), "$.charges[0].price.cells[0].match"),
    (matrix(cells=[{"match": {}}]), "$.charges[0].price.cells[0].price"),
    (matrix(cells=[cell([])]), "$.charges[0].price.cells[0].match"),
    (matrix(cells=[cell({"region": "eu"})]), "$.charges[0].price.cells[0].match.region"),
    (matrix(cells=[cell({"model": 1})]), "$.charges[0].price.cells[0].match.model"),
    (matrix(cells=[cell({"model": None})]), "$.charges[0].price.cells[0].match.model"),
    (matrix(cells=[cell({"model": "a"}), cell({"model": "a"})]), "$.charges[0].price.cells[1].match"),
    (
        matrix(cells=[cell({}), cell({"model": "b"}), cell({"kind": "*", "model": "*"})]),
        "$.charges[0].price.cells[2].match",
    ),
    (matrix(cells=[cell({}, MATRIX)]), "$.charges[0].price.cells[0].price.model"),
    (matrix(cells=[cell({}, {"model": "per_unit"})]), "$.charges[0].price.cells[0].price.unit_amount"),
    (matrix(default=MATRIX), "$.charges[0].price.default.model"),
    (matrix(default=[]), "$.charges[0].price.default"),
    (matrix(tiers=[]), "$.charges[0].price.tiers"),
]
AROUND = [
    (discounted(), "$.discounts[0]"),
    (discounted(percent=None, amount=None), "$.discounts[0]"),
    (discounted(percent="1", amount="1"), "$.discounts[0].amount"),
    (discounted(percent="100.01"), "$.discounts[0].percent"),
    (discounted(amount="1.001"), "$.discounts[0].amount"),
    (discounted(percent="1", name=2), "$.discounts[0].name"),
    (discounted(percent="1", charges=[]), "$.discounts[0].charges"),
    (discounted(percent="1", charges="use"), "$.discounts[0].charges"),
    (discounted(percent="1", charges=["other"]), "$.discounts[0].charges[0]"),
    (discounted(percent="1", charges=["use", "use"]), "$.discounts[0].charges[1]"),
    (discounted(percent="1", charges=[1]), "$.discounts[0].charges[0]"),
    (good(discounts=[{"percent": "1"}]), "$.discounts[0].key"),
    (good(discounts=[{"key": "d", "percent": "1"}] * 2), "$.discounts[1].key"),
    (good(commitments=[{"key": "c"}]), "$.commitments[0].minimum"),
    (committed(minimum="1.001"), "$.commitments[0].minimum"),
    (committed(counts=[]), "$.commitments[0].counts"),
    (committed(counts=["none"]), "$.commitments[0].counts[0]"),
    (committed(charges=["use"]), "$.commitments[0].charges"),
    (good(commitments=[{"key": "c", "minimum": 1}] * 2), "$.commitments[1].key"),
    (good(credits=[{"key": "g", "unit": "USD"}]), "$.credits[0].balance"),
    (good(credits=[{"key": "g", "balance": "1"}]), "$.credits[0].unit"),
    (granted(unit="EUR"), "$.credits[0].unit"),
    (granted(unit=""), "$.credits[0].unit"),
    (granted(balance="1.001"), "$.credits[0].balance"),
    (granted(priority="1.5"), "$.credits[0].priority"),
    (granted(priority=-1), "$.credits[0].priority"),
    (granted(expires="soon"), "$.credits[0].expires"),
    (granted(expires="2026-13-01"), "$.credits[0].expires"),
    (granted(cost="-1"), "$.credits[0].cost"),
    (granted(charges=[]), "$.credits[0].charges"),
    (granted(charges=["none"]), "$.credits[0].charges[0]"),
    (good(credits=[{"key": "g", "unit": "u", "balance": 1}] * 2), "$.credits[1].key"),
]
USAGE = [
    (used({"quantity": "1"}), "$.usage[0].charge"),
    (used(use(1), use(1, "none")), "$.usage[1].charge"),
    (used(use(1, "fee")), "$.usage[0].charge"),
    (used({"charge": "use"}), "$.usage[0].quantity"),
    (used({"charge": "use", "quantity": None}), "$.usage[0].quantity"),
    (used(use("-1")), "$.usage[0].quantity"),
    (used({**use(1), "day": "2026-10-01"}), "$.usage[0].day"),
    (used(use(1, model="large")), "$.usage[0].dimensions"),
    (used({**use(1), "events": [{"quantity": "1"}]}), "$.usage[0].events"),
    (used(use(1), price=MATRIX), "$.usage[0].dimensions"),
    (used(use(1, model="large"), price=MATRIX), "$.usage[0].dimensions"),
    (used(use(1, model="large", kind="k", region="eu"), price=MATRIX), "$.usage[0].dimensions"),
    (used(use(0, model="small", kind="output"), price=MATRIX), "$.usage[0].dimensions"),
    (used({**use(1), "dimensions": ["model"]}, price=MATRIX), "$.usage[0].dimensions"),
    (
        used({**use(1), "dimensions": {"model": 1, "kind": "k"}}, price=MATRIX),
        "$.usage[0].dimensions.model",
    ),
    (
        used({**use(1, model="large", kind="input"), "events": [{"quantity": 1}]}, price=MATRIX),
        "$.usage[0].events",
    ),
    (used(use(1, model="small", kind="input"), price=MATRIX), "$.usage[0].quantity"),
    (used(use(1), price=PERCENTAGE), "$.usage[0].quantity"),
    (used({**use(3), "events": [{"quantity": 1}, {"quantity": 1}]}, price=PERCENTAGE), "$.usage[0].quantity"),
    (used({"charge": "use", "events": {}}, price=PERCENTAGE), "$.usage[0].events"),
    (used({"charge": "use", "events": [{}]}, price=PERCENTAGE), "$.usage[0].events[0].quantity"),
    (
        used({"charge": "use", "events": [{"quantity": 1, "amount": 1}]}, price=PERCENTAGE),
        "$.usage[0].events[0].amount",
    ),
    (used({"charge": "use", "events": [{"quantity": 1}]}, price=DYNAMIC), "$.usage[0].events[0].amount"),
    (used({**use(2), "events": [{"amount": "0.5"}]}, price=DYNAMIC), "$.usage[0].quantity"),
]
TABLE = [*WHOLE, *PERIODS, *CHARGES, *FEES, *PRICES, *MATRICES, *AROUND, *USAGE]


@pytest.mark.parametrize(
    ("given", "path"),
    [pytest.param(given, path, id=f"{path} {place}") for place, (given, path) in enumerate(TABLE)],
)
def test_a_document_against_a_rule_is_refused_at_its_place(given: object, path: str) -> None:
    bad = refused(given)

    assert bad.path == path
    assert str(bad).endswith((".", "}"))
    assert set(bad.as_json()) == {"type", "title", "path", "detail"}


def test_usage_without_a_price_names_its_values() -> None:
    bad = refused(used(use(0, model="m-small", kind="output"), price=MATRIX))

    assert "model 'm-small'" in str(bad)
    assert "kind 'output'" in str(bad)


@pytest.mark.parametrize(
    "text",
    [
        *("1.5", "1e2", "1E2", "-1", "-0.5", "NaN", "Infinity", "-Infinity", "true", "null", "[]", "{}"),
        *('""', '"."', '"1."', '".5"', '"+1"', '"-1"', '"-0"', '"1e2"', '" 1"', '"1 "', '"1\\n"', '"1,5"'),
        *('"1_000"', '"0x10"', '"NaN"', '"Infinity"', '"\\u0661"', '"\\uff11"', '"1.\\u0661"', '"\\ud800"'),
        *("1000000000000000000", '"1000000000000000000"', '"0.1234567890123456789"', '"' + "0" * 19 + '"'),
        *("9" * 30, "9" * 5000, "1." + "0" * 5000, '"' + "9" * 5000 + '"'),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_number_of_the_format_is_refused(text: str) -> None:
    bad = refused(json.dumps(good(usage=[use("QUANTITY")])).replace('"QUANTITY"', text))

    assert bad.path == "$.usage[0].quantity"
    assert len(str(bad)) < 300


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        *(
            ("0", "0.00"),
            ("-0", "0.00"),
            ("7", "7.00"),
            ('"007"', "7.00"),
            ('"1.500"', "1.50"),
            ('"0"', "0.00"),
        ),
        ("999999999999999999", "999999999999999999.00"),
        ('"999999999999999999.999999999999999999"', "1000000000000000000.00"),
        ('"\\u0031"', "1.00"),
    ],
)
def test_a_number_is_digits_with_or_without_a_point(text: str, amount: str) -> None:
    given = json.dumps(good(usage=[use("QUANTITY")])).replace('"QUANTITY"', text)

    assert price(given)["subtotal"] == amount


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b" ",
        b"nothing",
        b"{",
        b'{"currency": "USD",}',
        b"{} {}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"currency": "\xff"}',
        b'{"currency": "a\nb"}',
        b"[" * 200_000,
        b'{"charges":' * 100_000,
        "\ufeff{}",
        b"{}\x00",
    ],
    ids=lambda given: repr(given[:12]),
)
def test_what_is_no_json_is_refused_as_a_whole(given: bytes | str) -> None:
    assert refused(given).path == "$"


def test_a_name_that_stands_twice_is_refused_where_it_stands() -> None:
    text = json.dumps(good()).replace('"key": "use"', '"key": "use", "name": "a", "name": "b"')

    assert refused(text).path == "$.charges[0].name"
    assert refused(text.replace('"currency"', '"currency": "USD", "currency"', 1)).path == "$.currency"


@pytest.mark.parametrize("field", ["key", "name"])
def test_half_a_surrogate_pair_is_no_character(field: str) -> None:
    assert refused(document(charge() | {field: "\ud800"})).path == f"$.charges[0].{field}"
    assert json.dumps(refused(good(**{"\ud800": 1})).as_json())
    assert priced(document(charge() | {field: "\U0001f600\u0000é"}))["lines"][0]["amount"] == "0.00"


def test_the_first_of_several_mistakes_is_told() -> None:
    given = document(charge({**ONE, "unit_amount": "x"}), charge(kind="none"), usage=[use("x")])

    assert refused(given).path == "$.charges[0].price.unit_amount"


def test_null_counts_as_absent_where_a_field_is_optional() -> None:
    given = document(
        charge(
            {**MATRIX, "default": None},
            name=None,
            kind=None,
            active=None,
            included=None,
            minimum=None,
            maximum=None,
            unit=None,
            overage=None,
        ),
        charge({**PERCENTAGE, "free_events": None, "event_maximum": None}, key="share"),
        {"key": "fee", "kind": "recurring", "price": {"amount": "1", "quantity": None, "in_advance": None}},
        discounts=[{"key": "d", "percent": "1", "amount": None, "name": None, "charges": None}],
        commitments=None,
        credits=[
            {
                "key": "g",
                "unit": "USD",
                "balance": "1",
                **dict.fromkeys(("priority", "expires", "cost", "charges")),
            }
        ],
        usage=[{"charge": "share", "quantity": None, "dimensions": None, "events": None}],
    )

    assert priced(given)["subtotal"] == "0.99"


def test_promised_money_is_counted_in_decimals_by_value() -> None:
    given = document(
        charge(minimum="1.500", maximum="2.000"),
        discounts=[{"key": "d", "amount": "0.500000"}],
        commitments=[{"key": "c", "minimum": "1.000"}],
        credits=[{"key": "g", "unit": "USD", "balance": "9.0000"}],
    )

    answer = priced(given)

    assert (answer["subtotal"], answer["credits_applied"], answer["total"]) == ("1.00", "1.00", "0.00")
    assert answer["credits"] == [{"grant": "g", "unit": "USD", "used": "1.00", "left": "8.00"}]


def test_what_is_allowed_at_the_edges() -> None:
    given = document(
        charge({"model": "matrix", "dimensions": ["a"], "cells": [], "default": ONE}, key="m"),
        charge(PERCENTAGE, key="p"),
        charge(key="u", unit="USD", name=""),
        {**fee("1"), "price": {"amount": "0.000000000000000001", "in_advance": True}},
        period={"start": "2026-10-01", "end": "2026-11-01", "timezone": "Australia/Lord_Howe"},
        credits=[{"key": "g", "unit": "points", "balance": "0.000000000000000001", "priority": "1.0"}],
        usage=[
            use(0, "m", a="*"),
            {"charge": "p", "quantity": "0", "events": []},
            {"charge": "u", "quantity": "1", "dimensions": {}, "events": []},
        ],
    )

    assert priced(given)["subtotal"] == "1.00"
