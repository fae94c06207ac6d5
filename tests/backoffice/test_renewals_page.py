"""The renewals' pages: what comes to its end, what the next term costs, and renewing or declining it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from apps.contracts import indices
from apps.contracts.models import Contract, PriceIndex, Renewal
from apps.core.models import AuditEntry, User
from tests.backoffice.test_look import seen_on
from tests.builders import ACTOR, AT, fee_charge, make_contract, make_customer, make_plan_version, make_staff

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2027, 8, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def august() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def make_renewing(**fields: Any) -> Contract:
    return make_contract(
        make_customer("acme", name="Acme <b>Ltd</b>"),
        make_plan_version([fee_charge("100")]),
        **{
            "number": "C-7",
            "ends_on": date(2027, 10, 1),
            "renewal": "automatic",
            "renewal_months": 12,
            "notice_days": 30,
            "uplift_percent": Decimal(5),
            **fields,
        },
    )


def text_of(client: Client, path: str) -> str:
    page = client.get(path)
    assert page.status_code == 200
    assert "<b>Ltd</b>" not in page.content.decode()
    return " ".join(seen_on(page.content.decode()).split())


def test_the_list_says_until_when_to_decide_and_what_happens_otherwise(staff: Client) -> None:
    make_renewing()

    text = text_of(staff, "/admin/renewals/?days=30")

    assert "C-7 Acme <b>Ltd</b> Sep 30, 2027 Aug 31, 2027" in text
    assert "30 days left $1,200.00" in text
    assert "Renews by itself, Sep 1, 2027 prices rise by 5%" in text


def test_what_is_further_off_is_on_the_longer_list_alone(staff: Client) -> None:
    make_renewing(ends_on=date(2027, 11, 1), notice_days=0)

    assert "No contract comes to its end" in text_of(staff, "/admin/renewals/?days=60")
    assert "C-7" in text_of(staff, "/admin/renewals/")


def test_an_empty_list_is_told(staff: Client) -> None:
    assert "No contract comes to its end or notice day within 90 days." in text_of(staff, "/admin/renewals/")


def test_the_next_term_is_shown_with_its_prices_and_renewed(staff: Client) -> None:
    contract = make_renewing()
    path = f"/admin/contract/{contract.pk}/renewal/"

    assert "Subscription fee 100 105" in text_of(staff, path)
    done = staff.post(path, {"do": "renew", "term_ends_on": "2027-10-01", "reason": ""}, follow=True)

    assert "C-7 is renewed from Oct 1, 2027 until Oct 1, 2028." in done.content.decode()
    assert not Renewal.objects.get().is_automatic
    assert "Renewals so far" in text_of(staff, path)


def test_a_second_press_renews_no_second_term(staff: Client) -> None:
    contract = make_renewing()
    asked = {"do": "renew", "term_ends_on": "2027-10-01"}
    staff.post(f"/admin/contract/{contract.pk}/renewal/", asked)

    page = staff.post(f"/admin/contract/{contract.pk}/renewal/", asked, follow=True)

    assert "it runs until 2028-10-01 by now" in page.content.decode()
    assert Renewal.objects.count() == 1


def test_it_is_declined_with_who_and_why(staff: Client) -> None:
    contract = make_renewing()
    path = f"/admin/contract/{contract.pk}/renewal/"

    page = staff.post(path, {"do": "decline", "by": "customer", "reason": "Mail of 30 July."}, follow=True)

    assert "C-7 does not renew: it ends on Oct 1, 2027." in page.content.decode()
    assert AuditEntry.objects.get(action="contracts.decline").reason == "Mail of 30 July."
    assert "Ends: notice was given" in text_of(staff, "/admin/renewals/")


def test_what_hinders_a_renewal_is_told_on_both_pages(staff: Client) -> None:
    index = indices.add_index(key="cpi", name="CPI", at=AT, actor=ACTOR)
    contract = make_renewing(uplift_index=index)

    for path in ("/admin/renewals/", f"/admin/contract/{contract.pk}/renewal/"):
        assert "CPI has no reading for 2026-10-01 or a day before" in text_of(staff, path)


def test_who_may_only_look_changes_nothing(client: Client) -> None:
    contract = make_renewing()
    reader = make_staff("reader@seller.example")
    User.objects.filter(pk=reader.pk).update(is_superuser=False)
    reader.user_permissions.set(Permission.objects.filter(codename="view_contract"))
    client.force_login(User.objects.get(pk=reader.pk))
    path = f"/admin/contract/{contract.pk}/renewal/"

    assert client.get(path).status_code == 200
    assert client.post(path, {"do": "renew", "term_ends_on": "2027-10-01"}).status_code == 403
    assert client.get(f"/admin/contract/{contract.pk}/cancel/").status_code == 403
    assert client.get("/admin/credits/give/").status_code == 403
    assert client.get("/admin/refunds/").status_code == 403
    assert client.get("/admin/indices/").status_code == 403
    assert not Renewal.objects.exists()


def test_an_index_is_kept_with_its_readings_and_corrected_with_a_reason(staff: Client) -> None:
    staff.post("/admin/indices/", {"name": "CPI-U", "key": "cpi-u"})
    staff.post("/admin/indices/cpi-u/", {"on": "2026-09-01", "value": "309.685"})
    again = staff.post("/admin/indices/cpi-u/", {"on": "2026-09-01", "value": "310"})
    assert "CPI-U has a reading for 2026-09-01 already: correct that one." in again.content.decode()
    reading = PriceIndex.objects.get().readings.get()

    unexplained = staff.post(
        "/admin/indices/cpi-u/", {"correct": str(reading.pk), "value": "309.7", "reason": " "}, follow=True
    )
    assert "Say why the reading is corrected" in unexplained.content.decode()
    staff.post(
        "/admin/indices/cpi-u/", {"correct": str(reading.pk), "value": "309.7", "reason": "A misprint."}
    )

    reading.refresh_from_db()
    assert reading.value == Decimal("309.7")
    entry = AuditEntry.objects.get(action="contracts.correct_reading")
    assert (entry.before, entry.after, entry.reason) == (
        {"from 2026-09-01": "309.685"},
        {"from 2026-09-01": "309.7"},
        "A misprint.",
    )
    assert "309.7" in text_of(staff, "/admin/indices/")


@pytest.mark.parametrize("key", ["", "No Key", "cpi-u"])
def test_an_index_needs_a_key_of_its_own(key: str, staff: Client) -> None:
    indices.add_index(key="cpi-u", name="CPI-U", at=AT, actor=ACTOR)

    assert staff.post("/admin/indices/", {"name": "Other", "key": key}).status_code == 200

    assert PriceIndex.objects.count() == 1
