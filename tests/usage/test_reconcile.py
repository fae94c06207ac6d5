from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from apps.plans import type_aliases
from apps.plans.models import EventTypeAlias
from apps.usage import levels, stored
from apps.usage.correct import correct
from apps.usage.models import Outcome, OutcomeStage, UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_plan_version, usage_charge
from tests.builders import make_meter as meter
from tests.usage.events import ACTOR, AT, event, take, token_charges, total

pytestmark = pytest.mark.django_db


def use() -> None:
    """Two requests of two models, a call, and one event astray."""
    meter()
    make_contract(plan_version=make_plan_version([usage_charge(), *token_charges()]))
    large = {"model": "large", "input_tokens": Decimal("10.5"), "output_tokens": "3"}
    take(
        event("a", type="llm.request", properties=large),
        event("b", type="llm.request", properties={**large, "model": "small", "output_tokens": None}),
        event("c"),
        event("d", type="unknown"),
    )


def test_totals_rebuilt_from_the_events_agree(capsys: pytest.CaptureFixture[str]) -> None:
    use()

    found = reconcile()
    call_command("reconcile")

    assert (found.events, found.totals, found.differences) == (3, 4, ())
    assert capsys.readouterr().out == (
        "4 received = 3 counted + 0 voided + 0 duplicate + 0 conflict + 1 quarantined.\n"
        "3 events, 4 daily totals: all agree.\n"
    )


def test_a_total_that_is_off_is_named_with_both_figures(capsys: pytest.CaptureFixture[str]) -> None:
    use()
    UsageDay.objects.filter(meter__key="calls").update(quantity=F("quantity") + 1)

    (difference,) = reconcile().differences
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile")

    assert Decimal(difference.from_events.split()[0]) == 1
    assert Decimal(difference.stored.split()[0]) == 2
    assert ended.value.code == 1
    assert "1 differences" in capsys.readouterr().out


def test_a_total_that_is_missing_is_named() -> None:
    use()
    UsageDay.objects.filter(meter__key="output").delete()

    (difference,) = reconcile().differences

    assert difference.stored == "0 of 0 events"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"aggregation": "count"}, 3),
        ({"aggregation": "sum", "value_property": "n"}, 3 + 9 + 5),
        ({"aggregation": "max", "value_property": "n"}, 9),
        ({"aggregation": "latest", "value_property": "n"}, 5),
        ({"aggregation": "unique_count", "value_property": "n"}, 3),
    ],
)
@pytest.mark.parametrize("page", [1, 2, 5000])
def test_events_sent_under_an_alias_are_added_to_those_of_the_type_itself(
    monkeypatch: pytest.MonkeyPatch, shape: dict[str, Any], expected: int, page: int
) -> None:
    """3 under the type, then 9 under the alias, then 5 under the type; read in pages of any size."""
    monkeypatch.setattr(stored, "_PAGE", page)
    meter(**shape)
    make_contract()
    type_aliases.add(sent_type="call", event_type="api.call", at=AT, actor=ACTOR)
    take(event("a", time="2026-10-20T08:00:00Z", properties={"n": 3}))
    take(event("b", time="2026-10-20T09:00:00Z", properties={"n": 9}, type="call"))
    take(event("c", time="2026-10-20T10:00:00Z", properties={"n": 5}))

    assert total() == expected
    assert not reconcile().differences


def test_an_alias_of_an_alias_leads_no_further_than_in_ingest() -> None:
    """Such aliases are refused now; a database may hold some from before."""
    for key in ("ta", "tb"):
        meter(key, event_type=key)
    make_contract(plan_version=make_plan_version([usage_charge("ta"), usage_charge("tb")]))
    EventTypeAlias.objects.create(sent_type="tb", event_type="ta")
    EventTypeAlias.objects.create(sent_type="tc", event_type="tb")

    take(event("a", type="tc"))

    assert (total("ta"), total("tb")) == (0, 1)
    assert not reconcile().differences


@pytest.mark.parametrize("aggregation", ["sum", "max", "latest", "unique_count"])
def test_events_of_a_type_and_of_its_alias_come_in_one_batch(aggregation: str) -> None:
    meter("peak", aggregation=aggregation, value_property="n")
    make_contract(plan_version=make_plan_version([usage_charge("peak")]))
    type_aliases.add(sent_type="call", event_type="api.call", at=AT, actor=ACTOR)

    taken = take(event("a", properties={"n": 2}), event("b", type="call", properties={"n": 2}))

    assert (taken.counted, total("peak")) == (2, {"sum": 4, "unique_count": 1}.get(aggregation, 2))
    assert not reconcile().differences


def seats() -> None:
    """10 seats since the 18th."""
    meter("seats", event_type="seats", aggregation="latest", level="set")
    make_contract(plan_version=make_plan_version([usage_charge("seats")]))
    take(event("a", type="seats", time="2026-10-18T00:00:00Z", quantity=10))


def test_a_level_without_a_total_is_named() -> None:
    seats()
    UsageDay.objects.all().delete()

    differences = reconcile().differences

    assert [one.from_events for one in differences] == [
        f"{10:.18f} of 1 events",
        f"{10:.18f} of 0 events",
    ]


def test_a_level_that_was_not_carried_while_usage_came_in_is_named() -> None:
    """The day on which usage last came in may have begun a moment ago; the one before must be drawn."""
    seats()
    take(event("b", type="other"), at=AT + timedelta(days=3))

    late = reconcile().differences
    levels.carry_all(at=AT + timedelta(days=2))

    assert [one.what.split(", ")[-2] for one in late] == ["2026-10-21", "2026-10-22"]
    assert not reconcile().differences


def outcome() -> None:
    meter("resolved", event_type="ticket", aggregation="outcomes", outcome_states={"succeeded": "1"})
    make_contract(plan_version=make_plan_version([usage_charge("resolved")]))
    take(
        *(
            event(
                key,
                type="ticket",
                time=f"2026-10-{day}T08:00:00Z",
                properties={"outcome": "T", "state": state},
            )
            for key, day, state in (("a", 17, "failed"), ("b", 18, "succeeded"), ("c", 19, "disputed"))
        )
    )


def test_an_outcome_that_is_off_is_named_though_no_total_is() -> None:
    outcome()
    agreed = reconcile().differences
    Outcome.objects.update(attempts=3, billed=[["x", "2026-10-18", "{}", "1"]])

    (difference,) = reconcile().differences

    assert agreed == ()
    assert (difference.from_events, difference.stored) == (
        "disputed, 2",
        "disputed, 3, (x, 2026-10-18, {}, 1)",
    )


def test_a_stage_of_an_outcome_that_is_missing_is_named() -> None:
    outcome()
    OutcomeStage.objects.filter(key="a").delete()

    (difference,) = reconcile().differences

    assert (difference.what.endswith("event 'a'"), difference.stored) == (True, "none")


def test_an_outcome_of_which_all_stages_are_voided_agrees() -> None:
    outcome()

    correct(customer_key="acme", keys=["a", "b", "c"], reason="Test", at=AT, actor=ACTOR)

    assert (Outcome.objects.count(), reconcile().differences) == (1, ())
