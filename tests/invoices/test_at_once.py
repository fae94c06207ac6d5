"""Many callers at once: one invoice, one number, every event on one bill."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

from apps.core.errors import Refusal
from apps.invoices import close, finalize
from apps.invoices.errors import AlreadyFinalized
from apps.invoices.models import Invoice, NumberSeries, ParkedClose
from tests.builders import make_contract, make_customer
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def test_sixteen_closes_at_once_make_one_draft() -> None:
    contract = make_contract()

    closes = _at_once(
        16, lambda _: close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)
    )

    assert sum(len(closed.drafts) for closed in closes) == 1
    assert Invoice.objects.count() == 1
    assert not ParkedClose.objects.exists()


def test_sixteen_finalizations_at_once_use_one_number() -> None:
    draft = drafted(make_contract())

    ends = _at_once(16, lambda _: _finalized_or_refused(draft))

    assert sorted(ends) == ["INV-2026-000001", *[AlreadyFinalized.code] * 15]
    assert NumberSeries.objects.get().next_number == 2


def test_invoices_finalized_at_once_are_numbered_without_a_gap() -> None:
    """The series exists already, so that its row alone keeps twelve callers apart."""
    version = invoiced(make_contract(make_customer("customer-0"))).contract.plan_version
    drafts = [drafted(make_contract(make_customer(f"customer-{n}"), version)) for n in range(1, 13)]

    numbers = _at_once(12, lambda place: _finalized_or_refused(drafts[place]))

    assert sorted(numbers) == [f"INV-2026-{n:06d}" for n in range(2, 14)]


def test_closing_many_months_at_once_makes_each_period_one_invoice() -> None:
    contract = make_contract(starts_on=date(2026, 1, 1))

    _at_once(
        8,
        lambda n: close.close_contract(
            contract_id=contract.pk, at=IN_NOVEMBER - timedelta(days=30 * n), actor=ACTOR
        ),
    )

    starts = Invoice.objects.order_by("period_start_on").values_list("period_start_on", flat=True)
    assert list(starts) == [date(2026, month, 1) for month in range(1, 11)]


def _finalized_or_refused(draft: Invoice) -> str:
    try:
        return str(finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR).number)
    except Refusal as refusal:
        return refusal.code


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
