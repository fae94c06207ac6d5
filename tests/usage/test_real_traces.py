"""Real usage, shuffled, overlapping, retried, by several clients at once: the published totals come out, per model and day."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection

from apps.contracts.terms import period_on
from apps.demo import traces
from apps.demo.catalogue import MODELS, TOKEN_KINDS
from apps.invoices.billing import price
from apps.plans.compose import NewCharge, NewPrice
from apps.usage.ingest import ingest
from apps.usage.models import QuarantinedEvent, UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, total

DATA = Path(__file__).resolve().parents[1] / "data"
Event = dict[str, Any]


def post_from_everywhere(events: list[Event], *, at: datetime, clients: int = 4, size: int = 1_000) -> int:
    """Post events in shuffled batches that overlap, some of them twice, from several clients; return how many counted."""
    order = Random(20261123)
    shuffled = order.sample(events, len(events))
    batches = [shuffled[max(0, start - size // 10) : start + size] for start in range(0, len(shuffled), size)]
    batches += order.sample(batches, len(batches) // 4)

    def post(mine: list[list[Event]]) -> int:
        try:
            return sum(ingest(events=batch, at=at, actor=ACTOR).counted for batch in mine)
        finally:
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(post, [batches[start::clients] for start in range(clients)]))


def llm_meters(*dimensions: str, late_days: int = 35, **more: Any) -> list[NewCharge]:
    for key in ("input", "output"):
        make_meter(
            key,
            unit="tokens",
            event_type="llm.request",
            aggregation="sum",
            value_property=f"{key}_tokens",
            dimensions=list(dimensions),
            late_days=late_days,
            **more,
        )
    return [usage_charge("input"), usage_charge("output")]


def azure_events() -> Iterator[Event]:
    """The trace's times have 100 ns; an instant has microseconds."""
    with gzip.open(DATA / "AzureLLMInferenceTrace_conv.csv.gz", "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            yield {
                "id": f"azure-{number}",
                "customer": "acme",
                "type": "llm.request",
                "time": f"{row['TIMESTAMP'].replace(' ', 'T')[:26]}Z",
                "properties": {
                    "input_tokens": int(row["ContextTokens"]),
                    "output_tokens": int(row["GeneratedTokens"]),
                },
            }


@pytest.mark.django_db(transaction=True)
def test_the_azure_trace_counts_its_tokens_and_again_changes_nothing() -> None:
    """19,366 calls: 22,361,870 context and 4,088,665 generated tokens."""
    make_contract(plan_version=make_plan_version(llm_meters()), starts_on=date(2023, 11, 1))
    events, at = list(azure_events()), datetime(2023, 11, 17, tzinfo=UTC)

    counted = post_from_everywhere(events, at=at)
    again = post_from_everywhere(events, at=at)

    assert (counted, again) == (19_366, 0)
    assert (total("input"), total("output")) == (22_361_870, 4_088_665)
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_the_conversation_trace_counts_its_tokens() -> None:
    """5,719 calls in the half hour before midnight in Tokyo, and a little after: 73,604,194 and 1,977,204 tokens."""
    make_contract(plan_version=make_plan_version(llm_meters()), timezone="Asia/Tokyo")
    begin = datetime(2026, 10, 19, 14, 45, tzinfo=UTC)
    with gzip.open(traces.CONVERSATION_TRACE, "rt") as file:
        rows = [json.loads(line) for line in file]
    events = [
        {
            "id": f"conversation-{number}",
            "customer": "acme",
            "type": "llm.request",
            "time": (begin + timedelta(milliseconds=row["timestamp"])).isoformat(),
            "properties": {"input_tokens": row["input_length"], "output_tokens": row["output_length"]},
        }
        for number, row in enumerate(rows)
    ]

    post_from_everywhere(events, at=begin + timedelta(hours=1))

    assert (total("input"), total("output")) == (73_604_194, 1_977_204)
    midnight_ms = 15 * 60 * 1000
    expected = {
        date(2026, 10, 19): sum(row["input_length"] for row in rows if row["timestamp"] < midnight_ms),
        date(2026, 10, 20): sum(row["input_length"] for row in rows if row["timestamp"] >= midnight_ms),
    }
    assert dict(UsageDay.objects.filter(meter__key="input").values_list("day", "quantity")) == expected


