"""The page on which staff void and replace usage."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from apps.contracts.models import Contract
from apps.core import clock
from apps.usage.models import Correction, Event, Reversal, UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_meter, make_plan_version, make_staff, usage_charge
from tests.invoices.months import invoiced
from tests.usage.events import event, take, token_charges

pytestmark = pytest.mark.django_db
PAGE = "/admin/corrections/new/"


@pytest.fixture
def staff(client: Client) -> Client:
    make_contract(plan_version=make_plan_version(token_charges()), starts_on=date(2026, 1, 1))
    client.force_login(make_staff())
    return client


def request(key: str, model: str = "large", tokens: int = 10) -> dict[str, object]:
    at = (clock.now() - timedelta(hours=2)).replace(microsecond=0)
    return event(
        key,
        type="llm.request",
        time=at.isoformat(),
        properties={"model": model, "input_tokens": tokens, "output_tokens": 1},
    )


def send(*events: dict[str, object]) -> None:
    take(*events, at=clock.now())


def asked(**fields: str) -> dict[str, str]:
    return {"customer": "acme", **fields}


def hour(hours_ago: int) -> str:
    return (clock.now() - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%S")


def test_what_a_correction_comes_to_is_shown_and_nothing_is_changed(staff: Client) -> None:
    send(request("a", tokens=10), request("b", tokens=32))

    page = staff.post(PAGE, asked(ids="a\r\nb\r\nnobody\r\n")).content.decode()

    assert "2 events to void" in page
    assert "42 tokens" in page
    assert "nobody" in page
    assert not Correction.objects.exists()


def test_events_are_voided_by_their_ids(staff: Client) -> None:
    send(request("a"), request("b"))

    staff.post(PAGE, asked(ids="a", expected="1", reason="Test traffic"))

    correction = Correction.objects.get()
    assert (correction.voided, correction.reason) == (1, "Test traffic")
    assert Reversal.objects.get().key == "a"
    assert not reconcile().differences


def test_events_are_voided_by_a_filter(staff: Client) -> None:
    send(request("a"), request("b", model="small"), request("c", model="small"))
    fields = asked(type="llm.request", start=hour(3), end=hour(1), properties="model = small")

    page = staff.post(PAGE, fields).content.decode()
    staff.post(PAGE, {**fields, "expected": "2", "reason": "A loop in the gateway"})

    assert "2 events to void" in page
    assert sorted(Reversal.objects.values_list("key", flat=True)) == ["b", "c"]


def test_an_event_is_replaced_from_its_own_page(staff: Client) -> None:
    """The page offers the event itself under another id; staff change what was wrong of it."""
    send(request("a", tokens=812))
    offered = staff.get("/admin/events/event/", {"customer": "acme", "id": "a"}).content.decode()
    address = offered.split('href="')[-1].split('"')[0]
    assert address.startswith(f"{PAGE}?")
    replacement = json.dumps({**request("a-corrected", tokens=406)})

    staff.post(PAGE, asked(ids="a", events=replacement, expected="1", reason="Counted twice"))

    assert set(Event.objects.values_list("key", flat=True)) == {"a", "a-corrected"}
    assert UsageDay.objects.get(meter__key="input").quantity == 406
    assert not reconcile().differences


def test_what_came_since_the_look_is_not_voided_unseen(staff: Client) -> None:
    send(request("a"))
    fields = asked(type="llm.request", start=hour(3), end=hour(1))
    send(request("b"))

    page = staff.post(PAGE, {**fields, "expected": "1", "reason": "Test traffic"}).content.decode()

    assert "Look again" in page
    assert "2 events to void" in page
    assert not Correction.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "one of the two"),
        ({"ids": "a", "type": "llm.request"}, "one of the two"),
        ({"type": "llm.request"}, "Give both instants"),
        ({"start": "2026-11-02T00:00", "end": "2026-11-01T00:00"}, "Give both instants"),
        ({"ids": "a", "properties": "model large"}, "write it like"),
        ({"ids": "a", "events": '{"id": "a"}\n{"id"'}, "Line 2"),
        ({"ids": "a", "customer": "nobody"}, "nobody"),
    ],
)
def test_a_mistake_is_told_at_its_field(staff: Client, fields: dict[str, str], said: str) -> None:
    send(request("a"))

    assert said in staff.post(PAGE, {**asked(), **fields}).content.decode()


def test_too_many_events_are_told_in_the_words_of_a_correction(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.usage.correct.MOST_EVENTS", 1)
    send(request("a"), request("b"))

    page = staff.post(PAGE, asked(start=hour(3), end=hour(1))).content.decode()

    assert "are too many at once. Take a shorter time" in page
    assert not Correction.objects.exists()


def test_a_replacement_that_cannot_be_counted_changes_nothing(staff: Client) -> None:
    send(request("a"))
    wrong = json.dumps({**request("b"), "type": "no.such"})

    page = staff.post(PAGE, asked(ids="a", events=wrong, expected="1", reason="Why")).content.decode()

    assert "no.such" in page
    assert not Correction.objects.exists()


def test_a_reason_is_needed(staff: Client) -> None:
    send(request("a"))

    assert "needs its reason" in staff.post(PAGE, asked(ids="a", expected="1", reason=" ")).content.decode()
    assert not Correction.objects.exists()


def test_hostile_ids_are_shown_as_text(staff: Client) -> None:
    send(request("<script>alert(1)</script>"))

    page = staff.post(PAGE, asked(ids="<script>alert(1)</script>\n<b>")).content.decode()

    assert "<script>alert" not in page
    assert "<b>" not in page


def test_who_may_only_look_corrects_nothing(client: Client) -> None:
    person = make_staff("reader@seller.example")
    person.is_superuser = False
    person.save()
    client.force_login(person)

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, asked(ids="a", reason="Why")).status_code == 403
    assert client.get("/admin/usage/correction/add/").status_code in {302, 403}


@pytest.fixture
def ended(client: Client) -> Client:
    """Acme's contract of October ended and its last invoice is final: one call, 1.00."""
    noon = datetime(2026, 10, 5, 12, tzinfo=UTC)
    make_meter()
    contract = make_contract(
        plan_version=make_plan_version([usage_charge(unit_amount="1")]), ends_on=date(2026, 11, 1)
    )
    take(event("a", time=noon.isoformat()), at=noon + timedelta(minutes=1))
    invoiced(contract)
    client.force_login(make_staff())
    return client


