"""The customer's invoice so far: an estimate with its lines, and a pro forma invoice; of nobody else's contract."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.test import Client

from apps.customers.models import Customer, LegalEntity
from apps.invoices import finalize, one_off
from apps.invoices.models import Invoice
from tests.builders import ACTOR, fee_charge, make_contract, make_customer, make_plan_version
from tests.invoices.months import use
from tests.portal.conftest import NOW
from tests.portal.contracts import make_call_contract


def test_the_running_period_is_shown_as_an_invoice_that_asks_for_nothing(
    member: Client, acme: Customer, django_assert_max_num_queries: Any
) -> None:
    """12,345 calls at 0.01 are 123.45."""
    contract = make_call_contract(acme)
    use(contract, "calls", "12345", day=date(2026, 11, 5))
    address = f"/portal/c/acme/so-far/{contract.pk}/"

    with django_assert_max_num_queries(25):
        shown = member.get(address).content.decode()

    assert "$123.45" in shown
    assert "Estimate, nothing is due" in shown
    assert address in member.get("/portal/c/acme/invoices/").content.decode()
    assert address in member.get("/portal/c/acme/").content.decode()
    assert not Invoice.objects.exists()


def test_it_downloads_as_a_pro_forma_invoice(member: Client, acme: Customer) -> None:
    contract = make_call_contract(acme)

    pdf = member.get(f"/portal/c/acme/so-far/{contract.pk}.pdf")

    assert pdf.content.startswith(b"%PDF-")
    assert pdf["Content-Disposition"].startswith(f'attachment; filename="pro-forma-{contract.number}-')


def test_anothers_contract_is_not_there(member: Client, acme: Customer) -> None:
    theirs = make_contract(make_customer("other", name="Other"))

    for address in ("acme", "other"):
        assert member.get(f"/portal/c/{address}/so-far/{theirs.pk}/").status_code == 404
        assert member.get(f"/portal/c/{address}/so-far/{theirs.pk}.pdf").status_code == 404


def test_what_is_on_the_parents_invoice_says_so(member: Client, acme: Customer) -> None:
    parent = make_contract(make_customer("group"))
    contract = make_contract(acme, parent.plan_version, parent=parent, billing="parent")

    shown = member.get(f"/portal/c/acme/so-far/{contract.pk}/").content.decode()

    assert "on the invoice of the account above it" in shown
    assert member.get(f"/portal/c/acme/so-far/{contract.pk}.pdf").status_code == 404
    assert "so-far" not in member.get("/portal/c/acme/invoices/").content.decode().replace('"so-far"', "")


def test_a_one_off_invoice_says_what_it_is(member: Client, acme: Customer) -> None:
    contract = make_contract(acme)
    line = one_off.NewLine("Workshop", Decimal(100))
    drafted = one_off.draft_one_off(
        contract_id=contract.pk, lines=[line], reason="Order 7", at=NOW, actor=ACTOR
    )
    finalize.finalize(invoice_id=drafted.pk, at=NOW, actor=ACTOR)

    assert "Nov 10, 2026, one-off</span>" in member.get("/portal/c/acme/invoices/").content.decode()


def test_while_no_tax_service_answers_it_says_so(member: Client, acme: Customer) -> None:
    """It has no key here, and so gives no answer."""
    contract = make_contract(acme, make_plan_version([fee_charge("100")]))
    LegalEntity.objects.update(tax_provider="stripe")

    shown = member.get(f"/portal/c/acme/so-far/{contract.pk}/")

    assert "It cannot be worked out at the moment" in shown.content.decode()
    assert member.get(f"/portal/c/acme/so-far/{contract.pk}.pdf").status_code == 404
