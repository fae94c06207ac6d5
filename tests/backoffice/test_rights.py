"""Finance staff see and do what their rights say, and nothing more."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from apps.core.models import AuditEntry, User
from apps.customers.models import Membership
from apps.plans.models import Charge, PlanVersion
from tests.backoffice.conftest import Month
from tests.builders import make_staff


def reader(client: Client, *rights: str) -> User:
    """Sign in a member of staff who has these rights alone."""
    person = make_staff("reader@seller.example")
    User.objects.filter(pk=person.pk).update(is_superuser=False)
    person.user_permissions.set(Permission.objects.filter(codename__in=rights))
    found = User.objects.get(pk=person.pk)
    client.force_login(found)
    return found


def test_staff_without_rights_see_a_menu_and_no_figure(month: Month, client: Client) -> None:
    reader(client)

    home = client.get("/admin/").content.decode()

    assert "What is owed" not in home
    assert "Acme" not in home
    assert client.get("/admin/customer/acme/").status_code == 403
    assert client.get(f"/admin/invoice/{month.draft.pk}/").status_code == 403


def test_staff_without_rights_change_no_price(month: Month, client: Client) -> None:
    reader(client)
    draft = PlanVersion.objects.get(status="draft")
    charge = Charge.objects.get(plan_version=draft)
    pages = (
        "charge/new/",
        f"charge/{charge.pk}/",
        f"charge/{charge.pk}/move/",
        f"charge/{charge.pk}/remove/",
        "allowance/new/",
        "copy/",
        "change/",
        "compare/",
        "delete/",
        "publish/",
        "retire/",
        "new-version/",
    )

    for page in pages:
        assert client.post(f"/admin/plans/planversion/{draft.pk}/{page}", {"name": "x"}).status_code == 403
    assert client.post(f"/admin/plan-preview/{draft.pk}/").status_code == 403
    draft.refresh_from_db()
    assert draft.status == PlanVersion.Status.DRAFT


def test_nobody_gives_himself_rights(month: Month, client: Client) -> None:
    person = reader(client, "view_user", "change_user")

    client.post(
        f"/admin/core/user/{person.pk}/change/",
        {
            "email": "reader@seller.example",
            "name": "Me",
            "is_active": "on",
            "is_superuser": "on",
            "is_staff": "on",
        },
    )

    person.refresh_from_db()
    assert (person.name, person.is_superuser) == ("Me", False)
    assert AuditEntry.objects.filter(action="core.save_person", actor="reader@seller.example").count() == 1


def test_a_seat_is_taken_away(month: Month, staff: Client) -> None:
    staff.post("/admin/customer/acme/", {"email": "member@acme.example", "remove": "yes"})

    assert not Membership.objects.exists()
    assert AuditEntry.objects.filter(action="customers.remove_member").count() == 1


@pytest.mark.parametrize("email", ["", "@", "no address", "a" * 300 + "@acme.example", "x\x00@acme.example"])
def test_only_an_address_is_invited(email: str, month: Month, staff: Client) -> None:
    before = Membership.objects.count()

    page = staff.post("/admin/customer/acme/", {"email": email}, follow=True)

    assert "Give the e-mail address" in page.content.decode()
    assert Membership.objects.count() == before


@pytest.mark.parametrize(
    "path",
    [
        "/admin/contracts/contract/abc/sign/",
        "/admin/dunning/case/00000000-0000-7000-8000-000000000000/pause/",
        "/admin/customers/apikey/x/revoke/",
        "/admin/customer/%00/",
        "/admin/customer/nobody/",
    ],
)
def test_what_is_not_there_is_not_found(path: str, month: Month, staff: Client) -> None:
    assert staff.get(path, follow=True).status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/v1/customers/%00", "/api/v1/invoices/%00", "/portal/invoices/%00/", "/accounts/email/"]
)
def test_no_address_answers_500(path: str, month: Month, staff: Client) -> None:
    assert staff.get(path).status_code in {401, 404}
