"""Outcomes: billed by what became of them, on the day that it did."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from apps.usage.correct import correct
from apps.usage.models import Outcome, UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, event, take

pytestmark = pytest.mark.django_db

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)


def resolutions() -> None:
    """Resolved tickets are billed; a part of one by its weight."""
    make_meter(
        "resolutions",
        unit="resolutions",
        event_type="ticket",
        aggregation="outcomes",
        outcome_states={"succeeded": "1", "partial": ""},
        dimensions=["product"],
    )
    make_contract(plan_version=make_plan_version([usage_charge("resolutions")]))


def stage(
    state: str, day: int, *, outcome: str = "T-1", key: str | None = None, **properties: object
) -> dict[str, object]:
    return event(
        key or f"{outcome}-{state}-{day}",
        type="ticket",
        time=f"2026-10-{day:02}T10:00:00Z",
        properties={"outcome": outcome, "state": state, **properties},
    )


def billed() -> dict[int, Decimal]:
    return {row.day.day: row.quantity for row in UsageDay.objects.order_by("day")}


def test_a_success_is_billed_on_its_day_and_what_led_there_is_not() -> None:
    resolutions()

    taken = take(stage("pending", 1), stage("failed", 2), stage("succeeded", 5), at=AT)

    assert taken.counted == 3
    assert billed() == {5: 1}


def test_retries_cost_nothing_and_are_counted_as_attempts() -> None:
    resolutions()

    take(*[stage("succeeded", 5, key=f"try-{n}") for n in range(3)], stage("failed", 4), at=AT)

    assert billed() == {5: 1}
    assert Outcome.objects.values_list("state", "attempts").get() == ("succeeded", 4)


def test_a_part_is_billed_by_its_weight_and_the_rest_on_the_day_of_success() -> None:
    """0.4 on the 3rd, the other 0.6 on the 6th."""
    resolutions()

    take(stage("partial", 3, weight="0.4"), stage("succeeded", 6), at=AT)

    assert billed() == {3: Decimal("0.4"), 6: Decimal("0.6")}


def test_a_dispute_takes_it_off_until_it_is_rejected() -> None:
    resolutions()
    take(stage("partial", 3, weight="0.4"), stage("succeeded", 6), at=AT)

    take(stage("disputed", 8), at=AT)
    while_open = billed()
    take(stage("succeeded", 9), at=AT)
    still_open = billed()
    take(stage("dispute_rejected", 10), at=AT)

    assert (while_open, still_open) == ({}, {})
    assert billed() == {3: Decimal("0.4"), 6: Decimal("0.6")}


def test_a_dispute_that_is_accepted_stays_off() -> None:
    resolutions()

    take(stage("succeeded", 6), stage("disputed", 8), stage("dispute_accepted", 9), at=AT)

    assert billed() == {}
    assert Outcome.objects.get().state == "dispute_accepted"


def test_a_success_that_failed_after_all_comes_off_its_day() -> None:
    resolutions()

    take(stage("succeeded", 6), stage("failed", 7), at=AT)

    assert billed() == {}


def test_stages_may_come_in_any_order() -> None:
    resolutions()
    stages = [
        ("partial", 3, {"weight": "0.5"}),
        ("disputed", 4, {}),
        ("dispute_rejected", 5, {}),
        ("succeeded", 6, {}),
    ]

    for number, ordered in enumerate(permutations(stages)):
        for state, day, properties in ordered:
            take(stage(state, day, outcome=f"T-{number}", **properties), at=AT)

    assert billed() == {3: Decimal("0.5") * 24, 6: Decimal("0.5") * 24}
    assert not reconcile().differences


def test_a_voided_stage_never_was() -> None:
    resolutions()
    take(stage("succeeded", 6), stage("disputed", 8, key="mistake"), at=AT)

    correct(customer_key="acme", keys=["mistake"], reason="Not theirs", at=AT, actor=ACTOR)

    assert billed() == {6: 1}
    assert not reconcile().differences


@pytest.mark.parametrize(
    ("properties", "reason", "field"),
    [
        ({"state": "won"}, "value_missing", "properties.state"),
        ({"state": "partial"}, "bad_quantity", "properties.weight"),
        ({"state": "partial", "weight": 2}, "bad_quantity", "properties.weight"),
        ({"outcome": "", "state": "failed"}, "value_missing", "properties.outcome"),
        ({"outcome": None}, "value_missing", "properties.outcome"),
    ],
)
def test_a_stage_that_says_nothing_waits(properties: dict[str, object], reason: str, field: str) -> None:
    resolutions()
    raw = event(type="ticket", properties={"outcome": "T-1", "state": "succeeded", **properties})

    (detail,) = take(raw, at=AT).details

    assert (detail.reason, detail.field) == (reason, field)


def test_outcomes_are_told_apart_by_product() -> None:
    resolutions()

    take(stage("succeeded", 6, product="chat"), stage("succeeded", 6, outcome="T-2", product="mail"), at=AT)

    assert sorted(UsageDay.objects.values_list("dimensions__product", "quantity", "day")) == [
        ("chat", Decimal(1), date(2026, 10, 6)),
        ("mail", Decimal(1), date(2026, 10, 6)),
    ]


def test_of_stages_at_one_instant_the_last_by_its_letters_stands_in_any_language() -> None:
    """Z comes before b by its code, and after it in a language."""
    resolutions()

    take(stage("succeeded", 6, key="b"), stage("failed", 6, key="Z"), at=AT)

    assert billed() == {6: 1}
    assert not reconcile().differences


def test_outcomes_with_dimensions_come_out_the_same_from_the_events() -> None:
    resolutions()

    take(stage("partial", 3, weight="0.4", product="chat"), stage("succeeded", 6, product="chat"), at=AT)
    take(stage("failed", 7, product="chat"), at=AT)
    take(stage("partial", 8, weight="0.4", product="mail"), at=AT)

    assert billed() == {8: Decimal("0.4")}
    assert not reconcile().differences
