"""Events for tests, and the call that takes them in."""

from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any

from apps.core.money import EXACT
from apps.plans.compose import NewCharge, NewPrice
from apps.plans.models import Meter
from apps.usage.ingest import ingest
from apps.usage.intake import Ingested
from apps.usage.models import UsageDay
from tests.builders import make_meter, usage_charge

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)
ACTOR = "tests"


def event(key: str = "e1", **fields: Any) -> dict[str, Any]:
    """An API call of acme's, an hour before `AT`; fields given as None are left out."""
    given = {
        "id": key,
        "customer": "acme",
        "type": "api.call",
        "time": "2026-10-20T11:00:00Z",
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


def take(*events: object, at: datetime = AT, customer_key: str | None = None) -> Ingested:
    return ingest(events=events, at=at, actor=ACTOR, customer_key=customer_key)


def total(meter: str = "calls") -> Any:
    """The quantity of a meter over all days, customers and dimension values."""
    rows = UsageDay.objects.filter(meter__key=meter).values_list("quantity", flat=True)
    with localcontext(EXACT):
        return sum(rows, Decimal(0))


def token_charges() -> list[NewCharge]:
    """Charges on input and output tokens of one event; input is priced by model, of which large and small exist."""
    for key in ("input", "output"):
        make_meter(
            key,
            name=f"{key.title()} tokens",
            unit="tokens",
            event_type="llm.request",
            aggregation=Meter.Aggregation.SUM,
            value_property=f"{key}_tokens",
            dimensions=["model", "region"],
        )
    prices = [
        NewPrice(model="per_unit", unit_amount=Decimal(amount), match={"model": model})
        for model, amount in (("large", "0.003"), ("small", "0.001"))
    ]
    return [
        usage_charge("input", dimensions=["model"], prices=prices),
        usage_charge("output", unit_amount="0.01"),
    ]


def backdate_meters() -> None:
    """Let the meters be older than the events of tests, whose instants are given."""
    Meter.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
