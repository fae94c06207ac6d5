"""Whether a meter's totals hold all events of the past, or only those since it was made or changed."""

from datetime import datetime

import pytest

from apps.plans import type_aliases
from apps.plans.models import Meter
from apps.usage.reconcile import reconcile
from tests.builders import ACTOR, make_contract, make_meter
from tests.builders import AT as MADE_AT
from tests.usage.events import AT, event, take, total

pytestmark = pytest.mark.django_db


def counts_from(key: str) -> datetime | None:
    return Meter.objects.get(key=key).counts_from


def test_a_meter_of_a_type_without_events_is_whole_however_often_it_is_changed() -> None:
    make_meter("new", event_type="export")
    make_meter("new", event_type="export", aggregation="sum")
    make_meter("new", event_type="import")

    assert counts_from("new") is None


def test_a_new_meter_of_a_type_that_is_priced_counts_from_then_on() -> None:
    make_contract()
    make_meter("new", event_type="api.call", aggregation="sum")

    assert counts_from("new") == MADE_AT


def test_a_new_meter_of_a_type_that_counts_as_another_counts_from_then_on() -> None:
    """The event of type call is stored, and no total of the new meter holds it."""
    make_contract()
    type_aliases.add(sent_type="call", event_type="api.call", at=AT, actor=ACTOR)
    take(event("a", type="call"))

    make_meter("new", event_type="call")

    assert (total("calls"), total("new")) == (1, 0)
    assert counts_from("new") == MADE_AT
    assert reconcile().not_whole == ("new",)


def test_a_meter_that_is_moved_to_another_type_is_not_whole() -> None:
    """Its totals still hold the call, which is of the type before."""
    make_contract()
    make_meter("shown")
    Meter.objects.update(counts_from=None)
    take(event("a"))

    make_meter("shown", event_type="export")

    assert total("shown") == 1
    assert counts_from("shown") == MADE_AT
    assert (reconcile().not_whole, reconcile().differences) == (("shown",), ())


def test_a_meter_that_is_not_whole_is_not_made_so_by_a_second_change() -> None:
    make_contract()
    make_meter("shown")
    take(event("a"))

    make_meter("shown", event_type="export")
    make_meter("shown", event_type="import")

    assert counts_from("shown") == MADE_AT
