"""Levels: seats and storage, that stand until they change."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from apps.contracts import extend
from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.plans.models import Meter, PlanVersion
from apps.usage import levels, queries
from apps.usage.correct import correct
from apps.usage.models import LateDay, LevelPoint, UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, event, take

pytestmark = pytest.mark.django_db

AT = datetime(2026, 10, 4, 12, tzinfo=UTC)


def seats(
    aggregation: str = "time_weighted", *, level: str = "change", timezone: str = "UTC", **shape: Any
) -> None:
    per: dict[str, Any] = {"per": "day"} if aggregation == "time_weighted" else {}
    make_meter(
        "seats",
        unit="seat-days",
        event_type="seats",
        aggregation=aggregation,
        level=level,
        **{**per, **shape},
    )
    make_contract(plan_version=make_plan_version([usage_charge("seats")]), timezone=timezone)


def said(key: str, time: str, quantity: object) -> dict[str, object]:
    return event(key, type="seats", time=f"2026-10-{time}:00Z", quantity=quantity)


def days() -> dict[int, Decimal]:
    return {row.day.day: row.quantity for row in UsageDay.objects.order_by("day")}


def test_seats_added_and_removed_count_by_the_part_of_the_day() -> None:
    """10 from the 2nd; 5 more on the 3rd at 12:00: 10/2 + 15/2 = 12.5; 3 less on the 4th at 06:00: 15/4 + 12 x 3/4 = 12.75."""
    seats()

    take(said("a", "02T00:00", 10), said("b", "03T12:00", 5), said("c", "04T06:00", -3), at=AT)

    assert days() == {2: 10, 3: Decimal("12.5"), 4: Decimal("12.75")}


def test_gigabyte_hours_follow_the_level_that_was_set() -> None:
    """2 GB from the 3rd 20:00 (4 h = 8), 5 GB from the 4th 01:00: 1 h x 2 + 23 h x 5 = 117."""
    seats(level="set", per="hour")

    take(said("a", "03T20:00", 2), said("b", "04T01:00", "5"), at=AT)

    assert days() == {3: 8, 4: 117}


def test_a_level_stands_on_days_and_in_periods_without_events() -> None:
    seats()
    take(said("a", "02T00:00", 10), at=AT)

    levels.carry_all(at=datetime(2026, 11, 2, 1, tzinfo=UTC))

    assert UsageDay.objects.filter(quantity=10).count() == 32
    assert UsageDay.objects.order_by("-day").values_list("day", "events").first() == (date(2026, 11, 2), 0)


def test_a_contract_that_runs_longer_again_gets_the_days_of_the_gap() -> None:
    """Ended on the 3rd, and a second one drawn since the 6th: the first, running on to the 6th, gets the 3rd to the 5th."""
    seats()
    first = Contract.objects.get()
    Contract.objects.update(ends_on=date(2026, 10, 3))
    make_contract(first.customer, first.plan_version, starts_on=date(2026, 10, 6))
    take(said("a", "02T00:00", 10), at=AT)
    levels.carry_all(at=AT + timedelta(days=3))
    extend.extend(contract_id=first.pk, ends_on=date(2026, 10, 6), reason="Late", at=AT, actor=ACTOR)
    before = days()

    levels.carry_all(at=AT + timedelta(days=3))

    assert (list(before), list(days())) == ([2, 6, 7], [2, 3, 4, 5, 6, 7])
    assert not reconcile().differences


def test_a_level_that_cannot_be_carried_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seats()
    version = PlanVersion.objects.get()
    broken = make_contract(make_customer("broken"), version)
    make_contract(make_customer("last"), version)
    take(*(said("a", "02T00:00", 10) | {"customer": key} for key in ("acme", "broken", "last")), at=AT)
    draw = levels.days_of

    def days_of(contract: Contract, *args: Any, **more: Any) -> Any:
        if contract == broken:
            raise ArithmeticError
        return draw(contract, *args, **more)

    monkeypatch.setattr(levels, "days_of", days_of)
    levels.carry_all(at=AT + timedelta(days=1))

    carried = UsageDay.objects.filter(day=date(2026, 10, 5)).values_list("customer__key", flat=True)
    assert sorted(carried) == ["acme", "last"]
    assert str(broken.customer_id) in caplog.text


def test_a_meter_that_is_no_level_any_more_is_carried_no_further() -> None:
    make_meter("calls", event_type="seats", aggregation="count")
    make_meter("seats", unit="seats", event_type="seats", aggregation="latest", level="set")
    make_contract(plan_version=make_plan_version([usage_charge("calls")]))
    take(said("a", "02T00:00", 10), at=AT)
    make_meter("seats", unit="seats", event_type="seats", aggregation="sum")
    before = list(UsageDay.objects.values_list("meter__key", "day"))

    levels.carry_all(at=AT + timedelta(days=3))

    assert list(UsageDay.objects.values_list("meter__key", "day")) == before


def test_a_late_change_moves_every_day_since() -> None:
    seats()
    take(said("a", "01T00:00", 10), said("b", "03T00:00", 1), at=AT)

    take(said("c", "02T00:00", 4), at=AT)

    assert days() == {1: 10, 2: 14, 3: 15, 4: 15}


@pytest.mark.parametrize(
    ("aggregation", "expected"), [("max", {1: 10, 2: 12, 3: 7}), ("latest", {1: 10, 2: 7, 3: 7})]
)
def test_the_highest_and_the_latest_level_of_a_day(aggregation: str, expected: dict[int, int]) -> None:
    """10; then up to 12 and down to 7 on one day; then nothing."""
    seats(aggregation, level="set")

    take(
        said("a", "01T08:00", 10),
        said("b", "02T09:00", 12),
        said("c", "02T10:00", 7),
        at=AT - timedelta(days=1),
    )

    assert days() == expected


def test_a_day_of_25_hours_is_one_day_of_seats_and_25_hours_of_storage() -> None:
    """In Berlin the clocks go back on 25 October 2026."""
    seats(timezone="Europe/Berlin")
    make_meter(
        "storage", unit="GB-hours", event_type="seats", aggregation="time_weighted", level="set", per="hour"
    )
    at = datetime(2026, 10, 25, 12, tzinfo=UTC)

    take(said("a", "24T22:00", 4), at=at)

    assert dict(UsageDay.objects.values_list("meter__key", "quantity")) == {"seats": 4, "storage": 100}


def test_order_and_batches_change_nothing() -> None:
    seats()
    events = [said(f"e{n}", f"0{1 + n % 4}T{n:02}:30", n - 5) for n in range(20)]
    take(*events, at=AT)
    expected = days()
    correct(customer_key="acme", keys=[f"e{n}" for n in range(20)], reason="again", at=AT, actor=ACTOR)
    assert (days(), LevelPoint.objects.count()) == ({}, 0)

    shuffled = [{**one, "id": f"{one['id']}-again"} for one in events]
    Random(1).shuffle(shuffled)
    for one in shuffled:
        take(one, at=AT)

    assert days() == expected
    assert not reconcile().differences


def test_more_removed_than_there_is_counts_as_nothing() -> None:
    seats()

    take(said("a", "01T00:00", -5), said("b", "02T00:00", 8), at=AT)

    assert days() == {1: 0, 2: 3, 3: 3, 4: 3}


def test_levels_with_other_dimension_values_are_levels_of_their_own() -> None:
    """5 seats of one team and 2 of the other: 7 a day, priced together."""
    make_meter(
        "seats", unit="seats", event_type="seats", aggregation="latest", level="set", dimensions=["team"]
    )
    contract = make_contract(plan_version=make_plan_version([usage_charge("seats")]))
    team = [
        {**said(key, "03T00:00", count), "properties": {"team": key}} for key, count in (("a", 5), ("b", 2))
    ]
    take(*team, at=AT)

    period = period_on(contract, AT.date())

    from apps.invoices.billing import price  # noqa: PLC0415 a room above, asked for the price alone

    assert [line.quantity for line in price(contract, period).rated.lines] == [7]
    assert len(queries.totals([(contract, period)])[contract.pk]) == 2


def test_a_change_of_a_billed_day_is_noted_for_the_next_invoice() -> None:
    seats()
    take(said("a", "01T00:00", 10), at=AT)
    contract = make_contract_billed_until(date(2026, 10, 3))

    take(said("b", "02T00:00", 1), at=AT)

    assert list(LateDay.objects.values_list("contract", "day")) == [(contract, date(2026, 10, 2))]


def make_contract_billed_until(day: date) -> object:
    contract = Contract.objects.get()
    contract.billed_until_on = day
    contract.save()
    return contract.pk


def test_of_levels_set_at_one_instant_the_last_by_its_letters_stands_in_any_language() -> None:
    """Z comes before b by its code, and after it in a language."""
    seats("latest", level="set")

    take(said("b", "02T09:00", 5), said("Z", "02T09:00", 7), at=AT)
    levels.carry_all(at=AT + timedelta(days=1))

    assert days() == {2: 5, 3: 5, 4: 5, 5: 5}
    assert not reconcile().differences


def test_only_a_level_that_changes_takes_negative_quantities() -> None:
    seats(level="set")

    (detail,) = take(said("a", "01T00:00", -1), at=AT).details

    assert (detail.reason, detail.field) == ("bad_quantity", "quantity")
    assert Meter.objects.get(key="seats").level == "set"
