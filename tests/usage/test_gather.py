"""Small requests at the same time, in one transaction."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.contracts import locks
from apps.usage import gather
from apps.usage.ingest import ingest_all
from apps.usage.intake import Batch, Ingested
from apps.usage.models import Event, Receipt
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_customer
from tests.usage.events import ACTOR, AT, event, total

CALLERS = 24


def together(calls: list[dict[str, object]]) -> list[Ingested | Exception]:
    """What each of many callers at once is answered."""
    begin = threading.Barrier(len(calls))

    def call(fields: dict[str, object]) -> Ingested | Exception:
        begin.wait()
        try:
            return gather.ingest(at=AT, actor=ACTOR, **fields)  # type: ignore[arg-type]
        except Exception as failure:  # noqa: BLE001 what it is, the test looks at
            return failure
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


@pytest.mark.django_db(transaction=True)
def test_each_caller_is_answered_for_its_own_events() -> None:
    make_contract()
    calls: list[dict[str, object]] = [
        {"events": [event(f"own-{n}"), event("shared"), event(f"astray-{n}", type="odd")]}
        for n in range(CALLERS)
    ]

    answers = together(calls)

    good = [answer for answer in answers if isinstance(answer, Ingested)]
    assert len(good) == CALLERS
    assert {(one.received, one.counted + one.duplicate, one.quarantined) for one in good} == {(3, 2, 1)}
    assert sum(one.counted for one in good) == CALLERS + 1 == total()
    assert all([detail.id for detail in one.details][-1] == f"astray-{n}" for n, one in enumerate(good))
    assert {detail.index for one in good for detail in one.details} <= {1, 2}
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_a_confined_key_stays_confined_in_company() -> None:
    make_contract()
    make_contract(make_customer("other"))
    calls: list[dict[str, object]] = [
        {"events": [event(f"e{n}", customer="other")], "customer_key": "acme" if n % 2 else None}
        for n in range(12)
    ]

    answers = together(calls)

    assert [answer.counted for answer in answers if isinstance(answer, Ingested)] == [1, 0] * 6
    assert set(Event.objects.values_list("customer__key", flat=True)) == {"other"}


@pytest.mark.django_db(transaction=True)
def test_one_that_is_refused_takes_nobody_along() -> None:
    make_contract()
    too_many: dict[str, object] = {"events": [event(f"many-{n}") for n in range(10_001)]}
    calls: list[dict[str, object]] = [{"events": [event(f"e{n}")]} for n in range(8)]

    answers = together([*calls, too_many])

    assert [type(answer) is Ingested for answer in answers] == [True] * 8 + [False]
    assert total() == 8


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_contract_that_is_being_billed_holds_nobody_up() -> None:
    billed, _ = make_contract(), make_contract(make_customer("other"))
    callers = ThreadPoolExecutor(2)

    def call(key: str, customer: str) -> Ingested:
        try:
            return gather.ingest(events=[event(key, customer=customer)], at=AT, actor=ACTOR)
        finally:
            connection.close()

    with transaction.atomic():
        locks.hold(billed.pk)
        waiting = callers.submit(call, "a", "acme")
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        assert callers.submit(call, "b", "other").result(timeout=20).counted == 1
        assert not waiting.done()

    assert waiting.result(timeout=20).counted == 1
    callers.shutdown()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_contract_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "_MOST_WAIT", timedelta(seconds=0.2))
    contract = make_contract()
    caller = ThreadPoolExecutor(1)

    def call() -> Ingested:
        try:
            return gather.ingest(events=[event("a")], at=AT, actor=ACTOR)
        finally:
            connection.close()

    with transaction.atomic():
        locks.hold(contract.pk)
        with pytest.raises(OperationalError):
            caller.submit(call).result(timeout=20)

    assert (total(), Receipt.objects.count()) == (0, 0)
    assert caller.submit(call).result(timeout=20).counted == 1
    caller.shutdown()


@pytest.mark.django_db
def test_alone_it_is_the_same_as_any_other_request() -> None:
    make_contract()

    with CaptureQueriesContext(connection) as queries:
        answer = gather.ingest(events=[event("a")], at=AT, actor=ACTOR)

    assert (answer.counted, Receipt.objects.count(), total()) == (1, 1, 1)
    assert len(queries) <= 21


@pytest.mark.django_db
def test_of_batches_taken_together_the_newest_event_is_noted() -> None:
    make_contract()
    early = event("b", time="2026-10-20T08:00:00Z")

    ingest_all([Batch([event("a")], ACTOR), Batch([early], ACTOR)], at=AT)

    assert Receipt.objects.get().newest_time == datetime(2026, 10, 20, 11, tzinfo=UTC)
