"""Many callers at once, with real threads, connections and commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from random import Random
from threading import Barrier
from time import monotonic, sleep
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Sum

from apps.contracts import extend, locks
from apps.contracts.models import Contract
from apps.customers.models import Customer
from apps.usage.intake import Ingested
from apps.usage.models import Event, EventKey, LateDay, QuarantinedEvent, Receipt
from apps.usage.reconcile import reconcile
from apps.usage.release import dismiss, release
from tests.builders import make_contract, make_customer
from tests.roles import as_owner
from tests.usage.events import ACTOR, AT, backdate_meters, event, take, total

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 16


def all_at_once(call: Callable[[int], Ingested]) -> list[Ingested]:
    """Let every caller wait for the others, then call."""
    barrier = Barrier(CALLERS)

    def caller(number: int) -> Ingested:
        try:
            barrier.wait()
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


def test_the_same_ids_sent_by_sixteen_callers_count_once() -> None:
    contract = make_contract()
    make_contract(make_customer("other"), contract.plan_version)
    backdate_meters()
    events = [event(f"e{number}", customer=("acme", "other")[number % 2]) for number in range(200)]
    astray = event("astray", customer="nobody")

    def call(number: int) -> Ingested:
        # Another order for each, and some ids twice in one batch.
        batch = [*events, *events[:20], astray]
        return take(*Random(number).sample(batch, len(batch)))

    answers = all_at_once(call)

    assert sum(answer.counted for answer in answers) == 200
    assert all(answer.counted + answer.duplicate == 220 for answer in answers)
    assert all((answer.conflict, answer.quarantined) == (0, 1) for answer in answers)
    assert (Event.objects.count(), EventKey.objects.count(), int(total())) == (200, 200, 200)
    assert QuarantinedEvent.objects.values_list("times", flat=True).get() == CALLERS
    assert Receipt.objects.aggregate(Sum("received"))["received__sum"] == CALLERS * 221
    assert reconcile().differences == ()


def test_different_events_of_one_customer_all_reach_the_same_total() -> None:
    make_contract()

    answers = all_at_once(lambda number: take(*[event(f"{number}-{one}") for one in range(25)]))

    assert [answer.counted for answer in answers] == [25] * CALLERS
    assert total() == 25 * CALLERS


def test_of_two_bodies_under_one_id_exactly_one_counts() -> None:
    make_contract()

    answers = all_at_once(lambda number: take(event("same", properties={"caller": number})))

    assert sorted((answer.counted, answer.conflict) for answer in answers) == [(0, 1)] * 15 + [(1, 0)]
    assert total() == 1


def waiting_for_a_contract(many: int) -> list[UUID]:
    """Let events wait until their contract is extended; return where they wait."""
    contract = make_contract(ends_on=date(2026, 10, 10))
    take(*[event(f"e{number:03}") for number in range(many)])
    extend.extend(contract_id=contract.pk, ends_on=None, reason="Renewed", at=AT, actor=ACTOR)
    return list(QuarantinedEvent.objects.values_list("pk", flat=True))


def test_a_release_waits_for_an_id_without_holding_what_others_would_resolve() -> None:
    """Ingest takes ids first and the rows in quarantine then: held the other way round, each would wait for the other."""
    ids = waiting_for_a_contract(1)
    waiting = ThreadPoolExecutor(1)

    with transaction.atomic():
        EventKey.objects.create(customer=Customer.objects.get(), key="e000", fingerprint=b"", time=AT)
        answer = waiting.submit(release, ids=ids, at=AT, actor=ACTOR)
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.3)
        assert QuarantinedEvent.objects.select_for_update(nowait=True).get().resolved_at is None
        transaction.set_rollback(True)

    assert answer.result(timeout=20).counted == 1
    waiting.submit(lambda: connection.close()).result()  # noqa: PLW0108 the thread's own connection
    waiting.shutdown()


def test_events_sent_again_while_they_are_released_count_once() -> None:
    ids = waiting_for_a_contract(300)
    events = [event(f"e{number:03}") for number in range(300)]

    def call(number: int) -> Ingested:
        return take(*events) if number % 4 else release(ids=ids, at=AT, actor=ACTOR)

    answers = all_at_once(call)

    assert sum(answer.counted for answer in answers) == 300
    assert total() == 300
    assert QuarantinedEvent.objects.filter(resolution="counted").count() == 300
    assert not reconcile().differences


def test_what_is_released_and_dismissed_at_once_is_one_of_the_two() -> None:
    ids = waiting_for_a_contract(50)

    def call(number: int) -> Ingested:
        if number % 2:
            return release(ids=ids, at=AT, actor=ACTOR)
        many = dismiss(ids=ids, reason="A test", at=AT, actor=ACTOR)
        return Ingested(many, 0, 0, 0, many, ())

    answers = all_at_once(call)

    assert sum(answer.counted + answer.quarantined for answer in answers) == 50
    assert Event.objects.count() == QuarantinedEvent.objects.filter(resolution="counted").count()
    assert not reconcile().differences


def test_a_close_waits_for_ingest_and_ingest_for_a_close() -> None:
    """An event that comes while its period is being closed is counted after it, as a late one."""
    contract = make_contract()
    waiting = ThreadPoolExecutor(1)

    with transaction.atomic():
        locks.hold(contract.pk)
        answer = waiting.submit(take, event())
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.3)
        Contract.objects.filter(pk=contract.pk).update(billed_until_on=date(2026, 11, 1))

    assert answer.result(timeout=20).counted == 1
    assert LateDay.objects.values_list("day", flat=True).get() == date(2026, 10, 20)
    waiting.submit(lambda: connection.close()).result()  # noqa: PLW0108 the thread's own connection
    waiting.shutdown()


def test_who_loses_a_deadlock_over_ids_is_counted_all_the_same() -> None:
    """Ingest has noted `a` and waits for `b`; the other has noted `b` and waits for `a`. One is undone, and tries again."""
    contract = make_contract()
    sending = ThreadPoolExecutor(1)

    with connect() as other:
        # The one that looks first is undone.
        other.execute("SET LOCAL deadlock_timeout = '1min'")
        other.execute(NOTE, [contract.customer_id, "b"])
        answer = sending.submit(take, event("a"), event("b"))
        wait_until(is_waiting_for_a_lock)
        other.execute(NOTE, [contract.customer_id, "a"])
        other.rollback()

    assert answer.result(timeout=20).counted == 2
    assert (EventKey.objects.count(), total()) == (2, 2)
    assert not reconcile().differences
    sending.submit(lambda: connection.close()).result()  # noqa: PLW0108 the thread's own connection
    sending.shutdown()


NOTE = "INSERT INTO usage_eventkey (customer_id, key, fingerprint, \"time\") VALUES (%s, %s, '', now())"


def connect() -> psycopg.Connection:
    """Another caller's connection to the test's database."""
    settings = connection.settings_dict
    return psycopg.connect(
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        host=settings["HOST"],
        port=settings["PORT"] or None,
    )


def is_waiting_for_a_lock() -> bool:
    """Whether anybody waits in this database."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        (found,) = cursor.fetchone()
    return bool(found)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for it, some seconds at most."""
    until = monotonic() + 10
    while not is_so():
        assert monotonic() < until
        sleep(0.02)
