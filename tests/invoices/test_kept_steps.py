"""Which reasons are stored: however many events, few rows that add up."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from apps.invoices.kept_steps import MOST, kept
from apps.rating.price_models.base import Part
from apps.rating.price_models.percentage import Percentage
from apps.rating.usage import Event

PRICE = Percentage(rate=Decimal("0.029"), fixed_amount=Decimal("0.30"))


def steps_of(*amounts: int) -> list[dict[str, object]]:
    events = tuple(Event(Decimal(amount)) for amount in amounts)
    return kept(PRICE.steps(Decimal(sum(amounts)), Part(events=events)))


def test_a_few_events_are_kept_one_by_one() -> None:
    assert [step["event"] for step in steps_of(10, 20, 10)] == [1, 2, 3]


def test_events_that_follow_each_other_and_are_alike_are_one_reason() -> None:
    """100 x (10 x 2.9% + 0.30) = 100 x 0.59 = 59."""
    (one,) = steps_of(*[10] * 100)

    assert (one["event"], one["events"], one["event_amount"], one["amount"]) == (1, 100, "0.59", "59")


def test_of_a_million_events_ten_runs_and_a_sum_are_kept() -> None:
    found = steps_of(*range(1, 10_001))

    assert len(found) == MOST + 1
    assert (found[-1]["event"], found[-1]["events"]) == (MOST + 1, 10_000 - MOST)


@given(st.lists(st.integers(0, 3), max_size=60))
def test_what_is_kept_adds_up_to_all_of_it(amounts: list[int]) -> None:
    found = steps_of(*amounts)

    exact = sum((Decimal(amount) * PRICE.rate + PRICE.fixed_amount for amount in amounts), Decimal(0))
    assert sum(Decimal(str(step["amount"])) for step in found) == exact
    assert sum(Decimal(str(step["quantity"])) for step in found) == sum(amounts)
    assert sum(int(str(step.get("events", 1))) for step in found) == len(amounts)
    assert len(found) <= MOST + 1
