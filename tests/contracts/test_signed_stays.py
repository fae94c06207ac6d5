"""What the database itself refuses of contracts, whoever writes."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from apps.contracts import amend
from apps.contracts.changes import ChangePlan
from apps.contracts.models import Contract, Discount, Phase
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_draft_contract,
    make_plan_version,
)

pytestmark = pytest.mark.django_db


def ramp() -> Contract:
    """A draft with another plan from November on."""
    contract = make_draft_contract(plan_version=make_plan_version([fee_charge()]))
    change = ChangePlan(make_plan_version([fee_charge()]).pk)
    amend.agree(contract_id=contract.pk, on=date(2026, 11, 1), changes=[change], at=AT, actor=ACTOR)
    return contract


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "draft"},
        {"timezone": "Asia/Tokyo"},
        {"anchor_day": 5},
        {"billing_months": 3},
        {"starts_on": date(2026, 9, 1)},
        {"number": "another"},
    ],
)
def test_a_signed_contract_keeps_what_prices_and_periods_hang_on(fields: dict[str, object]) -> None:
    contract = make_contract()

    with pytest.raises(DatabaseError, match="is signed"), transaction.atomic():
        Contract.objects.filter(pk=contract.pk).update(**fields)


def test_a_signed_contract_is_not_deleted_and_a_draft_is() -> None:
    signed = make_contract()
    with pytest.raises(DatabaseError, match="is signed"), transaction.atomic():
        signed.delete()

    ramp().delete()

    assert list(Contract.objects.all()) == [signed]


def test_what_is_added_to_a_signed_contract_names_its_amendment() -> None:
    contract = make_contract()

    with pytest.raises(DatabaseError, match="names its amendment"), transaction.atomic():
        Discount.objects.create(
            contract=contract, key="a", name="A", percent=Decimal(10), starts_on=date(2026, 10, 1)
        )


def test_a_drafts_phases_keep_its_currency_and_its_days() -> None:
    contract, in_euro = ramp(), make_plan_version([fee_charge()], currency="EUR")

    with pytest.raises(DatabaseError, match="a phase in EUR is refused"), transaction.atomic():
        Phase.objects.update(plan_version=in_euro)
    with pytest.raises(DatabaseError, match="lies outside"), transaction.atomic():
        Phase.objects.update(starts_on=date(2026, 9, 1))

    for fields in ({"plan_version": in_euro}, {"starts_on": date(2026, 12, 1)}):
        with pytest.raises(DatabaseError, match="outside of its days"), transaction.atomic():
            Contract.objects.filter(pk=contract.pk).update(status="active", **fields)
