"""Staff decide disputes over outcomes."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from apps.core import clock
from apps.usage.models import Outcome, OutcomeStage, UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_meter, make_plan_version, make_staff, usage_charge
from tests.usage.events import event, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def disputed(client: Client) -> Client:
    """A ticket that was resolved three days ago, and disputed since."""
    make_meter("tickets", event_type="ticket", aggregation="outcomes", outcome_states={"succeeded": "1"})
    make_contract(plan_version=make_plan_version([usage_charge("tickets")]), starts_on=date(2026, 1, 1))
    stages = [("succeeded", 3), ("disputed", 1)]
    now = clock.now()
    take(
        *[
            event(
                state,
                type="ticket",
                time=(now - timedelta(days=ago)).isoformat(),
                properties={"outcome": "T-1", "state": state},
            )
            for state, ago in stages
        ],
        at=now,
    )
    client.force_login(make_staff())
    return client


def decide(client: Client, word: str, why: str = "Logs show it") -> None:
    meter = Outcome.objects.get().meter_id
    client.post(
        "/admin/disputes/", {"do": word, "customer": "acme", "meter": meter, "outcome": "T-1", "why": why}
    )


def test_a_dispute_is_shown_with_what_it_is_about(disputed: Client) -> None:
    page = disputed.get("/admin/disputes/").content.decode()

    assert "T-1" in page
    assert not UsageDay.objects.exists()


def test_a_rejected_dispute_is_billed_on_its_own_day(disputed: Client) -> None:
    decide(disputed, "reject")

    assert UsageDay.objects.values_list("day", "quantity").get() == (
        (clock.now() - timedelta(days=3)).date(),
        Decimal(1),
    )
    assert "No outcome is disputed" in disputed.get("/admin/disputes/").content.decode()
    assert not reconcile().differences


def test_a_decision_has_a_page_on_which_it_can_be_voided_and_not_replaced(disputed: Client) -> None:
    decide(disputed, "reject")
    key = OutcomeStage.objects.get(state="dispute_rejected").key

    page = disputed.get("/admin/events/event/", {"customer": "acme", "id": key}).content.decode()

    assert "a decision of staff" in page
    assert "1 attempt, 1 billed" in page
    assert "Void the event" in page
    assert "Replace it by another" not in page


def test_an_accepted_dispute_stays_off(disputed: Client) -> None:
    decide(disputed, "accept")

    assert not UsageDay.objects.exists()
    assert Outcome.objects.get().state == "dispute_accepted"


def test_a_decision_needs_a_reason_and_is_made_once(disputed: Client) -> None:
    decide(disputed, "reject", why=" ")
    undecided = Outcome.objects.get().state
    decide(disputed, "accept")
    decide(disputed, "reject")

    assert (undecided, Outcome.objects.get().state) == ("disputed", "dispute_accepted")


def test_who_may_only_look_decides_nothing(disputed: Client) -> None:
    person = make_staff("reader@seller.example")
    person.is_superuser = False
    person.save()
    disputed.force_login(person)

    assert disputed.get("/admin/disputes/").status_code == 403
    assert disputed.post("/admin/disputes/", {"do": "accept"}).status_code == 403
