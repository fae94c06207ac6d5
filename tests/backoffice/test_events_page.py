"""The pages of single events: finding them, reading one, voiding it."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from apps.contracts.models import Contract
from apps.core import clock
from apps.customers import aliases
from apps.invoices import close
from apps.invoices.models import Invoice
from apps.usage.models import Correction, QuarantinedEvent, UsageDay
from tests.backoffice.test_look import UGLY, seen_on
from tests.backoffice.test_rights import reader
from tests.builders import make_contract, make_customer, make_plan_version, make_staff
from tests.usage.events import ACTOR, event, take, total

pytestmark = pytest.mark.django_db

HOSTILE = "<script>x</script>/../?&#%2F 'Ω\""


def sent(key: str, *, days_ago: int = 1, **fields: Any) -> dict[str, Any]:
    return event(key, time=(clock.now() - timedelta(days=days_ago)).isoformat(), **fields)


@pytest.fixture
def staff(client: Client) -> Client:
    """Acme sent three events, one of them of an unknown type, and another customer one; nobody sent one."""
    started = (clock.now() - timedelta(days=70)).date().replace(day=1)
    version = make_plan_version()
    make_contract(make_customer("acme", name="Acme <b>Ltd</b>"), version, starts_on=started)
    make_contract(make_customer("other"), version, starts_on=started)
    take(
        sent("a"),
        sent(HOSTILE, properties={"note": "</pre><img src=x>", "size": 1.50}),
        sent("waits", type="unknown"),
        sent("o", customer="other"),
        "no event",
        at=clock.now(),
    )
    client.force_login(make_staff())
    return client


def find(client: Client, **asked: str) -> str:
    page = client.get("/admin/events/", asked)
    assert page.status_code == 200
    return page.content.decode()


def listed(client: Client, **asked: str) -> list[str]:
    table = find(client, **asked).partition("<tbody>")[2].partition("</tbody>")[0]
    return re.findall(r'data-label="Id"><a[^>]*>(.*?)</a>', table)


def one(client: Client, key: str, customer: str = "acme") -> str:
    page = client.get(f"/admin/events/event/?{urlencode({'customer': customer, 'id': key})}")
    assert page.status_code == 200
    return page.content.decode()


def void(client: Client, key: str, reason: str = "Sent twice") -> str:
    address = f"/admin/events/event/?{urlencode({'customer': 'acme', 'id': key})}"
    return client.post(address, {"reason": reason}, follow=True).content.decode()


def test_events_are_listed_and_found(staff: Client) -> None:
    assert sorted(listed(staff, customer="acme", state="counted"))[1:] == ["a"]
    assert listed(staff, id="o") == ["o"]
    assert listed(staff, state="quarantined", customer="acme") == ["waits"]
    assert "none" in listed(staff)
    assert listed(staff, type="nothing") == []
    assert listed(staff, **{"from": "2020-01-01", "to": "2020-02-01"}) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2020-13-01"},
        {"from": "2020-01-02", "to": "2020-01-01"},
        {"to": "9999-12-31"},
        {"state": "lost"},
        {"before": "x"},
        {"before": "2026-01-01T00:00:00"},
    ],
)
def test_a_question_that_makes_no_sense_is_told_kindly(asked: dict[str, str], staff: Client) -> None:
    page = find(staff, **asked)

    assert "Give days as YYYY-MM-DD" in page
    assert "No event matches" not in page


def test_pages_lead_to_older_events_and_back(staff: Client) -> None:
    take(*(sent(f"n{number:03}", days_ago=2) for number in range(60)), at=clock.now())

    first = find(staff, customer="acme", type="api.call")
    older = re.search(r'href="(\?[^"]*before=[^"]*)">Older', first)
    assert older
    second = staff.get("/admin/events/" + older[1].replace("&amp;", "&")).content.decode()

    assert second.count('data-label="Id"') == 12
    assert ">The newest<" in second


def test_an_event_tells_what_it_feeds_and_where_it_is_billed(staff: Client) -> None:
    page = seen_on(one(staff, "a"))

    assert "API calls" in page
    assert "On the invoice to come for" in page
    assert '"customer": "acme"' in page
    assert "Void the event" in page


def test_an_event_leads_to_its_invoice_line(staff: Client) -> None:
    take(sent("billed", days_ago=33), at=clock.now())
    contract = Contract.objects.get(customer__key="acme")
    close.close_contract(contract_id=contract.pk, at=clock.now(), actor=ACTOR)
    day = UsageDay.objects.filter(customer__key="acme").earliest("day").day
    invoice = Invoice.objects.get(period_start_on__lte=day, period_end_on__gt=day)

    page = one(staff, "billed")

    assert f'href="/admin/invoice/{invoice.pk}/">Draft</a>' in page
    assert 'href="/admin/customer/acme/"' in page


@pytest.mark.parametrize("key", ["a", HOSTILE, "waits"])
def test_no_page_of_an_event_shows_markup_or_internal_ids(key: str, staff: Client) -> None:
    page = one(staff, key)

    assert "<script>x" not in page
    assert "<img src=x" not in page
    assert "<b>Ltd" not in page
    text = seen_on(page.partition('<pre class="body"')[0])
    assert [what for what, ugly in UGLY.items() if ugly.search(text)] == []


def test_an_event_that_waits_tells_what_to_do(staff: Client) -> None:
    page = seen_on(one(staff, "waits"))

    assert "No meter counts this type" in page
    assert QuarantinedEvent.objects.get(event_key="waits").remedy in page
    assert "Void the event" not in page


def test_an_event_under_an_alias_leads_to_its_customer(staff: Client) -> None:
    take(sent("old", customer="acme-old"), at=clock.now())
    customer = make_customer("third")
    aliases.add(key="acme-old", customer_id=customer.pk, at=clock.now(), actor=ACTOR)

    assert 'href="/admin/customer/third/"' in one(staff, "old", customer="acme-old")


def test_an_event_is_voided_with_a_reason(staff: Client) -> None:
    page = void(staff, "a")

    correction = Correction.objects.get()
    assert (correction.reason, correction.voided) == ("Sent twice", 1)
    assert f"/admin/usage/correction/{correction.pk}/change/" in page
    assert "Sent twice" in page
    assert total() == 2
    assert "Void the event" not in page


def test_what_does_not_count_is_not_voided(staff: Client) -> None:
    void(staff, "waits")
    void(staff, "a", reason=" ")
    before = Correction.objects.count()
    void(staff, HOSTILE)
    void(staff, HOSTILE)

    assert (before, Correction.objects.count()) == (0, 1)


@pytest.mark.parametrize(
    ("rights", "looks", "voids"),
    [((), 403, 403), (("view_event",), 200, 403), (("view_event", "add_correction"), 200, 302)],
)
def test_rights_say_who_looks_and_who_voids(
    rights: tuple[str, ...], looks: int, voids: int, staff: Client
) -> None:
    reader(staff, *rights)
    address = "/admin/events/event/?customer=acme&id=a"

    assert staff.get("/admin/events/").status_code == looks
    assert staff.get(address).status_code == looks
    assert ("Void the event" in staff.get(address).content.decode()) is (voids == 302)
    assert staff.post(address, {"reason": "Twice"}).status_code == voids
    assert Correction.objects.count() == (voids == 302)


def test_who_may_not_see_invoices_sees_no_line(staff: Client) -> None:
    reader(staff, "view_event")

    assert "Where it is billed" not in one(staff, "a")


def test_strangers_see_none_of_it() -> None:
    for path in ("/admin/events/", "/admin/events/event/?customer=acme&id=a"):
        assert "/accounts/login/" in Client().get(path, follow=True).redirect_chain[-1][0]


@pytest.mark.parametrize("query", ["", "customer=acme", "customer=acme&id=none", "customer=acme&id=%00"])
def test_an_event_that_is_not_there_is_not_found(query: str, staff: Client) -> None:
    assert staff.get(f"/admin/events/event/?{query}").status_code == 404


def test_the_pages_take_a_bounded_number_of_queries(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    take(*(sent(f"n{number:03}") for number in range(40)), at=clock.now())

    with django_assert_max_num_queries(11):
        find(staff)
    with django_assert_max_num_queries(20):
        one(staff, "a")
