"""Running periods are billed while others look too, and while usage comes in: each event is on one bill."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

from apps.contracts.models import Contract
from apps.invoices import finalize, threshold
from apps.invoices.models import Invoice
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import ACTOR, invoiced, use

pytestmark = pytest.mark.django_db(transaction=True)
ON_20TH = datetime(2026, 10, 20, 9, tzinfo=UTC)
T = TypeVar("T")


def agreed() -> Contract:
    make_meter()
    version = make_plan_version([usage_charge(unit_amount="0.10")])
    return make_contract(plan_version=version, bill_above=Decimal(1))


def looked(contract: Contract) -> Invoice | None:
    return threshold.bill_if_due(contract_id=contract.pk, at=ON_20TH, actor=ACTOR)


def at_once(callers: int, call: Callable[[int], T]) -> list[T]:
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


def test_eight_looks_at_once_make_one_draft() -> None:
    contract = agreed()
    use(contract, "calls", "30")

    made = at_once(8, lambda _: looked(contract))

    assert [one.subtotal for one in made if one] == [Decimal("3.00")]
    assert Invoice.objects.count() == 1


def test_usage_that_comes_in_meanwhile_is_billed_once() -> None:
    """6 x 20 calls come in while 6 others bill what there is: 12.00 in all, on however many invoices."""
    contract = agreed()

    def work(place: int) -> None:
        if place % 2:
            use(contract, "calls", "20", day=date(2026, 10, 5))
        elif made := looked(contract):
            finalize.finalize(invoice_id=made.pk, at=ON_20TH, actor=ACTOR)

    at_once(12, work)
    invoiced(contract)

    assert sum(one.subtotal for one in Invoice.objects.all()) == Decimal("12.00")
    assert Invoice.objects.exclude(status="finalized").count() == 0
