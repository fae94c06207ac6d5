"""However the same events are shuffled, batched and repeated, the totals are the same."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.usage.models import Event, UsageDay
from tests.builders import make_contract, make_plan_version
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


def delivered(batches: Sequence[Sequence[int]]) -> tuple[int, list[tuple[object, ...]]]:
    """The number of events and the totals after these batches; nothing of it stays."""
    with transaction.atomic():
        for batch in batches:
            take(*[EVENTS[place] for place in batch])
        totals = sorted(
            (key, day, dimensions["model"], quantity, events)
            for key, day, dimensions, quantity, events in UsageDay.objects.values_list(
                "meter__key", "day", "dimensions", "quantity", "events"
            )
        )
        count = Event.objects.count()
        transaction.set_rollback(True)
    return count, totals


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=deliveries())
def test_order_batches_and_repeats_change_nothing(db: None, batches: list[list[int]]) -> None:
    """The sum of 7n over 0..39 is 5,460; of n + 0.25 it is 780 + 10 = 790."""
    make_contract(plan_version=make_plan_version(token_charges()))

    count, totals = delivered(batches)

    assert count == 40
    assert sum(quantity for key, *_, quantity, _ in totals if key == "input") == 5_460
    assert sum(quantity for key, *_, quantity, _ in totals if key == "output") == Decimal(790)
    assert (count, totals) == delivered([range(len(EVENTS))])
