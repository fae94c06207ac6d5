"""Usage that arrives while its month is finalized is on that invoice, or is kept as late; never both, never neither."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from apps.invoices import finalize
from apps.invoices.models import Invoice
from apps.usage import ingest
from apps.usage.models import LateDay, UsageDay
from tests.builders import make_contract
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


def _events(customer: str, batch: str) -> list[object]:
    time = (IN_NOVEMBER - timedelta(days=2)).isoformat()
    return [
        {"id": f"{batch}-{number}", "customer": customer, "type": "api.call", "time": time}
        for number in range(EVENTS)
    ]
