"""Odd input into the forms of prices and contracts is told at a field or found nowhere; it is never an error of the server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.contracts.models import Contract
from apps.plans.models import Charge
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_draft_version,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "9" * 5000


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 1, 9, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


@pytest.mark.parametrize(
    ("kind", "typed", "told"),
    [
        ("discount", {"name": "D", "amount": "1e999999", "position": "1"}, "digits"),
        ("discount", {"name": "D", "percent": "5", "months": "2147483648", "position": "1"}, "1200"),
        ("commitment", {"name": "D", "amount": "sNaN", "per": "period", "ends_on": "2027-01-01"}, "number"),
        ("cap", {"amount": "1e999999"}, "digits"),
        ("end", {"ends_on": "9999-12-31"}, "too far off"),
    ],
)
def test_a_change_that_nobody_means_is_told_at_its_field(
    staff: Client, kind: str, typed: dict[str, str], told: str
) -> None:
    contract = make_contract(make_customer(), make_plan_version([fee_charge()]))
    changed: dict[str, Any] = {f"c0-{name}": value for name, value in typed.items()}

    page = staff.post(
        f"/admin/contract/{contract.pk}/amend/",
        {"effective_on": "2026-11-01", "reason": "x", "change": [f"0:{kind}"], "look": "1", **changed},
    )

    assert page.status_code == 200
    assert told in page.content.decode()
    assert 'name="seen"' not in page.content.decode()


def test_a_day_of_an_amendment_that_no_calendar_reaches_is_told(staff: Client) -> None:
    contract = make_contract(make_customer(), make_plan_version([fee_charge()]))

    page = staff.post(
        f"/admin/contract/{contract.pk}/amend/",
        {"effective_on": "9999-12-31", "reason": "x", "change": ["0:cap", f"{LONG}:cap"], "look": "1"},
    )

    assert "too far off" in page.content.decode()


def test_a_contract_does_not_end_where_the_calendar_does(staff: Client) -> None:
    version, customer = make_plan_version([fee_charge()]), make_customer()

    page = staff.post(
        "/admin/contracts/contract/add/",
        {
            "number": "C-1",
            "customer": str(customer.pk),
            "plan_version": str(version.pk),
            "timezone": "UTC",
            "starts_on": "2026-11-01",
            "ends_on": "9999-12-31",
            "interval": "1",
            "anchor_day": "1",
            "payment_days": "30",
        },
    )

    assert "too far off" in page.content.decode()
    assert not Contract.objects.exists()


@pytest.mark.parametrize(
    "typed",
    [
        {"p0-unit_amount": "sNaN"},
        {"included": "sNaN"},
        {"meter": "calls\0"},
        {"credit_unit": "\0"},
        {f"p{LONG[:900]}-model": "per_unit"},
        {"do": f"remove-price-{LONG}"},
        {"do": f"remove-tier-p0-{LONG}"},
    ],
)
def test_the_builder_and_its_preview_answer_whatever_is_typed(staff: Client, typed: dict[str, str]) -> None:
    make_meter()
    version = make_draft_version([usage_charge()])
    charge = Charge.objects.get(plan_version=version)
    data = {
        "name": "Calls",
        "kind": "usage",
        "product": "product",
        "meter": "calls",
        "p0-model": "per_unit",
        "p0-unit_amount": "1",
        "charge_id": str(charge.pk),
        **typed,
    }

    assert staff.post(f"/admin/plan-preview/{version.pk}/", data).status_code == 200
    answer = staff.post(f"/admin/plans/planversion/{version.pk}/charge/{charge.pk}/", data)
    assert answer.status_code in {200, 302}


def test_names_that_no_row_can_have_are_found_nowhere(staff: Client) -> None:
    version = make_draft_version([fee_charge()])

    assert staff.post("/admin/credits/give/", {"customer": "\0"}).status_code == 200
    assert staff.post(f"/admin/plan-preview/{version.pk}/", {"use-contract": "C\0"}).status_code == 200
