"""Forms of the back office call the actions, and show what these refuse."""

import pytest
from django.test import Client

from apps.contracts.models import Contract
from apps.core.models import AuditEntry
from apps.customers.models import Customer, LegalEntity
from apps.dunning.models import Case
from apps.payments.models import Payment
from apps.plans.models import Meter, PlanVersion
from tests.backoffice.conftest import Month


def test_a_customer_is_made_and_changed_with_a_trail(month: Month, staff: Client) -> None:
    fields = {
        "name": "Globex",
        "key": "globex",
        "legal_entity": str(LegalEntity.objects.get().pk),
        "language": "de",
        "tax_rate": "19",
        "einvoice": "none",
        "buys_as": "business",
    }
    staff.post("/admin/customers/customer/add/", fields)
    made = Customer.objects.get(key="globex")

    staff.post(f"/admin/customers/customer/{made.pk}/change/", {**fields, "name": "Globex GmbH"})

    made.refresh_from_db()
    assert made.name == "Globex GmbH"
    trail = AuditEntry.objects.filter(subject_key="globex").order_by("id")
    assert [entry.action for entry in trail] == ["customers.create", "customers.change"]
    assert {entry.actor for entry in trail} == {"finance@seller.example"}


def test_a_taken_key_is_refused_at_its_field(month: Month, staff: Client) -> None:
    entity = str(LegalEntity.objects.get().pk)
    page = staff.post(
        "/admin/customers/customer/add/",
        {"name": "Other", "key": "acme", "legal_entity": entity, "language": "en", "tax_rate": "0"},
    )

    assert "already exists" in page.content.decode()
    assert Customer.objects.count() == 1


def test_a_contract_is_drafted_by_the_form_and_signed_by_its_button(month: Month, staff: Client) -> None:
    version = PlanVersion.objects.filter(status="published").get()
    staff.post(
        "/admin/contracts/contract/add/",
        {
            "customer": str(month.contract.customer_id),
            "number": "C-NEW",
            "plan_version": str(version.pk),
            "timezone": "UTC",
            "starts_on": "2026-12-01",
            "billing_months": "1",
            "anchor_day": "1",
            "payment_days": "30",
        },
    )
    contract = Contract.objects.get(number="C-NEW")
    warned = staff.get("/admin/contracts/contract/").content.decode()
    assert "cannot be signed yet" in warned

    page = staff.post(f"/admin/contracts/contract/{contract.pk}/sign/", follow=True)

    assert "two prices" in page.content.decode()
    contract.refresh_from_db()
    assert contract.status == Contract.Status.DRAFT


def test_a_contract_ends_by_its_button_with_day_and_reason(month: Month, staff: Client) -> None:
    staff.post(
        f"/admin/contracts/contract/{month.contract.pk}/end/",
        {"day": "2099-01-01", "reason": "moved"},
        follow=True,
    )

    month.contract.refresh_from_db()
    assert str(month.contract.ends_on) == "2099-01-01"
    assert AuditEntry.objects.get(action="contracts.end").reason == "moved"


def test_an_unreadable_day_changes_nothing(month: Month, staff: Client) -> None:
    page = staff.post(
        f"/admin/contracts/contract/{month.contract.pk}/end/", {"day": "soon", "reason": "x"}, follow=True
    )

    assert "Nothing was changed" in page.content.decode()
    month.contract.refresh_from_db()
    assert month.contract.ends_on is None


def test_a_transfer_is_recorded_once(month: Month, staff: Client) -> None:
    fields = {
        "customer": str(month.contract.customer_id),
        "amount": "30",
        "currency": "usd",
        "received_on": "2026-12-09",
        "reference": "R-2",
    }
    staff.post("/admin/payments/payment/add/", fields)
    again = staff.post("/admin/payments/payment/add/", fields, follow=True)

    assert Payment.objects.filter(reference="R-2").count() == 1
    assert again.status_code == 200


def test_a_case_is_paused_with_a_reason(month: Month, staff: Client) -> None:
    case = Case.objects.get()

    staff.post(f"/admin/dunning/case/{case.pk}/pause/", {"reason": "disputed"}, follow=True)

    case.refresh_from_db()
    assert case.status == Case.Status.PAUSED


def test_a_version_is_published_and_copied_by_its_buttons(month: Month, staff: Client) -> None:
    draft = PlanVersion.objects.get(status="draft")

    asked = staff.get(f"/admin/plans/planversion/{draft.pk}/publish/", follow=True).content.decode()
    assert "Calls: $0.01" in asked
    staff.post(f"/admin/plans/planversion/{draft.pk}/publish/", follow=True)
    draft.refresh_from_db()
    assert draft.status == PlanVersion.Status.PUBLISHED

    staff.post(f"/admin/plans/planversion/{draft.pk}/new-version/", follow=True)
    assert PlanVersion.objects.filter(plan=draft.plan, number=2, status="draft").count() == 1


def test_a_meter_is_changed_by_its_form(month: Month, staff: Client) -> None:
    meter = Meter.objects.get()

    staff.post(
        f"/admin/plans/meter/{meter.pk}/change/",
        {
            "name": "Requests",
            "unit": "requests",
            "event_type": "api.call",
            "aggregation": "count",
            "value_property": "",
            "dimensions": "",
            "late_days": "35",
            "early_hours": "1",
        },
    )

    meter.refresh_from_db()
    assert meter.name == "Requests"


@pytest.mark.parametrize("name", ["product", "creditunit", "plan"])
def test_the_catalogue_grows_by_forms(name: str, month: Month, staff: Client) -> None:
    fields = {"name": "Speech", "key": "speech", "description": "", "tax_class": "standard"}
    staff.post(f"/admin/plans/{name}/add/", fields)

    assert AuditEntry.objects.filter(action=f"plans.put_{name}", subject_key="speech").count() == 1
