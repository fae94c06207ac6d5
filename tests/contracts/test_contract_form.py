"""The form of a contract: each mistake stands at its field, also what the database would refuse."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.contracts import amend
from apps.contracts.changes import AddDiscount
from apps.contracts.form import ContractForm
from apps.contracts.models import Contract
from apps.contracts.own_plans import offered_to
from apps.customers.models import Customer
from apps.plans import compose, publish
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_draft_contract,
    make_plan_version,
)

pytestmark = pytest.mark.django_db


def filled(contract: Contract | None = None, /, **changed: object) -> ContractForm:
    """The form as it is posted, with some fields changed."""
    version = contract.plan_version if contract else make_plan_version([fee_charge()])
    customer = contract.customer if contract else Customer.objects.first() or make_customer("new")
    fields: dict[str, Any] = {
        "customer": customer.pk,
        "number": contract.number if contract else "C-1",
        "plan_version": version.pk,
        "timezone": "UTC",
        "starts_on": "2026-10-01",
        "interval": "1",
        "anchor_day": "1",
        "payment_days": "30",
        "renewal": "none",
        "notice_days": "0",
        "usage": "separate",
        "billing": "own",
    }
    return ContractForm({**fields, **changed}, instance=contract)


@pytest.mark.parametrize(
    ("interval", "typed", "months"),
    [("1", "", 1), ("3", "", 3), ("6", "", 6), ("12", "7", 12), ("custom", "18", 18), ("", "2", 2)],
)
def test_the_interval_is_chosen_by_name_or_in_months(interval: str, typed: str, months: int) -> None:
    form = filled(interval=interval, billing_months=typed)

    assert form.is_valid(), form.errors
    assert form.cleaned_data["billing_months"] == months


RENEWED = {"renewal": "automatic", "renewal_months": "12", "ends_on": "2027-10-01"}


@pytest.mark.parametrize(
    ("changed", "field", "mistake"),
    [
        ({"interval": "custom"}, "billing_months", "Say how many months"),
        ({"interval": "custom", "billing_months": "37"}, "billing_months", "less than or equal to 36"),
        ({"ends_on": "2026-10-01"}, "ends_on", "before it has begun"),
        ({"anchor_day": "32"}, "anchor_day", "less than or equal to 31"),
        ({"timezone": "Berlin"}, "timezone", "is not a time zone"),
        (RENEWED | {"ends_on": ""}, "ends_on", "has an end"),
        (RENEWED | {"renewal_months": ""}, "renewal_months", "Say for how many months"),
        (RENEWED | {"uplift_percent": "-1"}, "uplift_percent", "Between 0 and 1000"),
        (RENEWED | {"notice_days": "365"}, "notice_days", "has 365 days"),
        ({"uplift_percent": "5"}, "renewal", "say how it is renewed"),
        ({"usage": "pooled"}, "usage", "Choose the parent"),
        ({"billing": "parent"}, "billing", "Choose the parent"),
    ],
)
def test_a_mistake_stands_at_its_field(changed: dict[str, str], field: str, mistake: str) -> None:
    form = filled(**changed)

    assert not form.is_valid()
    assert mistake in str(form.errors[field])
    assert "__all__" not in form.errors


def test_a_renewed_contract_is_taken() -> None:
    form = filled(**RENEWED, notice_days="60", uplift_percent="5")

    assert form.is_valid(), form.errors


def test_a_parent_in_another_currency_is_refused() -> None:
    parent = make_draft_contract(plan_version=make_plan_version([fee_charge()], currency="EUR"))

    form = filled(parent=str(parent.pk))

    assert "currencies are never added" in str(form.errors["parent"])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"interval": "3"}, "interval"),
        ({"anchor_day": "15"}, "anchor_day"),
        ({"timezone": "Asia/Tokyo"}, "timezone"),
    ],
)
@pytest.mark.parametrize("shared", [{"usage": "pooled"}, {"billing": "parent"}])
def test_what_is_shared_with_a_parent_needs_its_calendar(
    shared: dict[str, str], changed: dict[str, str], field: str
) -> None:
    parent = make_draft_contract()

    alike = filled(parent=str(parent.pk), **shared)
    other = filled(parent=str(parent.pk), number="C-2", **shared | changed)

    assert alike.is_valid(), alike.errors
    assert "needs the same" in str(other.errors[field])


def test_a_contract_is_not_its_own_parent() -> None:
    contract = make_draft_contract()

    assert "parent" in filled(contract, parent=str(contract.pk)).errors


def test_a_parent_gets_no_parent() -> None:
    parent, grandparent = make_draft_contract(), make_draft_contract()
    make_draft_contract(parent=parent)

    assert "itself a parent" in str(filled(parent, parent=str(grandparent.pk)).errors["parent"])


def test_the_term_holds_all_that_is_agreed() -> None:
    contract = make_draft_contract()
    launch = AddDiscount("launch", "Launch", percent=Decimal(10))
    amend.agree(contract_id=contract.pk, on=date(2026, 11, 1), changes=[launch], at=AT, actor=ACTOR)
    contract.refresh_from_db()

    assert "starts_on" in filled(contract, starts_on="2026-11-02").errors
    assert "ends_on" in filled(contract, ends_on="2026-11-01").errors
    assert filled(contract, ends_on="2026-11-02").is_valid()
    euros = make_plan_version([fee_charge()], currency="EUR")
    assert "plan_version" in filled(contract, plan_version=str(euros.pk)).errors


def test_prices_made_for_another_contract_are_not_offered() -> None:
    one, other = make_draft_contract(), make_draft_contract()
    own = compose.custom_version(base_id=one.plan_version_id, name="Own", at=AT, actor=ACTOR)
    publish.publish(version_id=own.pk, at=AT, actor=ACTOR)
    contract = make_contract(make_customer("third"), own)

    assert own in filled(contract).fields["plan_version"].queryset  # type: ignore[attr-defined]
    assert own not in filled(other).fields["plan_version"].queryset  # type: ignore[attr-defined]


def test_prices_made_for_one_contract_are_offered_to_no_other() -> None:
    one = make_draft_contract(make_customer("one"), number="C-1")
    other = make_draft_contract(make_customer("other"), one.plan_version, number="C-2")
    own = compose.custom_version(base_id=one.plan_version_id, name="Prices of C-1", at=AT, actor=ACTOR)
    publish.publish(version_id=own.pk, at=AT, actor=ACTOR)

    assert own in offered_to(one)
    assert own not in offered_to(other)
    assert own not in offered_to(Contract())
