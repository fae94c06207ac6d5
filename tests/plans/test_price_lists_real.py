"""The published lists of four days, and 2,416 calls whose costs were recorded when they were made."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from apps.core.periods import Period
from apps.plans import price_lists, publish, queries
from apps.plans.markup import Choice
from apps.plans.models import Charge
from apps.rating.engine import rate
from apps.rating.terms import Terms
from apps.rating.usage import Usage
from tests.builders import ACTOR, AT, make_draft_version, make_meter, usage_charge
from tests.plans.price_files import real_file, take_real_lists, taken

pytestmark = pytest.mark.django_db
AS_RECORDED = Fraction(1, 10**9)
CALLS = Path(__file__).resolve().parent.parent / "data" / "aider_message_send_2024-08_2025-02.jsonl.gz"
CHECKED = "usage/aider_message_send_2024-08_2025-02_cost_check.csv.gz"
# Two calls name the provider before the model, which the list does not.
NAMES = {
    "anthropic/claude-3-7-sonnet-20250219": "claude-3-7-sonnet-20250219",
    "openai/gpt-4o-mini": "gpt-4o-mini",
}


def make_token_charge() -> Charge:
    make_meter(
        "tokens",
        name="Tokens",
        unit="tokens",
        event_type="llm.tokens",
        aggregation="sum",
        value_property="tokens",
        dimensions=("model", "kind"),
    )
    make_draft_version([usage_charge("tokens", dimensions=("model", "kind"), prices=())])
    return Charge.objects.get()


def recorded_calls() -> Iterator[dict[str, Any]]:
    """The calls whose recorded cost is exactly tokens times the price in force, as the cost check found."""
    rows = csv.DictReader(io.StringIO(gzip.decompress(real_file(CHECKED)).decode()))
    is_exact = {int(row["line"]): row["status"] == "exact" for row in rows}
    lines = gzip.decompress(CALLS.read_bytes()).decode().splitlines()
    for number, line in enumerate(lines, start=1):
        if is_exact[number]:
            yield json.loads(line, parse_float=Decimal)


def test_each_of_2416_recorded_calls_costs_what_it_cost_at_the_price_of_its_day() -> None:
    take_real_lists()
    charge = make_token_charge()
    calls = list(recorded_calls())
    choice = Choice(
        patterns=tuple({call["properties"]["main_model"] for call in calls} - NAMES.keys()),
        names=NAMES,
        kind_dimension="kind",
        kinds={"input": "input", "output": "output"},
        is_dated=True,
    )
    taken(charge, choice)
    publish.publish(version_id=charge.plan_version_id, at=AT, actor=ACTOR)
    (planned,) = queries.charges_of(charge.plan_version_id)
    terms_of: dict[date, Terms] = {}
    differences = []

    for call in calls:
        day = datetime.fromtimestamp(call["time"], UTC).date()
        month = day.replace(day=1)
        if month not in terms_of:
            next_month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
            terms_of[month] = Terms("USD", Period(month, next_month, "UTC"), (planned.charge,))
        said = call["properties"]
        usage = [
            Usage("tokens", Decimal(said[count]), (("model", said["main_model"]), ("kind", kind)), day=day)
            for count, kind in (("prompt_tokens", "input"), ("completion_tokens", "output"))
        ]
        cost = sum(Fraction(line.exact) for line in rate(terms_of[month], usage).lines)
        differences.append(abs(cost - Fraction(said["cost"])))

    assert len(differences) == 2416
    assert max(differences) < AS_RECORDED


def test_a_price_that_rose_is_the_old_one_until_its_day_and_the_new_one_from_it_on() -> None:
    """deepseek-chat: $0.14 for a million tokens of input in the list of February, $0.27 in that of 10 June."""
    take_real_lists("2025-02-06", "2025-06-10")
    charge = make_token_charge()

    taken(
        charge,
        Choice(
            patterns=("deepseek/deepseek-chat",),
            kind_dimension="kind",
            kinds={"input": "input"},
            is_dated=True,
        ),
    )

    prices = charge.prices.order_by("starts_on").values_list("starts_on", "unit_amount")
    assert {(day, (amount or 0) * 1_000_000) for day, amount in prices} == {
        (None, Decimal("0.14")),
        (date(2025, 6, 10), Decimal("0.27")),
    }


def test_what_changed_between_two_days_is_told_in_percent() -> None:
    price_list = take_real_lists("2025-02-06", "2025-06-10")
    first, second = price_list.versions.order_by("day")

    found = price_lists.changes(price_lists.prices_of(first), price_lists.prices_of(second))
    rise = next(one for one in found if (one.model, one.kind) == ("deepseek/deepseek-chat", "input"))

    assert (rise.way, rise.percent) == ("dearer", Decimal("92.9"))
    assert sum(price_lists.counted(found).values()) == len(found)
