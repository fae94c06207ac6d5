"""What an invoice gives back and what it asks for of earlier days come off each other before anything is left for later."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.contracts import amend
from apps.contracts.changes import AddCommitment, Change, ChangeEnd, ChangeSeats
from apps.contracts.models import Contract
from apps.credits import grant
from apps.invoices.settle import to_settle
from apps.usage.correct import correct
from apps.usage.models import EventKey
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced, use

pytestmark = pytest.mark.django_db

AT_START = datetime(2026, 10, 1, 9, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)


def changed(contract: Contract, *made: Change, on: date, at: datetime = IN_NOVEMBER) -> None:
    amend.amend(
        contract_id=contract.pk, effective_on=on, changes=made, reason="Agreed by mail.", at=at, actor=ACTOR
    )


def test_usage_that_a_minimum_stands_for_costs_nothing_to_void() -> None:
    """October: 40 calls at 1.00, and 10.00 up to the minimum of 50.00. Without the calls all 50.00 are the minimum's.

    So 40.00 come back and 40.00 are asked for, on an invoice with nothing else on it.
    """
    make_meter(aggregation="sum", late_days=400)
    contract = make_contract(plan_version=make_plan_version([usage_charge(unit_amount="1")]))
    least = AddCommitment("least", "Minimum", amount=Decimal(50), ends_on=date(2026, 11, 1))
    changed(contract, least, on=date(2026, 10, 1), at=AT_START)
    use(contract, "calls", "40")
    october = invoiced(contract)
    key = EventKey.objects.get().key
    correct(customer_key="acme", keys=[key], reason="A test.", at=IN_NOVEMBER, actor=ACTOR)

    november = invoiced(contract, at=IN_DECEMBER)

    assert [october.total, november.total] == [50, 0]
    assert [line.amount for line in november.lines.filter(kind="adjustment")] == [-40, 40]


def test_what_was_billed_in_advance_pays_what_is_asked_for_of_earlier_days_too() -> None:
    """310.00 in advance for November, which ends after 2 of 30 days: 12 seats x 31.00 x 2/30 = 24.80.

    2 seats more from 16 October on are 2 x 31.00 x 16/31 = 32.00. So 310.00 - 24.80 - 32.00 = 253.20 are to be paid back, and
    the 31.00 x 16/31 = 16.00 of a desk that was given up then.
    """
    seats = replace(fee_charge("31", key="seats", quantity="10"), in_advance=True)
    contract = make_contract(plan_version=make_plan_version([seats, fee_charge("31", key="desk")]))
    invoiced(contract, at=AT_START)
    invoiced(contract)
    moved = (ChangeSeats("desk", Decimal(0)), ChangeSeats("seats", Decimal(12)))
    changed(contract, *moved, on=date(2026, 10, 16))
    changed(contract, ChangeEnd(date(2026, 11, 3)), on=date(2026, 11, 2))

    last = invoiced(contract, at=IN_DECEMBER)

    assert last.total == 0
    assert [one.amount.amount for one in to_settle() if one.amount] == [-16, Decimal("-253.20")]


def test_fees_in_advance_that_a_grant_paid_as_well_are_told_to_be_settled_by_hand() -> None:
    """100.00 were billed for October before 100.00 were given for it, and no fee follows that they could come off."""
    fee = replace(fee_charge("100"), in_advance=True)
    contract = make_contract(plan_version=make_plan_version([fee]), ends_on=date(2026, 11, 1))
    invoiced(contract, at=AT_START)
    grant.grant(
        key="goodwill",
        name="Goodwill",
        customer_id=contract.customer_id,
        contract_id=contract.pk,
        amount=Decimal(100),
        effective_on=date(2026, 10, 10),
        at=AT_START,
        actor=ACTOR,
    )

    last = invoiced(contract)

    assert last.total == 0
    assert [one.amount.amount for one in to_settle() if one.amount] == [-100]


def test_what_is_left_of_an_account_when_its_parent_ends_is_told_to_be_settled_by_hand() -> None:
    """20.00 in advance for an account that ends on the 16th: 20.00 x 15/31 = 9.68. Its parent ends too, with nothing to pay."""
    make_meter()
    until = date(2026, 11, 1)
    parent = make_contract(make_customer("group"), make_plan_version([usage_charge()]), ends_on=until)
    fee = replace(fee_charge("20"), in_advance=True)
    labs = make_customer("labs")
    child = make_contract(labs, make_plan_version([fee]), parent=parent, billing="parent")
    invoiced(parent, at=AT_START)
    changed(child, ChangeEnd(date(2026, 10, 16)), on=date(2026, 10, 15), at=AT_START)

    assert invoiced(parent).total == 0
    assert [(one.customer_key, one.amount.amount) for one in to_settle() if one.amount] == [
        ("labs", Decimal("-10.32"))
    ]
