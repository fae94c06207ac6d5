"""Staff write one-off invoices, sell credits and look at the invoice so far; each says before what it comes to."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.contracts.models import Contract
from apps.customers.models import LegalEntity
from apps.invoices import finalize, threshold
from apps.invoices.models import CreditPurchase, Invoice
from tests.backoffice.test_look import seen_on
from tests.backoffice.test_renewals_page import text_of
from tests.backoffice.test_rights import reader
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_draft_contract,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)
from tests.invoices.months import use

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 15, 9, tzinfo=UTC)
LINES = {
    "line": ["1", "2"],
    "l0-name": "Workshop",
    "l0-product_name": "",
    "l0-quantity": "2",
    "l0-unit": "days",
    "l0-amount": "1500",
    "l1-name": "",
    "l1-product_name": "",
    "l1-quantity": "1",
    "l1-unit": "",
    "l1-amount": "",
    "reason": "Order 7",
}
CREDITS = {
    "name": "Prepaid",
    "unit": "tokens",
    "amount": "1000",
    "price": "80",
    "granted_when": "finalized",
    "good_days": "365",
    "priority": "50",
    "reason": "Order 8",
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
    customer = make_customer(
        "acme", name="Acme <b>Ltd</b>", tax_rate=Decimal(19), billing_email="ap@acme.example"
    )
    return make_contract(
        customer, version, number="C-7", starts_on=date(2026, 11, 1), bill_above=Decimal(500)
    )


def sent(staff: Client, contract: Contract, page: str, asked: dict[str, Any], **more: Any) -> str:
    """What the page says to a form, as text."""
    answer = staff.post(f"/admin/contract/{contract.pk}/{page}/", {**asked, **more}, follow=True)
    assert answer.status_code == 200
    assert "<b>Ltd</b>" not in answer.content.decode()
    return " ".join(seen_on(answer.content.decode()).split())


def made(staff: Client, contract: Contract, page: str, asked: dict[str, Any]) -> Any:
    """Look first, as a person does, and draft what was looked at."""
    looked = staff.post(f"/admin/contract/{contract.pk}/{page}/", {**asked, "look": "yes"}).content.decode()
    found = re.search(r'name="seen" value="(\w+)"', looked)
    assert found, looked
    given = {**asked, "make": "yes", "seen": found[1]}
    return staff.post(f"/admin/contract/{contract.pk}/{page}/", given, follow=True)


def test_a_one_off_invoice_says_before_what_it_comes_to(staff: Client, contract: Contract) -> None:
    """1,500.00 and 19% are 1,785.00."""
    text = sent(staff, contract, "one-off", LINES, look="yes")

    assert "It comes to, with tax $1,785.00" in text
    assert "It is drafted now, and waits for review until Nov 16, 2026" in text
    assert "mailed to ap@acme.example. It is due 30 days later." in text
    assert "Draft this invoice of $1,785.00" in text
    assert "A line needs a name" not in text
    assert not Invoice.objects.exists()


def test_enter_in_a_field_asks_what_the_lines_come_to(staff: Client, contract: Contract) -> None:
    """Enter presses the first button of a form, so "Another line" is not the first."""
    page = staff.get(f"/admin/contract/{contract.pk}/one-off/").content.decode()
    form = page[page.index('id="one-off"') :]

    assert form.index('name="look"') < form.index('name="add"')


def test_a_one_off_invoice_is_drafted_as_it_was_looked_at(staff: Client, contract: Contract) -> None:
    page = made(staff, contract, "one-off", LINES)

    drafted = Invoice.objects.get()
    assert page.redirect_chain[-1][0] == f"/admin/draft/{drafted.pk}/"
    assert (drafted.kind, drafted.total, drafted.reason) == ("one_off", Decimal(1785), "Order 7")
    assert [line.name for line in drafted.lines.all()] == ["Workshop"]
    assert "An invoice of $1,785.00 is drafted for Acme" in page.content.decode()


def test_what_was_not_looked_at_is_shown_first(staff: Client, contract: Contract) -> None:
    text = sent(staff, contract, "one-off", LINES, make="yes", seen="another")

    assert "Draft this invoice of $1,785.00" in text
    assert not Invoice.objects.exists()


def test_lines_are_added_without_losing_what_is_typed(staff: Client, contract: Contract) -> None:
    page = staff.post(f"/admin/contract/{contract.pk}/one-off/", {**LINES, "add": "yes"}).content.decode()

    assert 'name="l2-name"' in page
    assert 'value="Workshop"' in page
    assert "mistake" not in page


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"l0-amount": "0.001"}, "0.001 cannot be billed: give whole minor units of USD, not 0."),
        ({"l0-quantity": "0"}, "0 cannot be billed: give a quantity above 0."),
        ({"l0-amount": "-1"}, "Write a credit note for what is given back."),
        ({"l0-amount": ""}, "Give the amount of the line."),
        ({"l1-amount": "5"}, "A line needs a name: what the customer reads."),
        ({"reason": ""}, "Say why it is billed"),
        ({"l0-name": "", "l0-amount": ""}, "An invoice needs a line at least."),
    ],
)
def test_a_mistake_in_a_line_is_told_and_nothing_is_drafted(
    fields: dict[str, str], mistake: str, staff: Client, contract: Contract
) -> None:
    assert mistake in sent(staff, contract, "one-off", LINES, look="yes", **fields)
    assert not Invoice.objects.exists()


def test_the_total_follows_what_is_typed(staff: Client, contract: Contract) -> None:
    part = "one-off/?part=outcome"
    asked = {**LINES, "reason": ""}

    whole = staff.post(f"/admin/contract/{contract.pk}/{part}", asked).content.decode()
    begun = staff.post(f"/admin/contract/{contract.pk}/{part}", {**asked, "l0-amount": ""}).content.decode()

    assert "$1,785.00" in whole
    assert "<html" not in whole
    assert "Give each line a name and an amount" in begun


def test_credits_are_sold_after_saying_what_happens(staff: Client, contract: Contract) -> None:
    text = sent(staff, contract, "sell-credits", CREDITS, look="yes")
    assert "It comes to, with tax $95.20" in text
    assert "Once the invoice is finalized, Acme <b>Ltd</b> gets 1,000 tokens, good for 365 days" in text
    assert "see below" not in text
    assert not Invoice.objects.exists()

    page = made(staff, contract, "sell-credits", {**CREDITS, "charges": ["calls"]})

    bought = CreditPurchase.objects.get()
    assert page.redirect_chain[-1][0] == f"/admin/draft/{bought.invoice_id}/"
    assert (bought.amount, bought.price, bought.charge_keys) == (Decimal(1000), Decimal(80), ["calls"])
    assert "gets 1,000 tokens, good for 365 days" in " ".join(seen_on(page.content.decode()).split())


def test_money_is_sold_that_waits_for_its_payment(staff: Client, contract: Contract) -> None:
    given = {**CREDITS, "unit": "money", "good_days": "", "granted_when": "paid"}

    text = sent(staff, contract, "sell-credits", given, look="yes")

    assert "Once the invoice is paid, Acme <b>Ltd</b> gets $1,000.00 to draw on, which never expire." in text


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"amount": "0"}, "0 cannot be sold: give an amount above 0."),
        ({"price": "0.001"}, "0.001 is no price: give whole minor units of USD."),
        ({"unit": "money", "amount": "0.001"}, "0.001 is no money"),
        ({"name": ""}, "The credits need a name"),
        ({"good_days": "0"}, "greater than or equal to 1"),
        ({"reason": ""}, "Say why it is billed"),
    ],
)
def test_a_mistake_about_credits_is_told_and_nothing_is_drafted(
    fields: dict[str, str], mistake: str, staff: Client, contract: Contract
) -> None:
    assert mistake in sent(staff, contract, "sell-credits", CREDITS, look="yes", **fields)
    assert not Invoice.objects.exists()


def test_the_invoice_so_far_stands_apart_from_what_is_due(staff: Client, contract: Contract) -> None:
    """1,100 calls are 550.00, billed by an interim invoice; 10 more are 5.00, and the fee is 300.00: 305.00 and 19%."""
    use(contract, "calls", "1100", day=date(2026, 11, 5))
    interim = threshold.bill_if_due(contract_id=contract.pk, at=NOW, actor="tests")
    assert interim
    finalize.finalize(invoice_id=interim.pk, at=NOW, actor="tests")
    use(contract, "calls", "10", day=date(2026, 11, 6))

    text = text_of(staff, f"/admin/contract/{contract.pk}/upcoming/")

    assert "If the period ended now, with tax Estimate, not an invoice $362.95" in text
    assert "Billed of this period already" in text
    assert "INV-2026-000001 interim" in text
    assert "$654.50" in text
    pdf = staff.get(f"/admin/contract/{contract.pk}/upcoming.pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert Invoice.objects.count() == 1


def test_a_tax_service_that_fails_is_told_where_an_invoice_is_foreseen(
    staff: Client, contract: Contract
) -> None:
    """It has no key here, and so gives no answer."""
    LegalEntity.objects.update(tax_provider="stripe")
    failed = "Stripe Tax could not tell the tax: it has no key"

    so_far = text_of(staff, f"/admin/contract/{contract.pk}/upcoming/")
    pdf = staff.get(f"/admin/contract/{contract.pk}/upcoming.pdf", follow=True)

    assert failed in so_far
    assert failed in pdf.content.decode()
    assert failed in sent(staff, contract, "one-off", LINES, look="yes")
    assert failed in sent(staff, contract, "sell-credits", CREDITS, look="yes")
    assert not Invoice.objects.exists()


def test_a_draft_contract_says_why_it_has_no_invoice(staff: Client, contract: Contract) -> None:
    draft = make_draft_contract(starts_on=date(2027, 1, 1))

    assert "Sign it first" in text_of(staff, f"/admin/contract/{draft.pk}/upcoming/")
    pdf = staff.get(f"/admin/contract/{draft.pk}/upcoming.pdf", follow=True)
    assert "Sign it first" in pdf.content.decode()
    assert "Sign it first" in sent(staff, draft, "one-off", LINES, look="yes")


def test_the_customers_page_leads_to_its_contract(staff: Client, contract: Contract) -> None:
    assert staff.get("/admin/customer/acme/one-off/")["Location"] == f"/admin/contract/{contract.pk}/one-off/"
    assert (
        staff.get("/admin/customer/acme/sell-credits/")["Location"]
        == f"/admin/contract/{contract.pk}/sell-credits/"
    )
    make_customer("new")
    assert "no signed contract" in staff.get("/admin/customer/new/one-off/", follow=True).content.decode()
    assert staff.get("/admin/customer/nobody/one-off/").status_code == 404


def test_of_several_contracts_one_is_chosen(staff: Client, contract: Contract) -> None:
    customer = make_customer("later")
    for number, year in (("C-8", 2027), ("C-9", 2028)):
        days = {"starts_on": date(year, 1, 1), "ends_on": date(year + 1, 1, 1)}
        make_contract(customer, contract.plan_version, number=number, **days)

    text = text_of(staff, "/admin/customer/later/one-off/")

    assert "C-8" in text
    assert "C-9" in text


def test_the_terms_say_from_which_amount_usage_is_billed(staff: Client, contract: Contract) -> None:
    said = "Usage is billed as soon as it comes to $500.00"

    assert said in text_of(staff, f"/admin/contract/{contract.pk}/agreed/")
    assert said in text_of(staff, f"/admin/contracts/contract/{contract.pk}/change/")


@pytest.mark.parametrize("page", ["one-off", "sell-credits", "upcoming"])
def test_a_page_takes_a_bounded_number_of_queries(
    page: str, staff: Client, contract: Contract, django_assert_max_num_queries: Any
) -> None:
    use(contract, "calls", "10", day=date(2026, 11, 5))

    with django_assert_max_num_queries(40):
        assert staff.get(f"/admin/contract/{contract.pk}/{page}/").status_code == 200


def test_who_may_only_look_at_invoices_drafts_none(client: Client, contract: Contract) -> None:
    reader(client, "view_invoice", "view_contract", "view_customer")

    assert client.get(f"/admin/contract/{contract.pk}/upcoming/").status_code == 200
    for page in ("one-off", "sell-credits"):
        assert client.get(f"/admin/contract/{contract.pk}/{page}/").status_code == 403
        assert client.get(f"/admin/customer/acme/{page}/").status_code == 403
    assert "New one-off invoice" not in client.get("/admin/customer/acme/").content.decode()
    reader(client)
    assert client.get(f"/admin/contract/{contract.pk}/upcoming/").status_code == 403
