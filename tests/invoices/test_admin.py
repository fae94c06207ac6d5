"""Staff finalize drafts and close parked contracts again from the back office."""

import pytest
from django.test import Client

from apps.invoices import close
from apps.invoices.models import Invoice, ParkedClose
from tests.builders import make_contract, make_customer, make_plan_version, make_staff
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db
LIST = "/admin/invoices/invoice/"


@pytest.fixture
def staff() -> Client:
    client, user = Client(), make_staff()
    user.is_superuser = True
    user.save()
    client.force_login(user)
    return client


def test_finalizing_asks_first_with_the_figures_and_then_does_it(staff: Client) -> None:
    contract = make_contract(make_customer(billing_email="ap@acme.example"))
    use(contract, "calls", "150")
    draft = drafted(contract)
    choice = {"action": "finalize_drafts", "_selected_action": [str(draft.pk)]}

    asked = staff.post(LIST, choice).content.decode()
    assert "Finalize 1 invoice" in asked
    assert "$1.50" in asked
    assert not Invoice.objects.filter(status="finalized").exists()

    done = staff.post(LIST, {**choice, "confirmed": "yes"}, follow=True).content.decode()
    assert "Finalized 1 invoices, $1.50 in all." in done
    assert Invoice.objects.get().number is not None


def test_nothing_to_finalize_is_said_plainly(staff: Client) -> None:
    invoice = invoiced(make_contract())

    asked = staff.post(LIST, {"action": "finalize_drafts", "_selected_action": [str(invoice.pk)]})

    assert "nothing to finalize" in asked.content.decode()


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
