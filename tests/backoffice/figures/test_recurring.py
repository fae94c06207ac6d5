"""MRR is what fees come to in a month, less discounts, whatever the billing period."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.backoffice.figures.recurring import before, monthly, stretches, yearly
from apps.contracts import amend
from apps.contracts.changes import AddDiscount, Change, ChangePlan, ChangeSeats
from apps.contracts.models import Contract
from tests.builders import (
    ACTOR,
    fee_charge,
    make_contract,
    make_customer,
    make_draft_contract,
    make_meter,
    make_plan_version,
    usage_charge,
)

pytestmark = pytest.mark.django_db
LATER = date(2027, 12, 31)


def mrr(contract: Contract, day: date, currency: str = "USD") -> str:
    return str(monthly(stretches(until=LATER), day, currency).get(contract.customer_id, "none"))


def change(contract: Contract, on: date, *changes: Change) -> None:
    amend.amend(
        contract_id=contract.pk,
        effective_on=on,
        changes=changes,
        reason="Agreed.",
        at=datetime(2026, 10, 2, tzinfo=UTC),
        actor=ACTOR,
    )


@pytest.mark.parametrize(("months", "amount"), [(1, "1000.00"), (3, "333.33"), (12, "83.33")])
def test_a_fee_counts_for_its_share_of_a_month(months: int, amount: str) -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("1000")]), billing_months=months)

    assert mrr(contract, date(2026, 11, 1)) == amount


def test_a_yearly_fee_is_its_own_arr() -> None:
    """12 x 83.33 would be 999.96: ARR comes from the exact fee."""
    make_contract(plan_version=make_plan_version([fee_charge("1000")]), billing_months=12)

    assert yearly(stretches(until=LATER), date(2026, 11, 1), "USD") == Decimal("1000.00")


def test_usage_and_one_time_fees_do_not_recur() -> None:
    make_meter()
    contract = make_contract(plan_version=make_plan_version([usage_charge()]))

    assert mrr(contract, date(2026, 11, 1)) == "none"


def test_it_lives_from_the_first_day_to_the_last() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]), ends_on=date(2026, 12, 1))

    days = [date(2026, 9, 30), date(2026, 10, 1), date(2026, 11, 30), date(2026, 12, 1)]
    assert [mrr(contract, day) for day in days] == ["none", "100.00", "100.00", "none"]
    assert before(stretches(until=LATER), date(2026, 12, 31), "USD") == {contract.customer_id}
    assert not before(stretches(until=LATER), date(2026, 10, 1), "USD")


def test_discounts_plans_and_seats_change_it_from_their_days_on() -> None:
    """10 x 39 = 390; 14 x 39 = 546 from November; less 10% is 491.40 from December; on the other plan 0.9 x 499 = 449.10."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("39", key="seats", quantity="10")]))
    other = make_plan_version([fee_charge("499")])
    change(contract, date(2026, 11, 1), ChangeSeats("seats", Decimal(14)))
    change(contract, date(2026, 12, 1), AddDiscount("loyal", "Loyal", percent=Decimal(10)))
    change(contract, date(2027, 1, 1), ChangePlan(other.pk))

    days = [date(2026, 10, 31), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert [mrr(contract, day) for day in days] == ["390.00", "546.00", "491.40", "449.10"]


def test_a_discount_ends_and_one_on_usage_alone_takes_nothing_off() -> None:
    make_meter()
    contract = make_contract(plan_version=make_plan_version([fee_charge("100"), usage_charge()]))
    change(
        contract,
        date(2026, 11, 1),
        AddDiscount("start", "Start", amount=Decimal(30), months=2),
        AddDiscount("calls", "Calls", percent=Decimal(50), charge_keys=("calls",), position=2),
    )

    assert [mrr(contract, date(2026, month, 15)) for month in (10, 11, 12)] == ["100.00", "70.00", "70.00"]
    assert mrr(contract, date(2027, 1, 15)) == "100.00"


def test_currencies_stay_apart_and_drafts_count_nowhere() -> None:
    euro = make_contract(
        make_customer("euro"), make_plan_version([fee_charge("50")], currency="EUR", plan="euro")
    )
    make_draft_contract(make_customer("unsigned"), make_plan_version([fee_charge("70")]))

    found = stretches(until=LATER)

    assert monthly(found, date(2026, 11, 1), "EUR") == {euro.customer_id: Decimal(50)}
    assert monthly(found, date(2026, 11, 1), "USD") == {}


def test_many_contracts_take_as_many_queries_as_one(django_assert_num_queries: object) -> None:
    version = make_plan_version([fee_charge("100")])
    for number in range(4):
        contract = make_contract(make_customer(f"c{number}"), version)
        change(contract, date(2026, 11, 1), AddDiscount("less", "Less", percent=Decimal(number + 1)))

    with django_assert_num_queries(5):  # type: ignore[operator]
        assert len(stretches(until=LATER)) == 8
