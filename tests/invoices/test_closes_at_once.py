"""Runs that many callers share: each period on one invoice, each event on one bill, no number lost, no error shown (R14)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection
from django.db.models import Sum

from apps.contracts.models import Contract
from apps.invoices import run
from apps.invoices.errors import RunUnderWay
from apps.invoices.models import CloseRun, Invoice, InvoiceLine, ParkedClose
from apps.usage import ingest
from apps.usage.models import UsageDay
from tests.builders import make_contract, make_customer
from tests.invoices.months import ACTOR, IN_NOVEMBER
from tests.torture.report import FULL

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 200 if FULL else 5
CUSTOMERS, POSTERS, BATCHES = 6, 8, 4
IN_DECEMBER = datetime(2026, 12, 2, tzinfo=UTC)
REVIEWED = timedelta(days=2)
T = TypeVar("T")


def test_two_closes_at_once_make_one_invoice_each_time() -> None:
    version = make_contract(make_customer("customer-0")).plan_version
    for nth in range(1, ROUNDS + 1):
        contract = make_contract(make_customer(f"customer-{nth}"), version)

        _at_once(2, lambda _: _close(IN_NOVEMBER))
        _at_once(2, lambda _: _finalize(IN_NOVEMBER + REVIEWED))

        assert Invoice.objects.get(contract=contract).number is not None
    assert not ParkedClose.objects.exists()
    numbers = Invoice.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [f"INV-2026-{n:06d}" for n in range(1, ROUNDS + 2)]


def test_every_event_that_comes_during_a_run_is_on_one_bill() -> None:
    """8 callers post events of October for six customers, while two workers draft and finalize; November adjusts the rest."""
    first = make_contract(make_customer("customer-0"))
    for nth in range(1, CUSTOMERS):
        make_contract(make_customer(f"customer-{nth}"), first.plan_version)

    def call(place: int) -> int:
        if place < POSTERS:
            return sum(_post(f"{place}-{batch}", backwards=bool(place % 2)) for batch in range(BATCHES))
        _close(IN_NOVEMBER)
        return _finalize(IN_NOVEMBER + REVIEWED)

    posted = sum(_at_once(POSTERS + 2, call)[:POSTERS])
    _close(IN_DECEMBER)
    _finalize(IN_DECEMBER + REVIEWED)

    assert Invoice.objects.filter(status="finalized").count() == 2 * CUSTOMERS
    assert not ParkedClose.objects.exists()
    counted = UsageDay.objects.aggregate(sum=Sum("quantity"))["sum"]
    billed = InvoiceLine.objects.filter(kind__in=["usage", "adjustment"]).aggregate(sum=Sum("quantity"))
    assert posted == counted == billed["sum"]
    assert {one.billed_until_on for one in Contract.objects.all()} == {IN_DECEMBER.date().replace(day=1)}


def _close(at: datetime) -> int:
    """Draft what is due, in a run of one's own or in that which is under way."""
    with suppress(RunUnderWay):
        run.start_drafts(at=at, actor=ACTOR)
    return _work(CloseRun.Step.DRAFT, at)


def _finalize(at: datetime) -> int:
    with suppress(RunUnderWay):
        run.start_finalize(at=at, actor=ACTOR)
    return _work(CloseRun.Step.FINALIZE, at)


def _work(step: CloseRun.Step, at: datetime) -> int:
    closed = 0
    while begun := CloseRun.objects.filter(step=step, finished_at=None).first():
        closed += run.advance(run_id=begun.pk, at=at, most=4)
    return closed


def _post(name: str, *, backwards: bool) -> int:
    time = (IN_NOVEMBER - timedelta(days=2)).isoformat()
    events: list[object] = [
        {"id": f"{name}-{nth}", "customer": f"customer-{nth}", "type": "api.call", "time": time}
        for nth in range(CUSTOMERS)
    ]
    taken = ingest.ingest(events=events[::-1] if backwards else events, at=IN_NOVEMBER, actor=ACTOR)
    return taken.counted


def _at_once(callers: int, call: Callable[[int], T]) -> list[T]:
    """Call from so many threads at the same moment, each with a connection of its own."""
    together = Barrier(callers)

    def caller(place: int) -> T:
        try:
            together.wait()
            return call(place)
        finally:
            connection.close()

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(caller, range(callers)))
