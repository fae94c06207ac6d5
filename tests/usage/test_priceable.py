"""Usage as the pricing engine takes it, also where a plan that prices it otherwise begins inside the period."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.contracts import amend
from apps.contracts.agreed import versions_of
from apps.contracts.changes import ChangePlan
from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_in
from apps.core.errors import Refusal
from apps.plans import type_aliases
from apps.plans.compose import NewCharge, NewPrice
from apps.rating.engine import rate
from apps.usage.correct import correct
from apps.usage.models import UsageDay
from apps.usage.priceable import used_in
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.usage.events import AT as EVENTS_AT
from tests.usage.events import event, take

pytestmark = pytest.mark.django_db


def by_model(amount: str) -> NewCharge:
    price = NewPrice(model="per_unit", unit_amount=Decimal(amount), match={"model": "large"})
    return usage_charge(dimensions=["model"], prices=[price])


def dynamic(**bounds: Any) -> NewCharge:
    return usage_charge(amount_property="price", prices=[NewPrice(model="dynamic", **bounds)])


def changed(contract: Contract, *charges: NewCharge) -> Contract:
    """The contract on a plan with these charges from 16 October on."""
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 16),
        changes=[ChangePlan(make_plan_version(list(charges)).pk)],
        reason="Agreed by mail.",
        at=AT,
        actor=ACTOR,
    )
    return Contract.objects.select_related("plan_version").get(pk=contract.pk)


def october(contract: Contract) -> Decimal:
    terms = terms_in(contract, period_on(contract, date(2026, 10, 1)))
    return rate(terms.terms, used_in([(contract, terms)])[contract.pk].usage).total.amount


@pytest.mark.parametrize("order", [1, -1])
def test_a_plan_that_prices_by_a_dimension_follows_one_that_does_not_and_the_other_way_round(
    order: int,
) -> None:
    """One call at 0.01 on the plain plan, one of the large model at 2."""
    make_meter(dimensions=["model"])
    plans = [usage_charge(unit_amount="0.01"), by_model("2")]
    before, after = plans[::order]
    contract = make_contract(plan_version=make_plan_version([before]))
    large = {"properties": {"model": "large"}}
    take(event("a", time="2026-10-10T11:00:00Z", **large), event("b", time="2026-10-20T11:00:00Z", **large))

    assert october(changed(contract, after)) == Decimal("2.01")


def test_usage_without_the_dimension_that_a_later_plan_prices_by_is_refused_by_name() -> None:
    make_meter(dimensions=["model"])
    contract = make_contract(plan_version=make_plan_version([usage_charge()]))
    take(event("a", time="2026-10-20T11:00:00Z"))

    with pytest.raises(Refusal, match="'calls'"):
        october(changed(contract, by_model("2")))


def test_a_highest_value_counts_in_the_last_part_that_has_its_charge() -> None:
    """A peak of 7 on the 10th is paid though its charge is dropped on the 16th; the 9 of the 20th is not in it."""
    make_meter(aggregation="max", value_property="peak")
    contract = make_contract(plan_version=make_plan_version([usage_charge(unit_amount="1")]))
    take(
        event("a", time="2026-10-10T11:00:00Z", properties={"peak": 7}),
        event("b", time="2026-10-20T11:00:00Z", properties={"peak": 9}),
    )

    assert october(changed(contract, fee_charge("0"))) == Decimal(7)


@pytest.mark.parametrize(
    ("aggregation", "value_property", "bounds", "cost"),
    [
        ("count", "", {}, "7.50"),
        ("sum", "tokens", {}, "7.50"),
        ("count", "", {"event_minimum": Decimal(1), "event_maximum": Decimal(4)}, "6.50"),
    ],
)
def test_events_with_a_price_cost_what_they_say(
    aggregation: str, value_property: str, bounds: dict[str, Decimal], cost: str
) -> None:
    """2.50 + 5 by the property that holds the price, whatever the meter counts; with bounds 2.50 + 4."""
    make_meter(aggregation=aggregation, value_property=value_property)
    contract = make_contract(plan_version=make_plan_version([dynamic(**bounds)]))
    take(
        event("a", properties={"tokens": 10, "price": "2.50"}),
        event("b", properties={"tokens": 20, "price": 5}),
    )

    assert october(contract) == Decimal(cost)


def test_events_priced_one_by_one_pay_in_the_order_of_their_time_whatever_their_type() -> None:
    """The first 2 payouts are free: of 10, 20 and 40 in the order of their time, 40 x 0.10."""
    make_meter(aggregation="sum", value_property="paid", event_type="payout")
    type_aliases.add(sent_type="refund", event_type="payout", at=AT, actor=ACTOR)
    price = NewPrice(model="percentage", rate=Decimal("0.1"), free_events=2)
    contract = make_contract(plan_version=make_plan_version([usage_charge(prices=[price])]))
    take(
        event("a", type="payout", time="2026-10-20T09:00:00Z", properties={"paid": 10}),
        event("b", type="refund", time="2026-10-20T10:00:00Z", properties={"paid": 20}),
        event("c", type="payout", time="2026-10-20T11:00:00Z", properties={"paid": 40}),
    )

    assert october(contract) == Decimal("4.00")


def test_a_percentage_takes_the_place_of_a_price_with_included_units() -> None:
    """Of 15 in the first half 10 are included, 5 x 0.01; then 100 x 0.10 = 10."""
    make_meter(aggregation="sum", value_property="paid")
    contract = make_contract(plan_version=make_plan_version([usage_charge(included=Decimal(10))]))
    take(
        event("a", time="2026-10-10T11:00:00Z", properties={"paid": 15}),
        event("b", time="2026-10-20T11:00:00Z", properties={"paid": 100}),
    )

    rate_of_all = usage_charge(prices=[NewPrice(model="percentage", rate=Decimal("0.1"))])
    assert october(changed(contract, rate_of_all)) == Decimal("10.05")


def test_amended_contracts_of_a_batch_are_read_together(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first, then = make_plan_version(), make_plan_version([usage_charge(unit_amount="0.02")])
    stamped = []
    for number in range(5):
        contract = make_contract(make_customer(f"c{number}"), first)
        amend.amend(
            contract_id=contract.pk,
            effective_on=date(2026, 10, 16),
            changes=[ChangePlan(then.pk)],
            reason="Agreed by mail.",
            at=AT,
            actor=ACTOR,
        )
        stamped.append((contract.pk, first.pk, Contract.objects.get(pk=contract.pk).terms_stamp))

    with django_assert_num_queries(1):
        found = versions_of(stamped)
    with django_assert_num_queries(0):
        assert versions_of(stamped) == found

    assert set(found.values()) == {((date.min, first.pk), (date(2026, 10, 16), then.pk))}


def test_what_is_rounded_is_the_total_of_the_period_and_not_of_its_parts() -> None:
    """0.5 and 0.5 minutes in both halves are 1 started minute together: 1 x 0.01, and nothing more at 5."""
    make_meter(aggregation="sum", value_property="minutes", rounding="up", rounding_step=Decimal(1))
    contract = make_contract(plan_version=make_plan_version([usage_charge(unit_amount="0.01")]))
    half = {"properties": {"minutes": "0.5"}}
    take(event("a", time="2026-10-10T11:00:00Z", **half), event("b", time="2026-10-20T11:00:00Z", **half))

    assert october(changed(contract, usage_charge(unit_amount="5"))) == Decimal("0.01")


def test_an_event_has_the_prices_of_the_phase_of_its_day() -> None:
    """Only large models are priced up to the 15th, and only small ones from the 16th on."""
    make_meter(dimensions=["model"])
    contract = make_contract(plan_version=make_plan_version([by_model("2")]))
    small = NewPrice(model="per_unit", unit_amount=Decimal(1), match={"model": "small"})
    changed(contract, usage_charge(dimensions=["model"], prices=[small]))

    taken = take(
        event("a", time="2026-10-15T11:00:00Z", properties={"model": "large"}),
        event("b", time="2026-10-16T11:00:00Z", properties={"model": "large"}),
        event("c", time="2026-10-15T11:00:00Z", properties={"model": "small"}),
        event("d", time="2026-10-16T11:00:00Z", properties={"model": "small"}),
    )

    assert (taken.counted, taken.quarantined) == (2, 2)
    assert dict(UsageDay.objects.values_list("day__day", "dimensions__model")) == {15: "large", 16: "small"}


def test_a_voided_event_pays_nothing() -> None:
    make_meter()
    contract = make_contract(plan_version=make_plan_version([dynamic()]))
    take(event("a", properties={"price": "2.50"}), event("b", properties={"price": "5"}))

    correct(customer_key="acme", keys=["b"], reason="A test", at=EVENTS_AT, actor=ACTOR)

    assert october(contract) == Decimal("2.50")


@pytest.mark.parametrize("price", [{}, {"price": "-1"}, {"price": "free"}])
def test_an_event_without_the_price_that_it_should_carry_waits_in_quarantine(price: dict[str, str]) -> None:
    """It could not be priced when the month is closed, and would keep the whole invoice back."""
    make_meter()
    make_contract(plan_version=make_plan_version([dynamic()]))

    taken = take(event("a", properties=price))

    assert (taken.counted, taken.quarantined) == (0, 1)
