"""However the same events are shuffled, batched and repeated, the totals are the same."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.customers.models import Customer
from apps.plans.models import PlanVersion
from apps.usage.models import Event, UsageDay
from tests.builders import make_contract, make_customer, make_plan_version
from tests.usage.events import event, take, token_charges

pytestmark = pytest.mark.django_db

EVENTS = [
    event(
        f"e{number}",
        type="llm.request",
        time=f"2026-10-{1 + number % 19:02}T{number % 24:02}:30:00Z",
        properties={
            "model": ("large", "small")[number % 2],
            "input_tokens": number * 7,
            "output_tokens": f"{number}.25",
        },
    )
    for number in range(40)
]


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[int]]:
    """Batches that hold every event at least once, in any order, some again and again."""
    again = draw(st.lists(st.integers(0, len(EVENTS) - 1), max_size=40))
    order = draw(st.permutations([*range(len(EVENTS)), *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=6)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def delivered(customer: str, version: PlanVersion, batches: Sequence[Sequence[int]]) -> list[tuple[Any, ...]]:
    """The totals of a new customer after these batches."""
    contract = make_contract(make_customer(customer), version)
    for batch in batches:
        take(*[{**EVENTS[place], "customer": customer} for place in batch])
    assert Event.objects.filter(contract=contract).count() == len(EVENTS)
    return sorted(
        (key, day, dimensions["model"], quantity, events)
        for key, day, dimensions, quantity, events in UsageDay.objects.filter(contract=contract).values_list(
            "meter__key", "day", "dimensions", "quantity", "events"
        )
    )


@pytest.fixture
def version() -> PlanVersion:
    return make_plan_version(token_charges())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=deliveries())
def test_order_batches_and_repeats_change_nothing(version: PlanVersion, batches: list[list[int]]) -> None:
    """The sum of 7n over 0..39 is 5,460; of n + 0.25 it is 780 + 10 = 790."""
    number = Customer.objects.count()

    totals = delivered(f"customer-{number}", version, batches)

    assert sum(row[3] for row in totals if row[0] == "input") == 5_460
    assert sum(row[3] for row in totals if row[0] == "output") == Decimal(790)
    assert totals == delivered(f"customer-{number + 1}", version, [range(len(EVENTS))])
