"""A meter's rules: formulas, filters, ranges, and what goes together."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.contracts.terms import period_on
from apps.core.errors import Refusal
from apps.invoices.billing import price
from apps.plans import meter_rules
from apps.plans.expression import BadExpression, NoValue, parse
from apps.plans.models import Meter
from apps.usage.models import UsageDay
from tests.builders import make_contract, make_meter, make_plan_version, make_staff, usage_charge
from tests.usage.events import AT, event, take, total


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("input - cached", 90),
        ("input + cached * 0.5", 105),
        ("(input + cached) / 4", "27.5"),
        ("1 / 3", "0.333333333333333333"),
        ("2 / 3", "0.666666666666666667"),
        ("max(0, cached - input)", 0),
        ("min(input, 50, cached)", 10),
        ("-cached + 10 - -5", 5),
        ("quantity * 1000", 2000),
        ("gen_ai.usage", 7),
    ],
)
def test_a_formula_is_computed_exactly(text: str, value: object) -> None:
    numbers = {"input": 100, "cached": 10, "quantity": 2, "gen_ai.usage": 7}

    assert parse(text).value({name: Decimal(one) for name, one in numbers.items()}) == Decimal(str(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1)",
        "a b",
        "__import__('os')",
        "a; b",
        "a.b()",
        "pow(2, 9)",
        "9" * 201,
        "(" * 30 + "1" + ")" * 30,
        "1e5 +",
        "a ** b",
        "min()",
    ],
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(BadExpression):
        parse(text)


def test_a_division_by_zero_has_no_value() -> None:
    with pytest.raises(NoValue):
        parse("a / b").value({"a": Decimal(1), "b": Decimal(0)})


@pytest.mark.parametrize("text", ["a{}", "a{} / 7", "a{} / (1 / 3)"])
def test_what_takes_more_digits_than_are_computed_with_has_no_value(text: str) -> None:
    """Ten numbers of 33 digits each: their product has 330."""
    long = Decimal("123456789012345.123456789012345679")

    with pytest.raises(NoValue):
        parse(text.format(" * a" * 9)).value({"a": long})


@given(
    st.recursive(
        st.integers(0, 99).map(str),
        lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
            lambda three: f"({' '.join(three)})"
        ),
        max_leaves=8,
    )
)
def test_formulas_agree_with_fractions(text: str) -> None:
    assert parse(text).value({}) == Decimal(int(eval(text, {}, {}) + Fraction(0)))


@pytest.mark.parametrize(
    ("line", "passing", "failing"),
    [
        ("region is eu", {"region": "eu"}, {"region": "us"}),
        ("region is not test", {}, {"region": "test"}),
        ("model in large, small", {"model": "small"}, {"model": "tiny"}),
        ("user present", {"user": ""}, {"user": None}),
        ("error absent", {}, {"error": "x"}),
        ("status from 200 to 299", {"status": 299}, {"status": Decimal("299.5")}),
        ("status from 200", {"status": "200"}, {"status": True}),
        ("status to 9", {"status": 9}, {"status": "many"}),
        ("cached is true", {"cached": True}, {"cached": "yes"}),
        ("n is 5", {"n": Decimal("5.0")}, {"n": 6}),
    ],
)
def test_a_filter_is_written_and_read_back_and_lets_through_what_it_says(
    line: str, passing: dict[str, Any], failing: dict[str, Any]
) -> None:
    filters = meter_rules.read_filters(line)
    test = meter_rules.compiled(filters)

    assert meter_rules.written_filters(filters) == line
    assert (test(passing), test(failing)) == (True, False)


@pytest.mark.parametrize(
    "line", ["region", "region eu", "region is", "model in a,,b", "n from a to b", "n from"]
)
def test_a_filter_that_says_nothing_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        meter_rules.read_filters(line)


def test_a_range_reaches_up_to_its_end() -> None:
    line = "context = input + cached: standard to 200000, long"
    (rule,) = meter_rules.read_ranges(line).values()

    assert meter_rules.written_ranges({"context": rule}) == line
    assert [meter_rules.range_name(rule, Decimal(n)) for n in (0, 200_000, 200_001)] == [
        "standard",
        "standard",
        "long",
    ]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"aggregation": "count", "value_property": "x"}, "value_property"),
    ({"aggregation": "sum", "value_property": "x", "value_expression": "y"}, "value_expression"),
    ({"aggregation": "sum", "value_expression": "1 +"}, "value_expression"),
    ({"aggregation": "unique_count"}, "value_property"),
    ({"aggregation": "time_weighted", "level": "set"}, "per"),
    ({"aggregation": "sum", "level": "set"}, "level"),
    ({"aggregation": "outcomes"}, "outcome_states"),
    ({"aggregation": "sum", "rounding": "up"}, "rounding_step"),
    ({"aggregation": "sum", "dimensions": ["a", "a"]}, "dimensions"),
    (
        {"aggregation": "sum", "dimensions": ["a"], "ranges": meter_rules.read_ranges("a = x: s to 1, l")},
        "ranges",
    ),
    ({"aggregation": "sum", "ranges": meter_rules.read_ranges("a = x: s to 5, m to 1, l")}, "ranges"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("shape", "field"), MISTAKES)
def test_what_does_not_go_together_is_refused_by_its_field(shape: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal, match=f"{field}: "):
        make_meter("m", **shape)

    assert not Meter.objects.exists()


@pytest.mark.django_db
def test_a_formula_a_filter_and_a_range_together() -> None:
    """Of three requests one is a test; 100 - 40 + 10 - 0 = 70 uncached tokens, the first of a long context."""
    make_meter(
        "uncached",
        event_type="llm",
        aggregation="sum",
        value_expression="input - cached",
        filters=meter_rules.read_filters("env is not test"),
        ranges=meter_rules.read_ranges("context = input: short to 50, long"),
    )
    make_contract(plan_version=make_plan_version([usage_charge("uncached")]))

    taken = take(
        event("a", type="llm", properties={"input": 100, "cached": 40}),
        event("b", type="llm", properties={"input": 10, "env": "live"}),
        event("c", type="llm", properties={"input": 999, "env": "test"}),
        event("d", type="llm", properties={"input": 1, "cached": 2}),
    )

    assert [(one.id, one.reason) for one in taken.details] == [("d", "bad_quantity")]
    assert taken.counted == 3
    assert total("uncached") == 70
    assert set(UsageDay.objects.values_list("dimensions__context", flat=True)) == {"short", "long"}


@pytest.mark.django_db
def test_an_event_whose_formula_takes_too_many_digits_waits_alone() -> None:
    """It must not take the whole batch with it."""
    make_meter("volume", event_type="box", aggregation="sum", value_expression="a * b * c * d")
    make_contract(plan_version=make_plan_version([usage_charge("volume")]))
    long = "123456789012345.123456789012345679"

    taken = take(
        event("a", type="box", properties=dict.fromkeys("abcd", long)),
        event("b", type="box", properties=dict.fromkeys("abcd", 2)),
    )

    assert [(one.id, one.reason) for one in taken.details] == [("a", "bad_quantity")]
    assert total("volume") == 16


@pytest.mark.django_db
def test_a_misspelt_property_beside_the_quantity_waits() -> None:
    """5 discs of 3 GB are 15; with GB in the place of gb they would be 5 x 0, for nothing."""
    make_meter("discs", event_type="disc", aggregation="sum", value_expression="quantity * gb")
    make_contract(plan_version=make_plan_version([usage_charge("discs")]))

    taken = take(
        event("a", type="disc", quantity=5, properties={"gb": 3}),
        event("b", type="disc", quantity=5, properties={"GB": 3}),
    )

    assert [(one.id, one.reason, one.field) for one in taken.details] == [
        ("b", "value_missing", "properties.gb")
    ]
    assert total("discs") == 15


@pytest.mark.django_db
def test_a_meter_is_made_by_a_form_without_json(client: Client) -> None:
    client.force_login(make_staff())
    fields = {
        "name": "Uncached tokens",
        "key": "uncached",
        "unit": "processing units",
        "event_type": "llm",
        "filter_lines": "env is not test\nmodel in large, small",
        "aggregation": "sum",
        "value_property": "",
        "value_expression": "input - cached",
        "level": "",
        "per": "",
        "state_lines": "",
        "rounding": "up",
        "rounding_step": "1000",
        "dimensions": "model",
        "range_lines": "context = input: standard to 200000, long",
        "late_days": "35",
        "early_hours": "2",
    }

    wrong = client.post("/admin/plans/meter/add/", {**fields, "value_expression": "input -"}).content.decode()
    page = client.post("/admin/plans/meter/add/", fields, follow=True).content.decode()

    assert "Something is missing" in wrong
    meter = Meter.objects.get()
    assert (len(meter.filters), meter.ranges["context"]["beyond"], meter.rounding, meter.early_hours) == (
        2,
        "long",
        "up",
        2,
    )
    assert "Name what they get" in page
    shown = client.get(f"/admin/plans/meter/{meter.pk}/change/").content.decode()
    assert "model in large, small" in shown


@pytest.mark.django_db
@pytest.mark.parametrize(("rounding", "billed"), [("up", 3000), ("down", 2000), ("nearest", 3000)])
def test_a_periods_total_is_rounded_as_the_meter_says(rounding: str, billed: int) -> None:
    """2,500 tokens, in thousands: up 3,000, down 2,000, to the nearest, half up, 3,000."""
    make_meter("tokens", event_type="llm", aggregation="sum", rounding=rounding, rounding_step=Decimal(1000))
    contract = make_contract(plan_version=make_plan_version([usage_charge("tokens")]))
    take(event("a", type="llm", quantity=1200), event("b", type="llm", quantity=1300))

    (line,) = price(contract, period_on(contract, AT.date())).rated.lines

    assert line.quantity == billed
