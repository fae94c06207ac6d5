"""Giving credits by hand, cancelling with a look at what it comes to, and what is owed back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.contracts.models import Contract
from apps.credits import cancel
from apps.credits.models import CreditGrant, RefundOwed
from apps.invoices import close
from tests.backoffice.test_renewals_page import text_of
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)
from tests.invoices.months import invoiced, use

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 15, 9, tzinfo=UTC)
DECEMBER_2 = datetime(2026, 12, 2, 9, tzinfo=UTC)
GIVEN = {
    "customer": "acme",
    "name": "Prepaid",
    "unit": "money",
    "amount": "1000",
    "cost": "900",
    "effective_on": "2026-11-01",
    "expires_on": "",
    "priority": "50",
    "contract": "C-7",
}


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


@pytest.fixture
def contract(db: None) -> Contract:
    make_meter()
    make_credit_unit("tokens")
    version = make_plan_version([fee_charge("300"), usage_charge(unit_amount="0.5")])
    made = make_contract(make_customer("acme", name="Acme <b>Ltd</b>"), version, number="C-7")
    invoiced(made)
    use(made, "calls", "40", day=date(2026, 11, 5))
    return made


def give(staff: Client, **fields: Any) -> str:
    page = staff.post("/admin/credits/give/", {**GIVEN, **fields}, follow=True)
    return page.content.decode()


def test_money_is_given_by_hand_for_a_contract_and_charges(staff: Client, contract: Contract) -> None:
    assert "Prepaid" not in text_of(staff, "/admin/customer/acme/")
    assert "Calls" in text_of(staff, "/admin/credits/give/?customer=acme")

    assert "was given 1,000 USD" in give(staff, charges=["calls"])

    given = CreditGrant.objects.get()
    assert (given.currency, given.cost, given.charge_keys) == ("USD", Decimal(900), ["calls"])
    assert given.contract == contract
    assert "Prepaid for C-7, calls $1,000.00 $1,000.00" in text_of(staff, "/admin/customer/acme/")


def test_a_credit_unit_is_given_for_any_contract(staff: Client, contract: Contract) -> None:
    assert "was given 50 tokens" in give(staff, unit="tokens", amount="50", cost="0", contract="")

    given = CreditGrant.objects.get()
    assert (given.contract, given.currency, given.expires_on) == (None, "", None)


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"contract": ""}, "needs the contract that it pays for"),
        ({"amount": "0.005"}, "give at most 2 decimals"),
        ({"amount": "0"}, "Give more than zero."),
        ({"amount": "-1"}, "greater than or equal to 0"),
        ({"expires_on": "2026-11-01"}, "Choose a later day than the first one"),
        ({"charges": ["images"]}, "images is not one of the available choices"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_is_given(
    fields: dict[str, Any], mistake: str, staff: Client, contract: Contract
) -> None:
    assert mistake in give(staff, **fields)

    assert not CreditGrant.objects.exists()


def test_cancelling_shows_what_it_comes_to_before(staff: Client, contract: Contract) -> None:
    """15 of 30 days of 300.00 and 40 x 0.50 are 170.00, paid of 1,000.00: 830.00 are left, 900 x 830 / 1000 = 747.00."""
    give(staff)

    text = text_of(staff, f"/admin/contract/{contract.pk}/cancel/?when=at_once&unused=refund")

    assert "The final invoice so far, before tax $0.00" in text
    assert "its last day is Nov 15, 2026" in text
    assert "Paid by credits \N{MINUS SIGN}$170.00" in text
    assert "$747.00 would be owed back; the final invoice decides" in text
    assert "Prepaid 1,000 USD 170 830 $747.00 gone, and owed back" in text
    assert Contract.objects.get().ends_on is None


def test_fees_that_were_billed_in_advance_are_taken_off(staff: Client) -> None:
    """300.00 were billed for all of November; 15 of 30 days are 150.00, and no more than that is taken off by the final invoice."""
    fee = replace(fee_charge("300"), in_advance=True)
    contract = make_contract(make_customer("acme", name="Acme"), make_plan_version([fee]), number="C-7")
    close.close_contract(contract_id=contract.pk, at=NOW, actor="tests")

    text = text_of(staff, f"/admin/contract/{contract.pk}/cancel/?when=at_once")

    assert "Billed in advance before \N{MINUS SIGN}$150.00 To pay, before tax $0.00" in text


def test_a_cancelled_contract_ends_and_its_credits_are_owed_back(staff: Client, contract: Contract) -> None:
    give(staff)
    path = f"/admin/contract/{contract.pk}/cancel/"
    asked = {"when": "at_once", "unused": "refund", "reason": "They leave."}

    assert (
        "say why it is cancelled" in staff.post(path, {**asked, "reason": ""}, follow=True).content.decode()
    )
    done = staff.post(path, asked, follow=True).content.decode()
    assert "C-7 is cancelled: its last day is Nov 15, 2026." in done
    assert "after the final invoice" in text_of(staff, "/admin/refunds/")
    invoiced(contract, at=DECEMBER_2)
    cancel.count_refunds(at=DECEMBER_2, actor="schedule")

    assert "Prepaid" in text_of(staff, "/admin/customer/acme/")
    assert "Owed back for unused credits $747.00" in text_of(staff, "/admin/refunds/")
    staff.post("/admin/refunds/", {"refund": str(RefundOwed.objects.get().pk), "note": "Wire 7"})
    assert "Owed back for unused credits Nothing" in text_of(staff, "/admin/refunds/")
    assert RefundOwed.objects.get().note == "Wire 7"


def test_what_is_over_cannot_be_cancelled_and_says_so(staff: Client, contract: Contract) -> None:
    staff.post(f"/admin/contract/{contract.pk}/cancel/", {"when": "at_once", "unused": "keep", "reason": "x"})

    with time_machine.travel(datetime(2026, 11, 17, tzinfo=UTC)):
        text = text_of(staff, f"/admin/contract/{contract.pk}/cancel/")

    assert "it is not live, so there is nothing to cancel" in text


@pytest.mark.parametrize("refund", ["", "x"])
def test_no_refund_is_noted_without_one(refund: str, staff: Client, contract: Contract) -> None:
    page = staff.post("/admin/refunds/", {"refund": refund, "note": "n"}, follow=True)

    assert "That names no refund" in page.content.decode()
