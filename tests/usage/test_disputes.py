"""Staff decide disputes: the decision reaches its outcome whatever the meter, the clock or the contract, and nothing else."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.contracts.models import Contract
from apps.core.errors import Refusal
from apps.core.models import AuditEntry
from apps.invoices.placed import Awaits, Placement, placement
from apps.plans import meter_rules
from apps.plans.models import Meter
from apps.usage import recount
from apps.usage.correct import correct
from apps.usage.disputes import decide, open_disputes
from apps.usage.errors import StillDisputed
from apps.usage.models import Event, Outcome, OutcomeStage, Receipt, UsageDay
from apps.usage.one_event import one_event
from apps.usage.reconcile import reconcile
from apps.usage.stored import Where
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, event, take, total

pytestmark = pytest.mark.django_db

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)
REACHED = (date(2026, 10, 5), Decimal(1))


def resolutions(**shape: Any) -> Contract:
    """Resolved tickets are billed."""
    make_meter(
        "resolutions",
        unit="resolutions",
        event_type="ticket",
        aggregation="outcomes",
        outcome_states={"succeeded": "1"},
        **shape,
    )
    return make_contract(plan_version=make_plan_version([usage_charge("resolutions")]))


def stage(state: str, time: str, *, key: str = "", **properties: Any) -> dict[str, object]:
    said = {"outcome": "T-1", "state": state, **properties}
    return event(key or state, type="ticket", time=f"2026-10-{time}:00Z", properties=said)


def disputed(**properties: Any) -> None:
    """T-1 is reached on the 5th, and disputed on the 6th."""
    taken = take(
        stage("succeeded", "05T10:00", **properties), stage("disputed", "06T10:00", **properties), at=AT
    )
    assert taken.counted == 2


def decided(*, rejects: bool = True, at: datetime = AT) -> None:
    meter_id = Meter.objects.get(key="resolutions").pk
    decide(
        customer_key="acme",
        meter_id=meter_id,
        outcome="T-1",
        rejects=rejects,
        reason="The logs show it",
        at=at,
        actor=ACTOR,
    )


def billed() -> list[tuple[date, Decimal]]:
    return list(UsageDay.objects.filter(meter__key="resolutions").values_list("day", "quantity"))


def test_a_rejected_dispute_is_billed_on_its_own_day_and_stands_in_the_trail() -> None:
    resolutions()
    disputed()

    decided()

    entry = AuditEntry.objects.get(action="usage.decide_dispute")
    assert (entry.actor, entry.reason, entry.after) == (
        ACTOR,
        "The logs show it",
        {"meter": "resolutions", "outcome": "T-1", "state": "dispute_rejected"},
    )
    assert billed() == [REACHED]
    assert not reconcile().differences


def test_filters_of_the_meter_do_not_keep_a_decision_out() -> None:
    resolutions(filters=meter_rules.read_filters("env is prod"))
    disputed(env="prod")

    decided()

    assert billed() == [REACHED]
    assert not reconcile().differences


def test_ranges_and_dimensions_of_the_meter_do_not_keep_a_decision_out() -> None:
    resolutions(dimensions=["state"], ranges=meter_rules.read_ranges("size = minutes: short to 5, long"))
    disputed(minutes=3)

    decided()

    assert UsageDay.objects.get().dimensions == {"size": "short", "state": "succeeded"}
    assert not reconcile().differences


def test_a_dispute_that_came_ahead_of_its_time_is_decided_too() -> None:
    """It is half an hour ahead, and its id comes after any other by its letters."""
    resolutions()
    take(stage("succeeded", "05T10:00"), stage("disputed", "20T12:30", key="zz"), at=AT)

    decided()

    assert billed() == [REACHED]
    assert not reconcile().differences


def test_a_success_that_came_while_the_dispute_was_open_is_decided_with_it() -> None:
    resolutions()
    disputed()
    take(stage("succeeded", "07T10:00", key="again"), at=AT)

    decided(rejects=False)

    assert billed() == []
    assert Outcome.objects.get().state == "dispute_accepted"


def test_a_dispute_is_decided_after_the_contract_ended_and_was_billed() -> None:
    contract = resolutions()
    disputed()
    Contract.objects.filter(pk=contract.pk).update(
        ends_on=date(2026, 10, 15), billed_until_on=date(2026, 10, 15)
    )

    decided()

    assert billed() == [REACHED]
    assert open_disputes() == []
    assert not reconcile().differences


def test_no_other_meter_counts_a_decision() -> None:
    make_meter("tickets", event_type="ticket", aggregation="count")
    make_meter("closed", event_type="ticket", aggregation="outcomes", outcome_states={"succeeded": "1"})
    resolutions()
    disputed()

    decided()

    closed = Outcome.objects.get(meter__key="closed")
    assert (total("tickets"), closed.state) == (2, "disputed")
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_a_recount_finds_the_decision_again() -> None:
    resolutions()
    disputed()
    decided()
    before = set(OutcomeStage.objects.values_list("key", "state", "day"))

    begun = recount.begin(meter_id=Meter.objects.get(key="resolutions").pk, at=AT, actor=ACTOR)
    recount.run(recount_id=begun.pk, at=AT)

    assert set(OutcomeStage.objects.values_list("key", "state", "day")) == before
    assert billed() == [REACHED]
    assert not reconcile().differences


def test_a_decision_that_is_voided_opens_the_dispute_again() -> None:
    resolutions()
    disputed()
    decided()

    keys = [OutcomeStage.objects.get(state="dispute_rejected").key]
    correct(customer_key="acme", keys=keys, reason="Wrong ticket", at=AT, actor=ACTOR)

    assert billed() == []
    assert [dispute.outcome for dispute in open_disputes()] == ["T-1"]
    assert not reconcile().differences


def test_a_decision_tells_its_outcome_and_is_on_no_invoice_itself() -> None:
    resolutions()
    take(stage("failed", "04T10:00"), at=AT)
    disputed()
    decided()

    found = one_event(customer_key="acme", key=OutcomeStage.objects.get(state="dispute_rejected").key)

    (fed,) = found.feeds
    assert fed.says == "Outcome T-1: dispute rejected, weight 0. The outcome so far: 2 attempts, 1 billed"
    assert placement(found) == Placement((), Awaits.NOTHING)


def test_a_decision_that_does_not_reach_its_outcome_is_refused_and_nothing_is_kept() -> None:
    """The meter counts in another way since the dispute came."""
    resolutions()
    disputed()
    Meter.objects.filter(key="resolutions").update(aggregation="count", outcome_states={})
    kept = (Event.objects.count(), Receipt.objects.count(), AuditEntry.objects.count())

    with pytest.raises(StillDisputed, match="by a recount"):
        decided()

    assert (Event.objects.count(), Receipt.objects.count(), AuditEntry.objects.count()) == kept


def test_a_decision_on_an_unknown_customer_is_refused() -> None:
    resolutions()

    with pytest.raises(Refusal, match="nobody"):
        decide(
            customer_key="nobody",
            meter_id=Meter.objects.get().pk,
            outcome="T-1",
            rejects=True,
            reason="Test",
            at=AT,
            actor=ACTOR,
        )


def test_nobody_can_send_what_reads_as_a_decision() -> None:
    resolutions()
    disputed()
    said = {"meter": "resolutions", "outcome": "T-1", "state": "dispute_rejected"}

    (detail,) = take(event("decision", type="", properties=said), at=AT).details

    assert detail.reason == "bad_type"
    assert billed() == []


def test_of_two_disputes_the_open_one_is_shown_with_what_it_holds_back() -> None:
    """The first was before the success, and held back nothing; the second holds back 1."""
    resolutions()
    take(stage("disputed", "04T10:00", key="early"))
    decided(at=datetime(2026, 10, 5, tzinfo=UTC))
    take(stage("succeeded", "06T10:00"), stage("disputed", "08T10:00", key="again"))

    (shown,) = open_disputes()

    assert (shown.disputed_at, shown.quantity) == (datetime(2026, 10, 8, 10, tzinfo=UTC), Decimal(1))


def test_a_correction_by_time_leaves_decisions_alone() -> None:
    resolutions()
    take(stage("succeeded", "05T10:00"), stage("disputed", "06T10:00"))
    decided(at=datetime(2026, 10, 7, tzinfo=UTC))
    around = Where(datetime(2026, 10, 6, 12, tzinfo=UTC), datetime(2026, 10, 8, tzinfo=UTC))

    assert correct(customer_key="acme", reason="Twice", at=AT, actor=ACTOR, where=around).voided == 0
