"""A meter computed over past events, while usage comes in."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from apps.contracts import locks
from apps.contracts.models import Contract
from apps.core.errors import Refusal
from apps.core.models import OutboxMessage
from apps.plans.models import Meter
from apps.usage import levels, recount, stored
from apps.usage.correct import correct
from apps.usage.intake import Ingested
from apps.usage.models import LateDay, LevelPoint, Outcome, OutcomeStage, Recount, UsageDay, UsageValue
from apps.usage.reconcile import reconcile
from apps.usage.ways import Countable
from tests.builders import make_contract, make_customer, make_meter, make_plan_version
from tests.usage.events import ACTOR, AT, event, take, token_charges, total

LATER = datetime(2026, 10, 21, tzinfo=UTC)


def used(count: int = 6) -> None:
    """Requests of two customers on two days, of two users."""
    version = make_plan_version(token_charges())
    for key in ("acme", "other"):
        make_contract(make_customer(key), version)
        take(*[request(key, n) for n in range(count)])


def request(customer: str, n: int) -> dict[str, object]:
    properties = {"model": "large", "input_tokens": n, "output_tokens": 1, "user": f"u{n % 2}"}
    properties |= {"outcome": f"T{n // 2}", "state": "succeeded"}
    return event(
        f"r{n}",
        customer=customer,
        type="llm.request",
        time=f"2026-10-{19 + n % 2}T11:00:00Z",
        properties=properties,
    )


def compute(meter: Meter) -> Recount:
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    return recount.run(recount_id=begun.pk, at=LATER)


SHAPES: dict[str, dict[str, object]] = {
    "sum": {"aggregation": "sum", "value_property": "input_tokens"},
    "count": {"aggregation": "count", "dimensions": ["user"]},
    "max": {"aggregation": "max", "value_property": "input_tokens"},
    "latest": {"aggregation": "latest", "value_property": "input_tokens"},
    "unique": {"aggregation": "unique_count", "value_property": "user"},
    "level": {"aggregation": "latest", "value_property": "input_tokens", "level": "set"},
    "outcomes": {"aggregation": "outcomes", "outcome_states": {"succeeded": "1"}},
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_meter_comes_out_as_if_it_had_always_been(shape: str) -> None:
    used()
    make_meter("new", event_type="llm.request", **SHAPES[shape])  # type: ignore[arg-type]
    take(request("acme", 6))
    correct(customer_key="acme", keys=["r3"], reason="Test", at=LATER, actor=ACTOR)
    half = Meter.objects.get(key="new")

    done = compute(half)

    assert (done.status, done.error) == ("done", "")
    assert Meter.objects.get(key="new").counts_from is None
    assert UsageDay.objects.filter(meter=half).exists()
    assert (reconcile().differences, reconcile().not_whole) == ((), ())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_day_of_more_events_than_are_held_at_once_comes_out_whole(
    monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    used(20)
    make_meter("new", event_type="llm.request", **SHAPES[shape])  # type: ignore[arg-type]
    held: list[int] = []
    feed = stored.Feeding.of_all

    def watched(feeding: stored.Feeding, page: Iterable[stored.StoredEvent]) -> list[Countable]:
        fed = feed(feeding, page)
        held.append(len(fed))
        return fed

    monkeypatch.setattr(stored, "_PAGE", 3)
    monkeypatch.setattr(stored.Feeding, "of_all", watched)

    compute(Meter.objects.get(key="new"))

    assert (sum(held), max(held)) == (40, 3)
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_a_changed_meter_counts_anew_all_that_it_counted_before() -> None:
    used()
    make_meter("new", event_type="llm.request", aggregation="count")
    compute(Meter.objects.get(key="new"))
    before = total("new")
    make_meter("new", event_type="llm.request", aggregation="sum", value_property="input_tokens")

    compute(Meter.objects.get(key="new"))

    assert (before, total("new")) == (12, 30)
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_usage_goes_on_while_a_meter_is_computed() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")

    def post(poster: int) -> None:
        try:
            for n in range(15):
                take({**request("acme", n % 2), "id": f"p{poster}-{n}"})
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        posting = [pool.submit(post, poster) for poster in range(3)]
        compute(meter)
        for one in posting:
            one.result()

    assert total("new") == 12 + 45
    assert not reconcile().differences


@pytest.mark.django_db
def test_a_preview_says_what_there_is_to_compute_and_writes_nothing() -> None:
    """Of 12 requests, 5 + 4 + ... + 0 tokens twice: 30."""
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="sum", value_property="input_tokens")

    found = recount.preview(meter)

    assert (found.events, found.customers, found.days, found.sampled, found.counted) == (12, 2, 4, 12, 12)
    assert (int(found.quantity), str(found.first_on), str(found.last_on)) == (30, "2026-10-19", "2026-10-20")
    assert not UsageDay.objects.filter(meter=meter).exists()


@pytest.mark.django_db(transaction=True)
def test_a_recount_that_stopped_goes_on_where_it_was() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    first = UsageDay.objects.order_by("customer_id", "day").values_list("customer_id", "day").first()
    assert first
    Recount.objects.filter(pk=begun.pk).update(after_customer=first[0], after_day=first[1], done=1)

    recount.run(recount_id=begun.pk, at=LATER)

    # What was done before is not done again.
    assert total("new") == 9


@pytest.mark.django_db(transaction=True)
def test_each_worker_does_a_part_and_asks_for_the_next() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)

    parts: list[Recount] = []
    while not parts or parts[-1].status == "running":
        at = LATER + timedelta(minutes=5 * len(parts))
        parts.append(recount.run(recount_id=begun.pk, at=at, may_go_on=lambda: False))

    assert [(part.done, part.days) for part in parts] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert OutboxMessage.objects.filter(task="usage.recount").count() == 4
    assert (total("new"), reconcile().differences, reconcile().not_whole) == (12, (), ())


@pytest.mark.django_db(transaction=True)
def test_what_stops_a_recount_is_noted_and_it_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    monkeypatch.setattr(recount, "rebuild", stopping_at(2, ArithmeticError("too odd")))

    with pytest.raises(ArithmeticError):
        recount.run(recount_id=begun.pk, at=LATER)
    begun.refresh_from_db()
    failed = (begun.status, begun.done, begun.error)
    monkeypatch.undo()
    again = recount.begin(meter_id=meter.pk, at=LATER + timedelta(hours=1), actor=ACTOR)
    done = recount.run(recount_id=again.pk, at=LATER + timedelta(hours=1))

    assert failed == ("failed", 1, "ArithmeticError: too odd")
    assert (again.pk, done.status, done.done, done.error) == (begun.pk, "done", 4, "")
    assert (total("new"), reconcile().differences) == (12, ())


def stopping_at(which: int, problem: Exception) -> Callable[..., None]:
    rebuild, calls = recount.rebuild, count(1)

    def stopping(*args: Any, **more: Any) -> None:
        if next(calls) == which:
            raise problem
        rebuild(*args, **more)

    return stopping


@pytest.mark.django_db(transaction=True)
def test_a_recount_whose_worker_is_gone_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    monkeypatch.setattr(recount, "rebuild", stopping_at(2, OperationalError("the database is shutting down")))
    with pytest.raises(OperationalError):
        recount.run(recount_id=begun.pk, at=LATER)
    monkeypatch.undo()
    asked = OutboxMessage.objects.filter(task="usage.recount")

    recount.wake(at=LATER + timedelta(minutes=15))
    early = asked.count()
    for minutes in (30, 45):
        recount.wake(at=LATER + timedelta(minutes=minutes))
    late = asked.count()
    done = recount.run(recount_id=begun.pk, at=LATER + timedelta(minutes=45))
    recount.wake(at=LATER + timedelta(days=1))

    assert (early, late, asked.count()) == (1, 2, 2)
    assert (done.status, done.done, total("new")) == ("done", 4, 12)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    await_others, others = recount._await_others, iter(["another"])

    def another_is_quicker() -> None:
        if next(others, ""):
            recount.run(recount_id=begun.pk, at=LATER, may_go_on=lambda: False)
        await_others()

    monkeypatch.setattr(recount, "_await_others", another_is_quicker)
    recount.run(recount_id=begun.pk, at=LATER)

    begun.refresh_from_db()
    assert (begun.status, begun.done, total("new")) == ("running", 1, 3)


@pytest.mark.django_db(transaction=True)
def test_a_meter_that_changes_while_it_is_computed_is_computed_from_the_beginning() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    recount.run(recount_id=begun.pk, at=LATER, may_go_on=lambda: False)
    make_meter("new", event_type="llm.request", aggregation="sum", value_property="input_tokens")
    Meter.objects.filter(key="new").update(counts_from=LATER + timedelta(minutes=1))

    done = recount.run(recount_id=begun.pk, at=LATER + timedelta(minutes=5))

    assert (done.status, done.done, total("new")) == ("done", 4, 30)
    assert (reconcile().differences, reconcile().not_whole) == ((), ())


@pytest.mark.django_db(transaction=True)
def test_a_day_is_left_alone_once_the_meter_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    monkeypatch.setattr(
        recount, "_await_others", lambda: Meter.objects.filter(pk=meter.pk).update(counts_from=LATER)
    )

    recount.run(recount_id=begun.pk, at=LATER)

    begun.refresh_from_db()
    assert (begun.status, begun.done, total("new")) == ("running", 0, 0)
    assert Meter.objects.get(key="new").counts_from == LATER


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", SHAPES)
def test_nothing_is_left_of_how_a_meter_counted_before(before: str) -> None:
    used()
    make_meter("new", event_type="llm.request", **SHAPES[before])  # type: ignore[arg-type]
    compute(Meter.objects.get(key="new"))
    make_meter("new", event_type="llm.request", aggregation="sum", value_property="output_tokens")

    compute(Meter.objects.get(key="new"))
    levels.carry_all(at=LATER + timedelta(days=3))

    assert (total("new"), reconcile().differences) == (12, ())
    for model in (LevelPoint, OutcomeStage, Outcome, UsageValue):
        assert not model.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_billed_day_that_loses_its_total_is_noted_for_the_next_invoice() -> None:
    used()
    contract = Contract.objects.order_by("number")[0]
    Contract.objects.filter(pk=contract.pk).update(billed_until_on=date(2026, 10, 10))
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    UsageDay.objects.create(
        customer_id=contract.customer_id,
        contract=contract,
        meter=meter,
        day=date(2026, 10, 5),
        quantity=7,
        events=7,
        last_received_at=AT,
    )

    compute(meter)

    assert total("new") == 12
    assert list(LateDay.objects.values_list("contract", "day")) == [(contract.pk, date(2026, 10, 5))]


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_waited_for_a_close_counts_by_the_meters_of_afterwards() -> None:
    """It waits for one contract and holds another, while a new meter is computed over what came before."""
    first = make_contract()
    make_contract(make_customer("other"), first.plan_version)
    take(event("old", customer="other"))

    def post() -> Ingested:
        try:
            return take(event("a"), event("b", customer="other"))
        finally:
            connection.close()

    def compute_new() -> None:
        try:
            compute(make_meter("new", event_type="api.call", aggregation="count"))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            locks.hold(first.pk)
            posted = pool.submit(post)
            time.sleep(0.5)
            pool.submit(compute_new).result(timeout=20)
        counted = posted.result(timeout=20).counted

    assert (counted, total("new")) == (2, 3)
    assert (reconcile().differences, reconcile().not_whole) == ((), ())


@pytest.mark.django_db
def test_one_recount_runs_at_a_time() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    recount.begin(meter_id=meter.pk, at=AT, actor=ACTOR)

    with pytest.raises(Refusal, match="already"):
        recount.begin(meter_id=meter.pk, at=AT, actor=ACTOR)
