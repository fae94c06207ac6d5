"""What is coming in just now is read from the journal, cheaply."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from apps.core.ids import uuid7
from apps.usage import live
from apps.usage.correct import correct
from apps.usage.live import Share
from apps.usage.models import Receipt
from tests.builders import make_contract, make_customer, make_plan_version
from tests.usage.events import ACTOR, AT, event, take

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def received(seconds_ago: float, many: int = 1, *, took_ms: int = 0, **fields: Any) -> None:
    """A receipt of events that were all counted, written so many milliseconds after they came."""
    at = AT - seconds_ago * SECOND
    written = round(at.timestamp() * 1000) + took_ms
    Receipt.objects.create(
        id=UUID(int=written << 80 | uuid7().int % (1 << 80)),
        received_at=at,
        actor=ACTOR,
        received=many,
        **{"counted": many, **fields},
    )


def test_rates_are_of_whole_steps_and_the_last_one_is_complete() -> None:
    """AT is a multiple of five seconds, so the step that begins then has not ended."""
    received(0, 1_000)
    received(1, 10)
    received(5, 20)
    received(6, 5)
    received(300, 30)
    received(301, 1_000)

    found = live.rates(at=AT)

    assert len(found) == 60
    assert (found[-1].at, found[-1].a_second) == (AT - 5 * SECOND, Decimal(6))
    assert (found[-2].a_second, found[0].a_second) == (Decimal(1), Decimal(6))
    assert sum(one.a_second for one in found) == 13


def test_the_last_minute_tells_what_became_of_what_came() -> None:
    version = make_plan_version()
    make_contract(make_customer("acme"), version)
    take(event("a"), event("b"), event("c", type="unknown"), at=AT - 30 * SECOND)
    take(event("a"), event("b", quantity=3), at=AT - 20 * SECOND)
    take(event("old"), at=AT - 61 * SECOND)
    correct(customer_key="acme", keys=["a"], reason="Twice", at=AT - 10 * SECOND, actor=ACTOR)

    found = live.last_minute(at=AT)

    assert (found.received, found.counted, found.duplicate, found.conflict, found.quarantined) == (
        5,
        2,
        1,
        1,
        1,
    )
    assert found.last_at == AT - 20 * SECOND


def test_lag_is_told_as_the_age_on_receipt_and_the_time_that_it_took() -> None:
    for took, age in ((10, 1), (20, 2), (900, 300)):
        received(5, took_ms=took, newest_time=AT - (5 + age) * SECOND)

    found = live.last_minute(at=AT)

    assert (found.age, found.taken) == (2 * SECOND, timedelta(milliseconds=20))
    assert found.slowest
    assert timedelta(milliseconds=850) < found.slowest <= timedelta(milliseconds=900)


def test_nothing_yet_is_no_mistake() -> None:
    found = live.last_minute(at=AT)

    assert (found.received, found.last_at, found.age, found.taken) == (0, None, None, None)
    assert not any(one.a_second for one in live.rates(at=AT))
    assert live.busiest(at=AT) == ()


def test_the_busiest_customers_and_their_types_are_told() -> None:
    version = make_plan_version()
    for key in ("acme", "other"):
        make_contract(make_customer(key), version)
    take(*(event(f"a{n}") for n in range(3)), at=AT - 10 * SECOND)
    take(event("o", customer="other"), event("n", customer="nobody"), at=AT - 10 * SECOND)
    take(event("old", customer="other"), at=AT - 100 * SECOND)

    busy = live.busiest(at=AT)

    assert busy == (Share("acme", 3), Share("nobody", 1), Share("other", 1))
    assert live.types(busy, at=AT) == (Share("api.call", 4),)


def test_each_part_takes_one_or_two_queries(django_assert_num_queries: Any) -> None:
    received(3)

    with django_assert_num_queries(2):
        live.rates(at=AT)
        live.last_minute(at=AT)
    with django_assert_num_queries(4):
        live.types(live.busiest(at=AT), at=AT)
