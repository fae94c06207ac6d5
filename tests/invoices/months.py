"""A month of usage for tests of invoices, counted as ingest counts it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count

from apps.contracts.models import Contract
from apps.invoices import close, finalize
from apps.invoices.models import Invoice
from apps.plans.models import Meter
from apps.usage import ingest

ACTOR = "tests"
_ids = count(1)
IN_NOVEMBER = datetime(2026, 11, 2, 9, tzinfo=UTC)


def use(
    contract: Contract,
    meter: str,
    quantity: str,
    *,
    day: date = date(2026, 10, 5),
    dimensions: Mapping[str, str] | None = None,
) -> None:
    """Let a customer use `quantity` of a meter on one day: one event, or as many as are counted one by one."""
    metered = Meter.objects.get(key=meter)
    sizes = ["1"] * int(quantity) if metered.aggregation == Meter.Aggregation.COUNT else [quantity]
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    events = [
        {
            "id": f"event-{next(_ids)}",
            "customer": contract.customer.key,
            "type": metered.event_type,
            "time": noon.isoformat(),
            "quantity": size,
            "properties": dict(dimensions or {}),
        }
        for size in sizes
    ]
    taken = ingest.ingest(events=events, at=noon + timedelta(minutes=5), actor=ACTOR)
    assert taken.counted == len(events), taken


def drafted(contract: Contract, *, at: datetime = IN_NOVEMBER) -> Invoice:
    """Close the contract, and return the newest draft that this made."""
    closed = close.close_contract(contract_id=contract.pk, at=at, actor=ACTOR)
    assert closed.parked is None, closed.parked
    return closed.drafts[-1]


def invoiced(contract: Contract, *, at: datetime = IN_NOVEMBER) -> Invoice:
    """Close the contract and finalize the draft."""
    return finalize.finalize(invoice_id=drafted(contract, at=at).pk, at=at, actor=ACTOR)
