"""Members see their own customers' pages, and nothing tells them that others exist."""

from datetime import date

import pytest
from django.test import Client

from apps.core import people
from apps.core.models import User
from apps.customers import members
from apps.customers.models import Customer
from tests.builders import ACTOR, AT, PASSWORD, make_contract, make_customer, make_member, make_staff
from tests.invoices.months import invoiced

PAGES = ("", "usage/", "usage.csv", "invoices/", "invoices/{number}/", "invoices/{number}.pdf")


@pytest.mark.parametrize("page", PAGES)
def test_another_customers_page_answers_like_an_unknown_one(member: Client, page: str) -> None:
    other = make_customer("other", name="Other")
    number = str(invoiced(make_contract(other)).number)

    theirs = member.get(f"/portal/c/other/{page.format(number=number)}")
    unknown = member.get(f"/portal/c/nobody/{page.format(number=number)}")

    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert theirs.content == unknown.content


@pytest.mark.parametrize("page", ["invoices/{number}/", "invoices/{number}.pdf"])
def test_another_customers_invoice_is_not_found_under_ones_own_address(member: Client, page: str) -> None:
    number = str(invoiced(make_contract(make_customer("other"))).number)

    theirs = member.get(f"/portal/c/acme/{page.format(number=number)}")
    unknown = member.get(f"/portal/c/acme/{page.format(number='INV-2026-999999')}")

    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert theirs.content == unknown.content


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_asked_to_sign_in(client: Client, acme: Customer, page: str) -> None:
    answer = client.get(f"/portal/c/acme/{page.format(number='INV-2026-000001')}")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=/portal/c/acme/")


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_only_show(member: Client, page: str) -> None:
    assert member.post(f"/portal/c/acme/{page.format(number='INV-2026-000001')}").status_code == 405


def test_the_short_addresses_lead_to_ones_own_customer(member: Client) -> None:
    number = str(invoiced(make_contract(Customer.objects.get(key="acme"))).number)

    assert member.get("/portal/")["Location"] == "/portal/c/acme/"
    assert member.get("/portal/usage/")["Location"] == "/portal/c/acme/usage/"
    assert member.get("/portal/invoices/")["Location"] == "/portal/c/acme/invoices/"
    assert member.get(f"/portal/invoices/{number}/")["Location"] == f"/portal/c/acme/invoices/{number}/"


def test_the_short_address_of_anothers_invoice_is_not_found(member: Client) -> None:
    number = str(invoiced(make_contract(make_customer("other"))).number)

    assert member.get(f"/portal/invoices/{number}/").status_code == 404


def test_a_member_of_two_customers_can_switch(member: Client) -> None:
    members.invite(
        customer=make_customer("second", name="Second"), email="member@acme.example", at=AT, actor=ACTOR
    )

    shown = member.get("/portal/c/acme/").content.decode()

    assert 'href="/portal/c/second/"' in shown
    assert member.get("/portal/c/second/").status_code == 200


def test_a_member_who_was_locked_out_is_a_stranger(member: Client, acme: Customer) -> None:
    user = make_member(acme)
    user.is_active = False
    user.save(update_fields=["is_active"])

    assert member.get("/portal/c/acme/").status_code == 302


def test_a_person_without_a_customer_is_told_how_to_get_one(client: Client, db: None) -> None:
    client.force_login(
        people.put(email="new@example.com", password=PASSWORD, at=AT, actor=ACTOR),
        backend="django.contrib.auth.backends.ModelBackend",
    )

    shown = client.get("/portal/")

    assert shown.status_code == 200
    assert "invite new@example.com" in shown.content.decode()


@pytest.mark.django_db
def test_nobody_signs_up(client: Client) -> None:
    asked = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}

    answer = client.post("/accounts/signup/", asked)

    assert "By invitation" in answer.content.decode()
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_member_lands_in_the_portal_and_finance_in_the_back_office(client: Client, acme: Customer) -> None:
    make_member(acme)
    make_staff()

    as_member = client.post("/accounts/login/", {"login": "member@acme.example", "password": PASSWORD})
    client.logout()
    as_staff = client.post("/accounts/login/", {"login": "finance@seller.example", "password": PASSWORD})

    assert as_member["Location"] == "/portal/"
    assert as_staff["Location"] == "/admin/"


def test_a_name_is_written_as_text(client: Client, db: None) -> None:
    hostile = make_customer("hostile", name="<script>alert(1)</script>")
    make_contract(hostile, starts_on=date(2026, 10, 1))
    client.force_login(make_member(hostile), backend="django.contrib.auth.backends.ModelBackend")

    shown = client.get("/portal/c/hostile/").content.decode()

    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown
