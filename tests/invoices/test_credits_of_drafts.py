"""What drafts count on of a customer's credits is there for them alone, and for nobody longer than the draft needs it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.contracts import amend
from apps.contracts.changes import AddCommitment, ChangePlan
from apps.contracts.models import Contract
from apps.credits import grant
from apps.credits.models import CreditBurn, CreditGrant, CreditReservation
from apps.invoices import finalize
from apps.plans.compose import NewPrice
from apps.usage import ingest
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db

AT_START = datetime(2026, 10, 1, 9, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)


def give(contract: Contract, amount: str) -> CreditGrant:
    unit = make_credit_unit()
    return grant.grant(
        key="bought",
        name="Bought",
        customer_id=contract.customer_id,
        credit_unit_id=unit.pk,
        amount=Decimal(amount),
        effective_on=date(2026, 10, 1),
        at=AT_START,
        actor=ACTOR,
    )


def test_a_draft_that_is_no_longer_priced_in_credits_gives_back_what_it_reserved() -> None:
    make_meter(aggregation="sum")
    make_credit_unit()
    in_credits = usage_charge(unit_amount="1", credit_unit="credits")
    contract = make_contract(plan_version=make_plan_version([in_credits]))
    give(contract, "100")
    use(contract, "calls", "30")
    invoice = drafted(contract)
    in_money = make_plan_version([usage_charge(unit_amount="2")])
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 1),
        changes=[ChangePlan(in_money.pk)],
        reason="As agreed by mail.",
        at=IN_NOVEMBER,
        actor=ACTOR,
    )

    finalized = finalize.finalize(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert finalized.total == 60
    assert not CreditReservation.objects.exists()


def test_two_contracts_of_one_customer_on_its_parents_invoice_do_not_use_the_same_credits() -> None:
    """100 credits: 80 of the contract until the 15th, and 20 of the one that follows, which pays its other 60 at 0.50."""
    make_meter(aggregation="sum")
    make_credit_unit()
    overage = NewPrice(model="per_unit", unit_amount=Decimal("0.5"))
    plan = make_plan_version([usage_charge(unit_amount="1", credit_unit="credits", overage=overage)])
    parent = make_contract(make_customer("group"), plan)
    labs = make_customer("labs")
    first = make_contract(labs, plan, parent=parent, billing="parent", ends_on=date(2026, 10, 16))
    make_contract(labs, plan, parent=parent, billing="parent", starts_on=date(2026, 10, 16), anchor_day=1)
    give(first, "100")
    use(first, "calls", "80")
    use(first, "calls", "80", day=date(2026, 10, 20))

    invoice = invoiced(parent)

    assert invoice.total == 30
    assert CreditBurn.objects.get().amount == 100


def test_late_usage_in_credits_changes_nothing_that_was_agreed_around_what_was_billed() -> None:
    """A minimum of 50.00 for October, when 100 credits paid 100 calls: the true-up is 50.00.

    One late call is priced with November, 0.50 beyond the credits; October's true-up stays.
    """
    make_meter(aggregation="sum", late_days=400)
    make_credit_unit()
    overage = NewPrice(model="per_unit", unit_amount=Decimal("0.5"))
    charge = usage_charge(unit_amount="1", credit_unit="credits", overage=overage)
    contract = make_contract(plan_version=make_plan_version([charge, fee_charge("60")]))
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 1),
        changes=[AddCommitment("least", "Minimum", amount=Decimal(50), ends_on=date(2026, 11, 1))],
        reason="As agreed by mail.",
        at=AT_START,
        actor=ACTOR,
    )
    give(contract, "100")
    use(contract, "calls", "100")
    october = invoiced(contract)
    late = {"id": "late", "customer": "acme", "type": "api.call", "time": "2026-10-20T12:00:00Z"}
    ingest.ingest(events=[late], at=IN_NOVEMBER, actor=ACTOR)

    november = invoiced(contract, at=IN_DECEMBER)

    assert [october.total, november.total] == [110, Decimal("60.50")]
