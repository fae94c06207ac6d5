"""The plain lists of the back office: they show invoices, and close parked contracts again."""

import pytest
from django.test import Client

from apps.invoices import close
from apps.invoices.models import ParkedClose
from tests.builders import make_contract, make_customer, make_plan_version, make_staff
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced, use

pytestmark = pytest.mark.django_db
LIST = "/admin/invoices/invoice/"


@pytest.fixture
def staff() -> Client:
    client, user = Client(), make_staff()
    user.is_superuser = True
    user.save()
    client.force_login(user)
    return client


def test_the_pages_show_invoices_and_change_none(staff: Client) -> None:
    contract = make_contract()
    use(contract, "calls", "150")
    invoice = invoiced(contract)

    listed = staff.get(LIST).content.decode()
    shown = staff.get(f"{LIST}{invoice.pk}/change/", follow=True).content.decode()

    assert "INV-2026-000001" in listed
    assert "150 calls" in shown
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(f"{LIST}{invoice.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_parked_contract_is_closed_again(staff: Client) -> None:
    contract = make_contract(make_customer("stuck"), make_plan_version())
    parked = close.park(contract_id=contract.pk, problem=RuntimeError("no"), at=IN_NOVEMBER, actor=ACTOR)

    page = staff.post(
        "/admin/invoices/parkedclose/",
        {"action": "close_again", "_selected_action": [str(parked.pk)]},
        follow=True,
    ).content.decode()

    assert "Closed:" in page
    assert not ParkedClose.objects.exists()