@pytest.mark.django_db(transaction=True)
def test_client_rates_replayed_as_sums_count_every_request() -> None:
    """43 clients, 14 days, 40,095 windows of ten minutes: 1,420,558,786 requests, and each day's own."""
    make_meter("requests", unit="requests", event_type="requests", aggregation="sum")
    version = make_plan_version([usage_charge("requests")])
    first = datetime(2026, 10, 1, tzinfo=UTC)
    days: Counter[date] = Counter()
    events: list[Event] = []
    with gzip.open(DATA / "servegen_m-small_requests_10min.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            time = first + timedelta(seconds=int(row["window_start_s"]))
            days[time.date()] += int(row["requests"])
            events.append(
                {
                    "id": f"{row['client']} {row['window_start_s']}",
                    "customer": f"client-{row['client']}",
                    "type": "requests",
                    "time": time.isoformat(),
                    "quantity": row["requests"],
                }
            )
    for key in sorted({event["customer"] for event in events}):
        make_contract(make_customer(key), version)

    counted = post_from_everywhere(events, at=first + timedelta(days=15), size=5_000)

    assert (counted, total("requests")) == (40_095, 1_420_558_786)
    by_day: Counter[date] = Counter()
    for day, quantity in UsageDay.objects.values_list("day", "quantity"):
        by_day[day] += int(quantity)
    assert by_day == days
    assert days[first.date()] == 85_092_372
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_events_without_user_or_model_wait_with_a_reason() -> None:
    """2,668 events; 4 have no user, and 14 the model "None", for which there is no price."""
    with gzip.open(DATA / "aider_message_send_2024-08_2025-02.jsonl.gz", "rt") as file:
        rows = [json.loads(line, parse_float=Decimal) for line in file]
    models = {row["properties"]["main_model"] for row in rows} - {"None"}
    for key, name in (("input", "prompt_tokens"), ("output", "completion_tokens")):
        make_meter(
            key,
            unit="tokens",
            event_type="llm.request",
            aggregation="sum",
            value_property=name,
            dimensions=["main_model"],
            late_days=400,
        )
    prices = [
        NewPrice(model="per_unit", unit_amount=Decimal("0.000001"), match={"main_model": model})
        for model in models
    ]
    charges = [usage_charge(key, dimensions=["main_model"], prices=prices) for key in ("input", "output")]
    version = make_plan_version(charges)
    for user in sorted({row["user_id"] for row in rows if row.get("user_id")}):
        make_contract(make_customer(user), version, starts_on=date(2024, 8, 1))
    events = [
        {
            "id": f"message-{number}",
            "customer": row.get("user_id"),
            "type": "llm.request",
            "time": datetime.fromtimestamp(row["time"], UTC).isoformat(),
            "properties": row["properties"],
        }
        for number, row in enumerate(rows)
    ]

    post_from_everywhere(events, at=datetime(2025, 2, 28, tzinfo=UTC))

    waiting = Counter(QuarantinedEvent.objects.values_list("reason", flat=True))
    without_user = sum(not row.get("user_id") for row in rows)
    assert (without_user, waiting["bad_customer"]) == (4, 4)
    assert waiting["bad_customer"] + waiting["no_price"] == waiting.total()
    left = [
        row["properties"] for row in rows if row.get("user_id") and row["properties"]["main_model"] != "None"
    ]
    assert total("input") == sum(int(row["prompt_tokens"]) for row in left)
    assert total("output") == sum(int(row["completion_tokens"]) for row in left)
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_long_requests_are_priced_as_long_context() -> None:
    """Requests of more than 200,000 input tokens, cached ones included, at their own price: USD 1,962.2720308 in all.

    Of 21,798 requests 2,526 of two models are long. Source: as in tests/rating/test_coding_trace.py.
    """
    with gzip.open(traces.DATA / "litellm_model_prices_2026-07-24.json.gz") as file:
        listed = json.load(file, parse_float=Decimal)
    context = {
        "value": "input_tokens + cached_tokens",
        "steps": [{"up_to": "200000", "name": "standard"}],
        "beyond": "long",
    }
    charges = []
    for kind in TOKEN_KINDS:
        make_meter(
            kind.meter,
            unit="tokens",
            event_type="llm.request",
            aggregation="sum",
            value_property=kind.value_property,
            dimensions=["model"],
            ranges={"context": context},
        )
        prices = [
            NewPrice(model="per_unit", unit_amount=Decimal(amount), match={"model": model, "context": name})
            for model in MODELS
            for name, field in (("standard", ""), ("long", "_above_200k_tokens"))
            if (amount := listed[model].get(f"{kind.price_field}{field}", listed[model][kind.price_field]))
            is not None
        ]
        charges.append(usage_charge(kind.meter, dimensions=["model", "context"], prices=prices))
    contract = make_contract(plan_version=make_plan_version(charges))
    first, last = datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC)

    post_from_everywhere(
        traces.coding_events(first_at=first, last_at=last, customers=["acme"]), at=last, size=5_000
    )

    lines = price(contract, period_on(contract, date(2026, 10, 1))).rated.lines
    assert sum((Decimal(str(line.exact)) for line in lines), Decimal(0)) == Decimal("1962.2720308")
    # Two of the six models have a long context's price, and are used so: 6 x 3 lines, and 3 more of each of the two.
    assert {dict(line.dimensions)["context"] for line in lines} == {"standard", "long"}
