"""Usage that arrives while its month is finalized is on that invoice, or is kept as late; never both, never neither."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from apps.contracts.models import Contract
from apps.invoices import finalize
from apps.invoices.models import Invoice
from apps.usage import ingest
from apps.usage.models import LateDay, UsageDay
from tests.builders import make_contract, make_customer
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted

POSTERS, BATCHES, EVENTS = 8, 6, 5


@pytest.mark.django_db(transaction=True)
def test_every_event_is_on_one_bill_or_kept_as_late() -> None:
    """8 callers post 6 batches of 5 events of 31 October while the draft is finalized in their midst."""
    contract = make_contract()
    draft = drafted(contract)
    together = Barrier(POSTERS + 1)

    def post(poster: int) -> int:
        try:
            together.wait()
            return sum(
                ingest.ingest(
                    events=_events(contract.customer.key, f"{poster}-{batch}"), at=IN_NOVEMBER, actor=ACTOR
                ).counted
                for batch in range(BATCHES)
            )
        finally:
            connection.close()

    def close(_: int) -> Invoice:
        try:
            together.wait()
            return finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)
        finally:
            connection.close()

    with ThreadPoolExecutor(POSTERS + 1) as pool:
        closing = pool.submit(close, 0)
        counted = sum(pool.map(post, range(POSTERS)))
        invoice = closing.result()

    line = invoice.lines.get()
    assert counted == POSTERS * BATCHES * EVENTS
    assert sum(UsageDay.objects.values_list("quantity", flat=True)) == counted
    assert invoice.total == (line.quantity * Decimal("0.01")).quantize(Decimal("0.01"))
    # What came after is not lost: its day is noted for the next invoice.
    assert LateDay.objects.exists() == (line.quantity < counted)


@pytest.mark.django_db(transaction=True)
def test_usage_of_an_account_waits_for_its_parents_invoice() -> None:
    """Batches of events of both, in either order, while the invoice of both is finalized: nobody waits in a circle."""
    parent = make_contract(make_customer("parent"))
    child = make_contract(
        make_customer("child"), parent.plan_version, parent=parent, usage="pooled", billing="parent"
    )
    draft = drafted(parent)
    together = Barrier(POSTERS + 1)

    def post(poster: int) -> int:
        try:
            together.wait()
            keys = ["parent", "child"] if poster % 2 else ["child", "parent"]
            batches = [
                [event for key in keys for event in _events(key, f"{poster}-{batch}")]
                for batch in range(BATCHES)
            ]
            return sum(
                ingest.ingest(events=events, at=IN_NOVEMBER, actor=ACTOR).counted for events in batches
            )
        finally:
            connection.close()

    def close(_: int) -> Invoice:
        try:
            together.wait()
            return finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)
        finally:
            connection.close()

    with ThreadPoolExecutor(POSTERS + 1) as pool:
        closing = pool.submit(close, 0)
        counted = sum(pool.map(post, range(POSTERS)))
        invoice = closing.result()

    billed = invoice.lines.get().quantity
    assert counted == POSTERS * BATCHES * EVENTS * 2
    assert {one.billed_until_on for one in Contract.objects.all()} == {invoice.period_end_on}
    late = LateDay.objects.filter(contract__in=[parent.pk, child.pk])
    assert late.exists() == (billed < counted)


def _events(customer: str, batch: str) -> list[object]:
    time = (IN_NOVEMBER - timedelta(days=2)).isoformat()
    return [
        {"id": f"{customer}-{batch}-{number}", "customer": customer, "type": "api.call", "time": time}
        for number in range(EVENTS)
    ]
