"""A month of usage for tests of invoices, counted as ingest counts it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

from django.db import connection

from apps.contracts.models import Contract
from apps.invoices import close, finalize, run
from apps.invoices.models import Invoice
from apps.plans.compose import NewPrice
from apps.plans.models import Meter
from apps.usage import ingest
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge

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


def finalized_by_run(*drafts: Invoice, at: datetime = IN_NOVEMBER) -> None:
    """Let a close run of these drafts alone do what it does with them."""
    begun = run.start_finalize(invoice_ids=[one.pk for one in drafts], at=at, actor="schedule")
    assert begun
    while run.advance(run_id=begun.pk, at=at):
        pass


def unpriced(key: str = "broken") -> Contract:
    """A contract that cannot be closed: its matrix prices model a alone, and its totals were changed to model b by hand."""
    meter = make_meter("tokens", aggregation="sum", unit="tokens", event_type="llm", dimensions=["model"])
    cell = NewPrice(model="per_unit", unit_amount=Decimal("0.01"), match={"model": "a"})
    charge = usage_charge("tokens", dimensions=["model"], prices=[cell])
    contract = make_contract(make_customer(key), make_plan_version([charge]))
    use(contract, meter.key, "10", dimensions={"model": "a"})
    set_model(contract, "b")
    return contract


def set_model(contract: Contract, model: str) -> None:
    """Change the model of the contract's totals by hand, which nothing in Meterbook does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE usage_usageday SET dimensions = jsonb_build_object('model', %s::text) WHERE contract_id = %s",
            [model, contract.pk],
        )
