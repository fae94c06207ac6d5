"""Every page of the back office opens for finance staff, and for nobody else."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from apps.customers.models import ApiKey, Membership
from apps.invoices.models import Invoice
from tests.backoffice.conftest import Month

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
OWN_PAGES = [
    "/admin/",
    "/admin/review/",
    "/admin/review/?month=all&over=1",
    "/admin/customer/acme/",
    "/admin/events/",
    "/admin/live/",
    "/admin/price-lists/",
    "/admin/quarantine/",
    "/admin/recounts/new/",
    "/admin/renewals/",
    "/admin/credits/give/",
    "/admin/refunds/",
    "/admin/balances/",
    "/admin/indices/",
    "/admin/tax/",
    "/admin/tax/documents/?category=S&rate=19",
    "/admin/customers/taxrate/add-eu/",
]


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_list_and_its_pages_open_in_a_bounded_number_of_queries(
    model: type[Model], staff: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        assert staff.get(address(model, "changelist"), {"q": "a"}).status_code == 200
    assert staff.get(address(model, "changelist")).status_code == 200
    assert staff.get(address(model, "add"), follow=True).status_code in {200, 403}
    for thing in model._default_manager.all()[:1]:
        assert staff.get(address(model, "change", thing.pk), follow=True).status_code == 200


@pytest.mark.parametrize("path", OWN_PAGES)
def test_own_pages_open_and_escape_hostile_names(path: str, staff: Client) -> None:
    page = staff.get(path)

    assert page.status_code == 200
    assert "<b>Ltd</b>" not in page.content.decode()


@pytest.mark.parametrize("path", [*OWN_PAGES, "/admin/core/user/", "/admin/invoices/invoice/"])
def test_members_and_strangers_see_none_of_it(path: str, month: Month, client: Client) -> None:
    assert "/accounts/login/" in client.get(path, follow=True).redirect_chain[-1][0]

    client.force_login(month.member)
    assert client.get(path, follow=True).status_code == 403


def test_an_invoice_opens_on_its_own_page_with_its_reasons(month: Month, staff: Client) -> None:
    page = staff.get(address(Invoice, "change", month.finalized.pk), follow=True).content.decode()

    assert "$100.00" in page
    assert "Calls" in page
    pdf = staff.get(f"/admin/invoice/{month.draft.pk}.pdf")
    assert pdf.content.startswith(b"%PDF-")


def test_a_new_key_is_shown_once(month: Month, staff: Client) -> None:
    made = staff.post(
        address(ApiKey, "add"), {"name": "backend", "scopes": ["events:write"], "customer": ""}, follow=True
    )

    key = ApiKey.objects.get(name="backend")
    assert f"{key.prefix}_" in made.content.decode()
    assert f"{key.prefix}_" not in staff.get(address(ApiKey, "change", key.pk)).content.decode()


def test_a_key_is_revoked_after_asking(month: Month, staff: Client) -> None:
    key = ApiKey.objects.get()
    page = f"/admin/customers/apikey/{key.pk}/revoke/"

    assert "refused from now on" in staff.get(page, follow=True).content.decode()
    key.refresh_from_db()
    assert key.revoked_at is None

    staff.post(page, follow=True)
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_person_is_invited_to_the_portal(month: Month, staff: Client) -> None:
    staff.post("/admin/customer/acme/", {"email": "new@acme.example"})

    assert Membership.objects.filter(user__email="new@acme.example").count() == 1


def test_the_front_door_leads_everybody_to_their_own(month: Month, client: Client) -> None:
    assert client.get("/").headers["Location"] == "/accounts/login/"
    client.force_login(month.staff)
    assert client.get("/").headers["Location"] == "/admin/"
    client.force_login(month.member)
    assert client.get("/").headers["Location"] == "/portal/"


@pytest.mark.django_db
def test_the_health_check_asks_the_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
