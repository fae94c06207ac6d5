"""Staff count past events by a meter, after seeing what it would take."""

from datetime import date

import pytest
from django.test import Client

from apps.core import clock
from apps.plans.models import Meter
from apps.usage import tasks
from apps.usage.models import Recount
from tests.builders import make_contract, make_meter, make_staff
from tests.usage.events import event, take

pytestmark = pytest.mark.django_db
PAGE = "/admin/recounts/new/"


@pytest.fixture
def staff(client: Client) -> Client:
    """A meter that was made after three events of its type."""
    make_contract(starts_on=date(2026, 1, 1))
    now = clock.now()
    take(*[event(f"e{n}", time=now.isoformat()) for n in range(3)], at=now)
    make_meter("late", name="Late calls", unit="late calls")
    Meter.objects.filter(key="late").update(counts_from=now)
    client.force_login(make_staff())
    return client


def test_what_it_would_take_is_shown_and_nothing_begins(staff: Client) -> None:
    page = staff.get(PAGE, {"meter": "late"}).content.decode()

    assert "3 events to compute" in page
    assert "3 late calls" in page
    assert "Count 3 past events by Late calls" in page
    assert not Recount.objects.exists()


def test_a_recount_begins_and_its_page_shows_itself_anew_until_it_is_done(staff: Client) -> None:
    begun = staff.post(PAGE, {"meter": "late"})
    address = begun.headers["Location"]
    running = staff.get(address)
    tasks.recount_meter(recount_id=str(Recount.objects.get().pk))
    done = staff.get(address)

    assert address.startswith("/admin/usage/recount/")
    assert "waits for a worker" in running.content.decode()
    assert (running["Refresh"], "Refresh" in done) == ("3", False)
    assert Meter.objects.get(key="late").counts_from is None


def test_a_second_recount_of_the_same_meter_is_refused(staff: Client) -> None:
    staff.post(PAGE, {"meter": "late"})

    page = staff.post(PAGE, {"meter": "late"}, follow=True).content.decode()

    assert "already" in page
    assert Recount.objects.count() == 1


def test_a_recount_that_failed_says_why_and_goes_on_at_a_button(staff: Client) -> None:
    staff.post(PAGE, {"meter": "late"})
    Recount.objects.update(status="failed", error="ArithmeticError: too odd", days=3, done=2)
    run = Recount.objects.get()
    address = f"/admin/usage/recount/{run.pk}"

    failed = staff.get(f"{address}/change/").content.decode()
    asked = staff.get(f"{address}/resume/").content.decode()
    again = staff.post(f"{address}/resume/", follow=True).content.decode()

    assert "failed after 2 of 3 days of customers" in failed
    assert ("too odd" in failed, "Go on" in failed) == (True, True)
    assert "2 days of customers are computed" in asked
    assert "goes on after 2 days of customers" in again
    run.refresh_from_db()
    assert (run.status, run.error) == ("running", "")
    assert "already" in staff.post(f"{address}/resume/", follow=True).content.decode()


def test_a_meter_and_the_list_of_recounts_lead_there(staff: Client) -> None:
    meter = Meter.objects.get(key="late")

    led = staff.get(f"/admin/plans/meter/{meter.pk}/count-past/")

    assert led.headers["Location"] == f"{PAGE}?meter=late"
    assert staff.get("/admin/usage/recount/add/").headers["Location"] == PAGE
    assert "Count past events" in staff.get(f"/admin/plans/meter/{meter.pk}/change/").content.decode()


def test_an_unknown_meter_is_asked_for_again(staff: Client) -> None:
    assert staff.post(PAGE, {"meter": "no"}).status_code == 200
    assert not Recount.objects.exists()


def test_who_may_only_look_begins_none(client: Client) -> None:
    person = make_staff("reader@seller.example")
    person.is_superuser = False
    person.save()
    client.force_login(person)

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"meter": "late"}).status_code == 403
