"""What no page of the back office shows, and what each offers."""

import html
import re
from html import unescape

import pytest
import time_machine
from django.contrib import admin
from django.db.models import Model
from django.test import Client

from apps.contracts.models import Contract
from apps.core.models import AuditEntry
from apps.customers.models import ApiKey
from apps.dunning.models import Case
from apps.invoices.models import Invoice
from apps.plans.models import PlanVersion
from tests.backoffice.conftest import NOW, Month
from tests.backoffice.test_pages import MODELS, OWN_PAGES, address
from tests.builders import make_draft_contract

# What a person can see of a page: no markup, no scripts, no data for charts.
UNSEEN = re.compile(r"<(script|style|template)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL)
UGLY = {
    "an internal id": re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-"),
    "a column's zeros": re.compile(r"\.0{5,}|\.\d+0{8,}"),
    "raw JSON": re.compile(r"\{\s*['\"]|\[\s*['\"]"),
    "a Python object": re.compile(r" object \("),
    "add another": re.compile(r"[Aa]dd another"),
}


def seen_on(page: str) -> str:
    return html.unescape(UNSEEN.sub(" ", page))


def pages_of(model: type[Model]) -> list[str]:
    things = list(model._default_manager.all()[:2])
    return [
        address(model, "changelist"),
        address(model, "add"),
        *(address(model, "change", thing.pk) for thing in things),
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_page_shows_what_belongs_to_machines(model: type[Model], staff: Client) -> None:
    texts = {path: seen_on(staff.get(path, follow=True).content.decode()) for path in pages_of(model)}

    found = [(path, what) for path, text in texts.items() for what, ugly in UGLY.items() if ugly.search(text)]

    assert found == []


@pytest.mark.parametrize("path", OWN_PAGES)
def test_no_own_page_shows_what_belongs_to_machines(path: str, staff: Client) -> None:
    text = seen_on(staff.get(path).content.decode())

    assert [what for what, ugly in UGLY.items() if ugly.search(text)] == []


def buttons(client: Client, model: type[Model], thing: Model) -> set[str]:
    """Return the actions that an object's page links to."""
    page = client.get(address(model, "change", thing.pk)).content.decode()
    own = f"/{model._meta.app_label}/{model._meta.model_name}/{thing.pk}/"
    return set(re.findall(rf'href="[^"]*{own}([a-z-]+)/?"', page)) - {"change", "delete", "history"}


def test_a_contract_offers_what_its_status_allows(month: Month, staff: Client) -> None:
    draft = make_draft_contract(month.contract.customer, month.contract.plan_version)

    assert buttons(staff, Contract, month.contract) == {"end"}
    assert buttons(staff, Contract, draft) == {"sign"}


def test_a_version_offers_what_its_status_allows(month: Month, staff: Client) -> None:
    published, draft = (PlanVersion.objects.get(status=status) for status in ("published", "draft"))

    assert buttons(staff, PlanVersion, published) == {"new-version", "retire", "compare", "copy"}
    assert buttons(staff, PlanVersion, draft) == {"publish", "compare", "copy"}


def test_a_case_and_a_key_offer_what_can_be_done(month: Month, staff: Client) -> None:
    assert buttons(staff, Case, Case.objects.get()) == {"pause"}
    assert buttons(staff, ApiKey, ApiKey.objects.get()) == {"revoke"}

    staff.post(f"/admin/customers/apikey/{ApiKey.objects.get().pk}/revoke/")
    assert buttons(staff, ApiKey, ApiKey.objects.get()) == set()


def test_a_published_version_is_read_and_a_draft_is_edited(month: Month, staff: Client) -> None:
    published, draft = (PlanVersion.objects.get(status=status) for status in ("published", "draft"))

    read, edited = (
        staff.get(address(PlanVersion, "change", version.pk)).content.decode()
        for version in (published, draft)
    )

    assert "$100 every period" in read
    assert "Published prices never change" in read
    assert "Add a recurring fee" not in read
    assert "Add a recurring fee" in edited


def test_a_draft_contract_is_changed_with_a_trail(month: Month, staff: Client) -> None:
    draft = make_draft_contract(month.contract.customer, month.contract.plan_version)
    fields = {
        "customer": str(draft.customer_id),
        "number": draft.number,
        "plan_version": str(draft.plan_version_id),
        "timezone": "Europe/Berlin",
        "starts_on": "2027-01-01",
        "billing_months": "1",
        "anchor_day": "15",
        "payment_days": "14",
    }

    staff.post(address(Contract, "change", draft.pk), fields)

    draft.refresh_from_db()
    assert (draft.timezone, draft.anchor_day, draft.payment_days) == ("Europe/Berlin", 15, 14)
    entry = AuditEntry.objects.get(action="contracts.change")
    assert entry.after == {
        "timezone": "Europe/Berlin",
        "starts_on": "2027-01-01",
        "anchor_day": "15",
        "payment_days": "14",
    }


def test_of_a_signed_contract_only_the_purchase_order_changes(month: Month, staff: Client) -> None:
    staff.post(
        address(Contract, "change", month.contract.pk),
        {"purchase_order": "PO-1", "payment_days": "1", "starts_on": "2020-01-01", "number": "other"},
    )

    before = month.contract
    after = Contract.objects.get(pk=before.pk)
    assert after.purchase_order == "PO-1"
    assert (after.payment_days, after.starts_on, after.number) == (
        before.payment_days,
        before.starts_on,
        before.number,
    )


@pytest.mark.parametrize(
    ("payment", "numbers"),
    [("overdue", {"INV-2026-000001"}), ("open", {"INV-2026-000001"}), ("paid", set())],
)
def test_invoices_are_found_by_what_is_open(
    payment: str, numbers: set[str], month: Month, client: Client
) -> None:
    with time_machine.travel(NOW, tick=False):
        client.force_login(month.staff)
        page = client.get(address(Invoice, "changelist"), {"payment": payment}).content.decode()

    assert set(re.findall(r"INV-\d{4}-\d{6}", seen_on(page))) == numbers


def test_the_search_finds_what_this_person_may_see(month: Month, staff: Client) -> None:
    found = staff.get("/admin/search/", {"s": "acme", "extended": "1"}).content.decode()

    assert "/admin/customer/acme/" in found
    assert str(month.contract.pk) in found
    assert f"/admin/invoice/{month.finalized.pk}/" in found
    assert "<b>Ltd</b>" not in found


def test_an_invoice_is_read_in_the_language_of_the_back_office(month: Month, staff: Client) -> None:
    page = seen_on(staff.get(f"/admin/invoice/{month.finalized.pk}/").content.decode())

    assert "Amount, USD" in page
    assert "R-1" in page
    assert "$20.00" in page


def test_the_back_office_runs_no_script_that_stands_in_a_page(month: Month, staff: Client) -> None:
    policy = staff.get("/admin/").headers["Content-Security-Policy"]
    elsewhere = staff.get("/accounts/login/", follow=True).headers["Content-Security-Policy"]

    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" in scripts
    assert "unsafe" not in Client().get("/accounts/login/").headers["Content-Security-Policy"]
    assert elsewhere


def test_every_list_of_the_menu_is_a_page(staff: Client) -> None:
    hrefs = re.findall(r'href="(/admin/[^"]*)"', staff.get("/admin/").content.decode())
    links = [unescape(href) for href in hrefs if not re.search(r"\.(csv|xlsx)\b", href)]

    assert {admin.site.name} == {"admin"}
    assert {link: staff.get(link, follow=True).status_code for link in set(links)} == dict.fromkeys(
        links, 200
    )
