"""Forecasts of running periods are kept until their ends come near, in bulk, and drafts are held against them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from celery import current_app
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask

from apps.contracts.models import Contract
from apps.controls import keep_forecasts, tasks
from apps.core.models import AuditEntry
from apps.core.periods import Period
from apps.invoices import kept_forecasts
from apps.invoices.models import KeptForecast
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.controls.test_forecast import contract_using, usd
from tests.invoices.months import ACTOR, drafted, unpriced, use

AT = datetime(2026, 10, 16, 12, tzinfo=UTC)


def keep(*contracts: Contract, at: datetime = AT) -> int:
    return keep_forecasts.keep(contract_ids=[one.pk for one in contracts], at=at, actor=ACTOR)


def in_october(day: int) -> datetime:
    return datetime(2026, 10, day, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_what_is_kept_is_the_forecast() -> None:
    """2 and 6 calls by turns, 58 in all, at 1.00: the worked example of docs/concepts/figures.md."""
    contract = contract_using(*[2, 6] * 7, 2)

    assert keep(contract) == 1

    kept = KeptForecast.objects.get()
    assert (kept.contract_id, kept.period_start_on, kept.forecast_at) == (contract.pk, date(2026, 10, 1), AT)
    assert kept.currency == "USD"
    assert (kept.so_far, kept.expected) == (Decimal(58), Decimal(120))
    assert (kept.low, kept.high) == (Decimal("104.80"), Decimal("135.20"))
    assert AuditEntry.objects.get(action="invoices.keep_forecasts").after == {"contracts": 1}


@pytest.mark.django_db
def test_a_later_forecast_takes_its_place_until_the_last_seven_days() -> None:
    contract = contract_using(*[4] * 15)

    assert [keep(contract, at=in_october(day)) for day in (10, 20, 24, 25, 31)] == [1, 1, 1, 0, 0]

    assert KeptForecast.objects.get().forecast_at == in_october(24)


@pytest.mark.parametrize(
    ("days", "hours"),
    [(31, 7 * 24), (28, 7 * 24), (8, 2 * 24), (365, 7 * 24)],
)
def test_a_period_is_near_its_end_in_its_last_seven_days_or_its_last_quarter(days: int, hours: int) -> None:
    first_on = date(2025, 1, 1)
    period = Period(first_on, first_on + timedelta(days=days), "UTC")
    near = period.ends_at - timedelta(hours=hours)

    assert keep_forecasts.is_early(period, at=near - timedelta(seconds=1))
    assert not keep_forecasts.is_early(period, at=near)


@pytest.mark.django_db
def test_fees_alone_are_not_forecast() -> None:
    assert keep(make_contract(plan_version=make_plan_version([fee_charge("100")]))) == 0
    assert not KeptForecast.objects.exists()
    assert not AuditEntry.objects.filter(action="invoices.keep_forecasts").exists()


@pytest.mark.django_db
def test_accounts_that_share_their_prices_are_not_forecast() -> None:
    make_meter()
    version = make_plan_version([usage_charge(unit_amount="1")])
    parent = make_contract(make_customer("parent"), version)
    child = make_contract(make_customer("child"), version, parent=parent, usage="pooled", billing="parent")
    use(child, "calls", "4")

    assert keep(parent, child) == 0


@pytest.mark.django_db
def test_many_contracts_take_as_many_queries_as_few() -> None:
    make_meter()
    version = make_plan_version([usage_charge()])
    contracts = [make_contract(make_customer(f"c{number}"), version) for number in range(8)]
    for contract in contracts:
        use(contract, "calls", "3")
    keep(*contracts)

    with CaptureQueriesContext(connection) as of_two:
        assert keep(*contracts[:2]) == 2
    with CaptureQueriesContext(connection) as of_eight:
        assert keep(*contracts) == 8

    assert len(of_eight) == len(of_two) <= 11


@pytest.mark.django_db
def test_one_that_cannot_be_priced_stops_no_other() -> None:
    broken = unpriced()
    make_meter()
    version = make_plan_version([usage_charge()], plan="whole")
    whole = [make_contract(make_customer(f"c{number}"), version) for number in range(3)]

    assert keep(*whole, broken) == 3
    assert set(KeptForecast.objects.values_list("contract", flat=True)) == {one.pk for one in whole}


@pytest.mark.django_db
def test_the_draft_is_held_against_what_was_foreseen() -> None:
    """58 calls by the 16th and 62 more expected; 200 come: the draft of 258 is 138 more than 120."""
    contract = contract_using(*[2, 6] * 7, 2)
    keep(contract)
    use(contract, "calls", "200", day=date(2026, 10, 30))

    compared = kept_forecasts.of_draft(drafted(contract))

    assert compared is not None
    assert compared.is_outside
    assert (compared.comes_to, compared.expected, compared.share) == (
        usd("258.00"),
        usd("120.00"),
        Decimal("1.15"),
    )
    assert (compared.came, compared.was_to_come) == (usd("200.00"), usd("62.00"))


@pytest.fixture
def at_once() -> Iterator[None]:
    """Run every task where it is sent from."""
    before = current_app.conf.task_always_eager, current_app.conf.task_eager_propagates
    current_app.conf.task_always_eager = current_app.conf.task_eager_propagates = True
    yield
    current_app.conf.task_always_eager, current_app.conf.task_eager_propagates = before


@pytest.mark.django_db
def test_the_schedule_keeps_all_of_them_batch_by_batch(
    at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_meter()
    version = make_plan_version([usage_charge()])
    for number in range(5):
        make_contract(make_customer(f"c{number}"), version)
    monkeypatch.setattr(keep_forecasts, "_BATCH", 2)

    with time_machine.travel(AT, tick=False):
        tasks.keep_all.delay()

    assert KeptForecast.objects.count() == 5
    beat = PeriodicTask.objects.get(task="controls.keep_forecasts")
    assert beat.interval
    assert beat.interval.every == 86_400


@pytest.mark.django_db
def test_the_database_refuses_an_expectation_outside_of_its_range() -> None:
    contract = contract_using(4)

    with pytest.raises(IntegrityError, match="a_kept_forecast_lies_in_its_range"):
        KeptForecast.objects.create(
            contract=contract,
            period_start_on=date(2026, 10, 1),
            forecast_at=AT,
            currency="USD",
            so_far=1,
            expected=5,
            low=6,
            high=7,
        )
