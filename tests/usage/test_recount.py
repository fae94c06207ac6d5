"""A meter computed over past events, while usage comes in."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection

from apps.core.errors import Refusal
from apps.plans.models import Meter
from apps.usage import recount, stored
from apps.usage.correct import correct
from apps.usage.models import Recount, UsageDay
from apps.usage.reconcile import reconcile
from apps.usage.ways import Countable
from tests.builders import make_contract, make_customer, make_meter, make_plan_version
from tests.usage.events import ACTOR, AT, event, take, token_charges, total

LATER = datetime(2026, 10, 21, tzinfo=UTC)


def used(count: int = 6) -> None:
    """Requests of two customers on two days, of two users."""
    version = make_plan_version(token_charges())
    for key in ("acme", "other"):
        make_contract(make_customer(key), version)
        take(*[request(key, n) for n in range(count)])


def request(customer: str, n: int) -> dict[str, object]:
    properties = {"model": "large", "input_tokens": n, "output_tokens": 1, "user": f"u{n % 2}"}
    return event(
        f"r{n}",
        customer=customer,
        type="llm.request",
        time=f"2026-10-{19 + n % 2}T11:00:00Z",
        properties=properties,
    )


def compute(meter: Meter) -> Recount:
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    return recount.run(recount_id=begun.pk, at=LATER)


SHAPES: dict[str, dict[str, object]] = {
    "sum": {"aggregation": "sum", "value_property": "input_tokens"},
    "count": {"aggregation": "count", "dimensions": ["user"]},
    "max": {"aggregation": "max", "value_property": "input_tokens"},
    "latest": {"aggregation": "latest", "value_property": "input_tokens"},
    "unique": {"aggregation": "unique_count", "value_property": "user"},
    "level": {"aggregation": "latest", "value_property": "input_tokens", "level": "set"},
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_meter_comes_out_as_if_it_had_always_been(shape: str) -> None:
    used()
    make_meter("new", event_type="llm.request", **SHAPES[shape])  # type: ignore[arg-type]
    take(request("acme", 6))
    correct(customer_key="acme", keys=["r3"], reason="Test", at=LATER, actor=ACTOR)
    half = Meter.objects.get(key="new")

    done = compute(half)

    assert (done.status, done.error) == ("done", "")
    assert Meter.objects.get(key="new").counts_from is None
    assert UsageDay.objects.filter(meter=half).exists()
    assert (reconcile().differences, reconcile().not_whole) == ((), ())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_day_of_more_events_than_are_held_at_once_comes_out_whole(
    monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    used(20)
    make_meter("new", event_type="llm.request", **SHAPES[shape])  # type: ignore[arg-type]
    held: list[int] = []
    feed = stored.Feeding.of_all

    def watched(feeding: stored.Feeding, page: Iterable[stored.StoredEvent]) -> list[Countable]:
        fed = feed(feeding, page)
        held.append(len(fed))
        return fed

    monkeypatch.setattr(stored, "_PAGE", 3)
    monkeypatch.setattr(stored.Feeding, "of_all", watched)

    compute(Meter.objects.get(key="new"))

    assert (sum(held), max(held)) == (40, 3)
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_a_changed_meter_counts_anew_all_that_it_counted_before() -> None:
    used()
    make_meter("new", event_type="llm.request", aggregation="count")
    compute(Meter.objects.get(key="new"))
    before = total("new")
    make_meter("new", event_type="llm.request", aggregation="sum", value_property="input_tokens")

    compute(Meter.objects.get(key="new"))

    assert (before, total("new")) == (12, 30)
    assert not reconcile().differences


@pytest.mark.django_db(transaction=True)
def test_usage_goes_on_while_a_meter_is_computed() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")

    def post(poster: int) -> None:
        try:
            for n in range(15):
                take({**request("acme", n % 2), "id": f"p{poster}-{n}"})
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        posting = [pool.submit(post, poster) for poster in range(3)]
        compute(meter)
        for one in posting:
            one.result()

    assert total("new") == 12 + 45
    assert not reconcile().differences


@pytest.mark.django_db
def test_a_preview_says_what_there_is_to_compute_and_writes_nothing() -> None:
    """Of 12 requests, 5 + 4 + ... + 0 tokens twice: 30."""
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="sum", value_property="input_tokens")

    found = recount.preview(meter)

    assert (found.events, found.customers, found.days, found.sampled, found.counted) == (12, 2, 4, 12, 12)
    assert (int(found.quantity), str(found.first_on), str(found.last_on)) == (30, "2026-10-19", "2026-10-20")
    assert not UsageDay.objects.filter(meter=meter).exists()


@pytest.mark.django_db(transaction=True)
def test_a_recount_that_stopped_goes_on_where_it_was() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    first = UsageDay.objects.order_by("customer_id", "day").values_list("customer_id", "day").first()
    assert first
    Recount.objects.filter(pk=begun.pk).update(after_customer=first[0], after_day=first[1], done=1)

    recount.run(recount_id=begun.pk, at=LATER)

    # What was done before is not done again.
    assert total("new") == 9


@pytest.mark.django_db
def test_one_recount_runs_at_a_time() -> None:
    used()
    meter = make_meter("new", event_type="llm.request", aggregation="count")
    recount.begin(meter_id=meter.pk, at=AT, actor=ACTOR)

    with pytest.raises(Refusal, match="already"):
        recount.begin(meter_id=meter.pk, at=AT, actor=ACTOR)
