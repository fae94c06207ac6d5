"""The whole coding trace, through the API in shuffled, overlapping batches: every token is counted, exactly once."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import time_machine

from apps.api import auth
from apps.demo import traces
from apps.demo.catalogue import make_meters, make_plans, make_seller
from apps.usage.models import UsageDay
from apps.usage.reconcile import reconcile
from tests.api.calls import Backend, said
from tests.builders import make_api_key, make_contract, make_customer
from tests.usage.events import backdate_meters

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 10, 1, 8, tzinfo=UTC)
LAST = datetime(2026, 10, 31, 20, tzinfo=UTC)
# Input, cached and output tokens of all 21,798 requests by model, summed with awk.
TOKENS = {
    "claude-haiku-4-5-20251001": (3_297_773, 23_034_048, 281_979),
    "claude-opus-4-1-20250805": (485_927, 6_101_632, 48_683),
    "claude-opus-4-5-20251101": (38_131_656, 1_035_897_088, 4_572_893),
    "claude-opus-4-6": (8_408_918, 307_953_088, 1_488_301),
    "claude-sonnet-4-20250514": (13_063_416, 368_001_216, 901_127),
    "claude-sonnet-4-5-20250929": (35_013_458, 785_283_264, 2_171_523),
}
METERS = ("input-tokens", "cached-tokens", "output-tokens")


def test_the_trace_counts_every_token_of_every_model() -> None:
    make_seller(at=FIRST)
    make_meters(at=FIRST)
    version = make_plans(at=FIRST)["per-token"]
    customers = ["code-one", "code-two", "code-three"]
    for key in customers:
        make_contract(make_customer(key), version, timezone="America/New_York", starts_on=FIRST.date())
    events = traces.coding_events(first_at=FIRST + timedelta(days=1), last_at=LAST, customers=customers)
    order = Random(20261001)
    shuffled = order.sample(events, len(events))
    # Every batch repeats 150 events that were sent before it, and a fifth of all batches is sent again.
    batches = [shuffled[max(0, start - 150) : start + 2_000] for start in range(0, len(shuffled), 2_000)]
    batches += order.sample(batches, len(batches) // 5)

    with time_machine.travel(LAST, tick=False):
        auth.forget()
        backend = Backend(make_api_key())
        answers = [said(backend.post("/events", batch)) for batch in batches]

    assert sum(answer["counted"] for answer in answers) == len(events) == 21_798
    assert sum(answer["conflict"] + answer["quarantined"] for answer in answers) == 0
    counted: Counter[tuple[str, str]] = Counter()
    for meter, dimensions, quantity in UsageDay.objects.values_list("meter__key", "dimensions", "quantity"):
        counted[meter, dimensions["model"]] += int(quantity)
    assert counted == {
        (meter, model): tokens
        for model, of_model in TOKENS.items()
        for meter, tokens in zip(METERS, of_model, strict=True)
    }
    backdate_meters()
    assert reconcile().differences == ()
