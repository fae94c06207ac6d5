"""A month of usage for tests of invoices, counted as ingest counts it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from apps.contracts.models import Contract
from apps.invoices import close, finalize
from apps.invoices.models import Invoice
from apps.plans.models import Meter
from apps.usage.models import UsageDay

ACTOR = "tests"
IN_NOVEMBER = datetime(2026, 11, 2, 9, tzinfo=UTC)


def use(
    contract: Contract,
    meter: str,
    quantity: str,
    *,
    day: date = date(2026, 10, 5),
    dimensions: Mapping[str, str] | None = None,
) -> None:
    """Let a customer use `quantity` of a meter on one day."""
    UsageDay.objects.create(
        customer=contract.customer,
        contract=contract,
        meter=Meter.objects.get(key=meter),
        day=day,
        dimensions=dict(dimensions or {}),
        quantity=Decimal(quantity),
        events=1,
        last_received_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
    )


def drafted(contract: Contract, *, at: datetime = IN_NOVEMBER) -> Invoice:
    """Close the contract, and return the newest draft that this made."""
    closed = close.close_contract(contract_id=contract.pk, at=at, actor=ACTOR)
    assert closed.parked is None, closed.parked
    return closed.drafts[-1]


def invoiced(contract: Contract, *, at: datetime = IN_NOVEMBER) -> Invoice:
    """Close the contract and finalize the draft."""
    return finalize.finalize(invoice_id=drafted(contract, at=at).pk, at=at, actor=ACTOR)
