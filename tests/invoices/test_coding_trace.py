"""A month of real coding-agent requests, from events to the invoice, against a total that was computed elsewhere."""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

import apps.demo
from apps.plans.compose import NewCharge, NewPrice
from apps.usage import ingest
from tests.builders import ACTOR, make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import IN_NOVEMBER, invoiced

REQUESTS = 21_798
# Per token, from the public list of 2026-07-24: uncached input, cached input, output.
LIST_PRICES = {
    "claude-haiku-4-5-20251001": ("0.000001", "0.0000001", "0.000005"),
    "claude-opus-4-1-20250805": ("0.000015", "0.0000015", "0.000075"),
    "claude-opus-4-5-20251101": ("0.000005", "0.0000005", "0.000025"),
    "claude-opus-4-6": ("0.000005", "0.0000005", "0.000025"),
    "claude-sonnet-4-20250514": ("0.000003", "0.0000003", "0.000015"),
    "claude-sonnet-4-5-20250929": ("0.000003", "0.0000003", "0.000015"),
}
KINDS = ("input", "cached", "output")


@pytest.mark.django_db
def test_all_requests_of_the_trace_come_to_the_published_total() -> None:
    """Exactly 1,619.5671748 USD at list price; as lines per model and kind, each rounded half up, 1,619.56 USD."""
    for kind in KINDS:
        make_meter(
            kind,
            event_type="llm",
            unit="tokens",
            aggregation="sum",
            value_property=kind,
            dimensions=["model"],
        )
    contract = make_contract(
        None, make_plan_version([_charge(place, kind) for place, kind in enumerate(KINDS)])
    )
    events = _events(contract.customer.key)
    while batch := list(islice(events, 5_000)):
        assert ingest.ingest(events=batch, at=IN_NOVEMBER, actor=ACTOR).counted == len(batch)

    invoice = invoiced(contract)

    lines = list(invoice.lines.all())
    assert sum((line.exact for line in lines), Decimal(0)) == Decimal("1619.5671748")
    assert (len(lines), invoice.total) == (18, Decimal("1619.56"))


def _charge(place: int, kind: str) -> NewCharge:
    prices = [
        NewPrice(model="per_unit", unit_amount=Decimal(amounts[place]), match={"model": model})
        for model, amounts in LIST_PRICES.items()
    ]
    return usage_charge(kind, dimensions=["model"], prices=prices)


def _events(customer: str) -> Iterator[object]:
    """Spread the requests over October; cached tokens are part of the trace's input and are priced apart."""
    begin, apart = datetime(2026, 10, 1, tzinfo=UTC), timedelta(days=31) / REQUESTS
    trace = Path(apps.demo.__file__).parent / "data" / "claude_code_requests.csv.gz"
    with gzip.open(trace, "rt") as file:
        for number, row in enumerate(csv.DictReader(file)):
            cached = int(row["cache_read_tokens"])
            yield {
                "id": f"{row['session']}-{number}",
                "customer": customer,
                "type": "llm",
                "time": (begin + number * apart).isoformat(),
                "properties": {
                    "model": row["model"],
                    "input": int(row["input_tokens"]) - cached,
                    "cached": cached,
                    "output": int(row["output_tokens"]),
                },
            }