def test_who_corrects_what_no_invoice_adjusts_is_told_before_and_after(ended: Client) -> None:
    before = ended.post(PAGE, asked(ids="a")).content.decode()

    done = ended.post(PAGE, asked(ids="a", expected="1", reason="Test traffic"), follow=True).content.decode()

    number = Contract.objects.get().number
    assert "No invoice follows" in before
    assert "To settle by hand" not in before
    assert f"No invoice follows of {number}: settle by hand" in done
    for address in (PAGE, "/admin/customer/acme/"):
        page = ended.get(address).content.decode()
        assert "To settle by hand" in page
        assert "\N{MINUS SIGN}$1.00" in page


def test_who_voids_an_event_that_no_invoice_adjusts_is_told(ended: Client) -> None:
    address = "/admin/events/event/?customer=acme&id=a"
    before = ended.get(address).content.decode()

    ended.post(address, {"reason": "Test traffic"})

    assert "to be credited by hand" in before
    assert "it is settled by hand" in ended.get(address).content.decode()


def test_amounts_to_settle_are_for_those_who_may_see_invoices(ended: Client) -> None:
    ended.post(PAGE, asked(ids="a", expected="1", reason="Test traffic"))
    person = make_staff("corrector@seller.example")
    person.is_superuser = False
    person.save()
    person.user_permissions.set(Permission.objects.filter(codename__in=["view_correction", "add_correction"]))
    ended.force_login(person)

    page = ended.get(PAGE)

    assert page.status_code == 200
    assert "To settle by hand" not in page.content.decode()
