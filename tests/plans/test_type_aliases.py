"""Types that count as another: none whose events were counted by themselves before."""

import pytest

from apps.core.errors import Refusal
from apps.plans import type_aliases
from apps.plans.models import EventTypeAlias
from apps.usage.correct import correct
from apps.usage.reconcile import reconcile
from tests.builders import ACTOR, make_contract, make_meter, make_plan_version, usage_charge
from tests.usage.events import AT, event, take, total

pytestmark = pytest.mark.django_db


def add(sent_type: str, event_type: str) -> None:
    type_aliases.add(sent_type=sent_type, event_type=event_type, at=AT, actor=ACTOR)


def test_a_type_that_meters_count_does_not_count_as_another() -> None:
    """1 call and 1 export: were exports to count as calls, voiding the export would leave 0 calls."""
    make_meter("calls", event_type="api.call")
    make_meter("exports", event_type="export")
    make_contract(plan_version=make_plan_version([usage_charge("calls"), usage_charge("exports")]))
    take(event("call"), event("export", type="export"))

    with pytest.raises(Refusal, match="counts events of type 'export'"):
        add("export", "api.call")

    correct(customer_key="acme", keys=["export"], reason="A test", at=AT, actor=ACTOR)
    assert (total("calls"), total("exports")) == (1, 0)
    assert not EventTypeAlias.objects.exists()
    assert not reconcile().differences


def test_an_alias_does_not_lead_to_an_alias() -> None:
    make_meter("calls", event_type="api.call")
    add("api-call", "api.call")

    with pytest.raises(Refusal, match=r"'api-call' count as 'api\.call'"):
        add("call", "api-call")

    assert EventTypeAlias.objects.get().sent_type == "api-call"


def test_a_type_that_another_counts_as_does_not_count_as_a_third() -> None:
    make_meter("moved", event_type="api.call")
    add("api-call", "api.call")
    make_meter("moved", event_type="request")

    with pytest.raises(Refusal, match=r"'api-call' count as 'api\.call'"):
        add("api.call", "request")


def test_a_type_counts_as_one_that_meters_count_and_as_no_second() -> None:
    make_meter("calls", event_type="api.call")
    make_meter("exports", event_type="export")
    add("call", "api.call")

    with pytest.raises(Refusal, match="count as another type already"):
        add("call", "export")
    with pytest.raises(Refusal, match="or it is the same"):
        add("export", "export")
    with pytest.raises(Refusal, match="No meter counts"):
        add("api-call", "request")
