"""Corrections: void and replace, by new records."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from apps.core.errors import Refusal
from apps.usage import queries
from apps.usage.correct import correct
from apps.usage.models import Correction, Event, LateDay, Receipt, Reversal, UsageDay, UsageValue
from apps.usage.reconcile import reconcile
from apps.usage.stored import Where
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, AT, event, take, token_charges, total

pytestmark = pytest.mark.django_db


def requests(*numbers: int, **properties: object) -> list[dict[str, object]]:
    return [
        event(
            f"r{n}",
            type="llm.request",
            properties={"model": "large", "input_tokens": n, "output_tokens": 1, **properties},
        )
        for n in numbers
    ]


def void(*keys: str, reason: str = "Sent twice", **fields: Any) -> object:
    given: dict[str, Any] = {"customer_key": "acme", "keys": keys, "reason": reason, "at": AT, "actor": ACTOR}
    return correct(**{**given, **fields})


def test_a_voided_event_counts_no_more_and_stays_on_record() -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    take(*requests(10, 20))

    corrected = correct(customer_key="acme", keys=["r10"], reason="Test traffic", at=AT, actor=ACTOR)

    assert (corrected.voided, corrected.voided_before, corrected.not_found) == (1, 0, ())
    assert (total("input"), total("output")) == (20, 1)
    assert Event.objects.count() == 2
    correction = Correction.objects.get()
    assert (correction.reason, correction.actor, correction.voided) == ("Test traffic", ACTOR, 1)
    assert Reversal.objects.values_list("key", "correction").get() == ("r10", correction.pk)
    received = queries.received()
    assert (received.received, received.counted, received.voided) == (2, 1, 1)
    assert not reconcile().differences


def test_an_event_cannot_be_replaced_by_itself() -> None:
    """Its id stays used: it would be voided, and told as counted before."""
    make_contract(plan_version=make_plan_version(token_charges()))
    take(*requests(10))

    with pytest.raises(Refusal, match="id of its own"):
        void("r10", replacements=requests(10))

    assert total("input") == 10
    assert not Correction.objects.exists()


def test_a_total_of_nothing_is_no_row() -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    take(*requests(10))

    void("r10")

    assert not UsageDay.objects.exists()


def test_voiding_again_changes_nothing() -> None:
    make_contract()
    take(event("a"), event("b"))
    void("a")

    again = correct(customer_key="acme", keys=["a", "unknown"], reason="Again", at=AT, actor=ACTOR)

    assert (again.voided, again.voided_before, again.not_found) == (0, 1, ("unknown",))
    assert total() == 1
    assert not reconcile().differences


def test_a_voided_id_stays_used() -> None:
    make_contract()
    take(event("a"))
    void("a")

    taken = take(event("a"))

    assert (taken.duplicate, total()) == (1, 0)


def test_events_are_replaced_in_one_step() -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    take(*requests(10))
    right = {**requests(12)[0], "id": "r10, corrected"}

    corrected = correct(
        customer_key="acme", keys=["r10"], replacements=[right], reason="Typo", at=AT, actor=ACTOR
    )

    assert (corrected.voided, corrected.replaced.counted, total("input")) == (1, 1, 12)
    assert not reconcile().differences


def test_a_replacement_that_cannot_be_counted_leaves_all_as_it_was() -> None:
    make_contract()
    take(event("a"))

    with pytest.raises(Refusal, match="1 of 1 events cannot be counted"):
        void("a", replacements=[event("b", type="unknown")])

    assert total() == 1
    assert not Correction.objects.exists()
    assert queries.waiting().count() == 0


def test_a_filter_names_events_by_time_type_and_properties() -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    take(*requests(1, 2), *requests(3, 4, region="eu"))
    day = (datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 10, 21, tzinfo=UTC))

    corrected = correct(
        customer_key="acme",
        where=Where(*day, "llm.request", {"region": "eu"}),
        reason="Load test",
        at=AT,
        actor=ACTOR,
    )

    assert (corrected.voided, total("input")) == (2, 3)
    assert Correction.objects.get().scope["properties"] == {"region": "eu"}


def test_other_customers_events_are_not_touched() -> None:
    make_contract()
    make_contract(make_customer("other"))
    take(event("a"), event("a", customer="other"))

    void("a")

    assert UsageDay.objects.values_list("customer__key", flat=True).get() == "other"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"reason": " "}, "needs its reason"),
        ({"keys": []}, "Name the events"),
        ({"customer_key": "nobody"}, "There is no customer 'nobody'"),
        ({"keys": [f"e{n}" for n in range(10_001)]}, "at most 10,000"),
    ],
)
def test_a_correction_without_reason_or_events_is_refused(fields: dict[str, Any], text: str) -> None:
    make_contract()
    take(event("a"))

    with pytest.raises(Refusal, match=text):
        void("a", **fields)

    assert total() == 1


def test_a_correction_of_a_billed_day_is_noted_for_the_next_invoice() -> None:
    contract = make_contract()
    take(event("a"))
    contract.billed_until_on = date(2026, 11, 1)
    contract.save()

    void("a")

    assert LateDay.objects.values_list("contract", "day").get() == (contract.pk, date(2026, 10, 20))


def test_the_highest_and_the_latest_value_fall_back_to_what_is_left() -> None:
    """Of 5, 9 and 7 the highest is 9 and the latest 7; without the last two it is 5."""
    make_meter("peak", event_type="gauge", aggregation="max")
    make_meter("last", event_type="gauge", aggregation="latest")
    make_contract(plan_version=make_plan_version([usage_charge("peak"), usage_charge("last")]))
    take(
        *[
            event(f"g{n}", type="gauge", time=f"2026-10-20T0{n}:00:00Z", quantity=q)
            for n, q in ((1, 5), (2, 9), (3, 7))
        ]
    )
    before = (total("peak"), total("last"))

    void("g2", "g3")

    assert (before, total("peak"), total("last")) == ((9, 7), 5, 5)
    assert not reconcile().differences


def test_a_value_counts_until_its_last_event_is_gone() -> None:
    make_meter("users", event_type="visit", aggregation="unique_count", value_property="user")
    make_contract(plan_version=make_plan_version([usage_charge("users")]))
    take(
        *[
            event(key, type="visit", properties={"user": user})
            for key, user in (("a", "u1"), ("b", "u1"), ("c", "u2"))
        ]
    )
    counts = [total("users")]

    for key in ("a", "b"):
        void(key)
        counts.append(total("users"))

    assert counts == [2, 2, 1]
    assert UsageValue.objects.values_list("value", "events").get() == ("u2", 1)
    assert not reconcile().differences


def test_different_values_are_counted_apart_by_dimensions() -> None:
    """u1 and u2 on the web, u1 in the app, are 3; without the app's event 2; without the web's u2 1."""
    make_meter(
        "users", event_type="visit", aggregation="unique_count", value_property="user", dimensions=["by"]
    )
    make_contract(plan_version=make_plan_version([usage_charge("users")]))
    take(
        *[
            event(key, type="visit", properties={"user": user, "by": by})
            for key, user, by in (("a", "u1", "web"), ("b", "u2", "web"), ("c", "u1", "app"))
        ]
    )
    counts = [total("users")]

    for key in ("c", "b"):
        void(key)
        counts.append(total("users"))

    assert counts == [3, 2, 1]
    assert not reconcile().differences


@pytest.mark.parametrize("table", ["usage_correction", "usage_reversal"])
@pytest.mark.usefixtures("owner")
def test_corrections_are_never_changed(table: str) -> None:
    make_contract()
    take(event("a"))
    void("a")

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"DELETE FROM {table}")


def test_every_row_of_the_journal_balances() -> None:
    make_contract()
    take(event("a"), event("a"), event("b", type="unknown"))
    void("a")

    rows = Receipt.objects.values_list(
        "received", "counted", "voided", "duplicate", "conflict", "quarantined"
    )
    assert all(received == sum(others) for received, *others in rows)
    assert Decimal(sum(row[0] for row in rows)) == 3


def test_replacements_may_be_old_and_have_a_month_of_their_own_but_are_not_from_the_future() -> None:
    make_contract(starts_on=date(2026, 1, 1))
    take(event("a"))

    with pytest.raises(Refusal, match="cannot be counted"):
        void("a", replacements=[event("future", time="2031-01-01T00:00:00Z")])
    void("a", replacements=[event("old", time="2026-02-03T00:00:00Z")])

    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM usage_event WHERE key = 'old'")
        assert cursor.fetchone() == ("usage_event_2026_02",)
