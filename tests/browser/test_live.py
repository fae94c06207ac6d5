"""The live view in a real browser: it renews itself, rests when nobody looks, and fits a phone."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Request, expect

from apps.core import clock
from tests.browser.conftest import Portal
from tests.builders import make_contract, make_customer, make_staff
from tests.usage.events import event, take


@pytest.fixture
def staff(portal: Portal) -> Portal:
    make_contract(make_customer("acme"), starts_on=(clock.now() - timedelta(days=40)).date())
    send("first")
    portal.sign_in(make_staff())
    return portal


def send(*keys: str) -> None:
    now = clock.now()
    taken = take(*(event(key, time=(now - timedelta(seconds=1)).isoformat()) for key in keys), at=now)
    assert taken.counted == len(keys)


def counted(portal: Portal) -> Locator:
    return portal.page.get_by_role("region", name="Last minute").locator(".figure")


def test_what_comes_in_shows_without_a_reload(staff: Portal) -> None:
    staff.open("/admin/live/")
    staff.page.evaluate("window.stillHere = true")
    expect(counted(staff)).to_have_text("1")

    send("second", "third")

    expect(counted(staff)).to_have_text("3")
    assert staff.page.evaluate("window.stillHere") is True


HIDE = "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
SHOW = "Object.defineProperty(document, 'hidden', {value: false, configurable: true})"


def asked_in(portal: Portal, seconds: int) -> int:
    """How often the parts are asked for while so much time goes by."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    portal.page.on("request", note)
    for _ in range(seconds):
        portal.page.clock.run_for(1_000)
        portal.page.wait_for_load_state("networkidle")
    portal.page.remove_listener("request", note)
    return sum("/admin/live/" in url for url in asked)


def expect_asked_twice(portal: Portal) -> None:
    """Wait for two answers in a row, however slow the machine is."""
    for _ in range(2):
        with portal.page.expect_response(re.compile("/admin/live/(rates|shares)/")):
            portal.page.clock.run_for(3_000)


def test_nothing_is_asked_for_while_paused_hidden_or_read(staff: Portal) -> None:
    staff.page.clock.install()
    staff.open("/admin/live/")
    page = staff.page

    expect_asked_twice(staff)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused.")).to_be_visible()
    assert asked_in(staff, 12) == 0
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("Show the figures").click()
    page.clock.run_for(1_000)
    assert asked_in(staff, 12) == 0
    page.get_by_text("Show the figures").click()
    page.evaluate(HIDE)
    assert asked_in(staff, 12) == 0
    page.evaluate(SHOW)
    expect_asked_twice(staff)


def test_whoever_was_signed_out_is_led_to_the_sign_in(staff: Portal) -> None:
    staff.open("/admin/live/")

    staff.page.context.clear_cookies()

    expect(staff.page).to_have_url(re.compile("/accounts/login/"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["/admin/live/", "/admin/events/", "/admin/events/event/?customer=acme&id=first"]
)
def test_the_pages_fit_a_phone(staff: Portal, path: str, theme: str) -> None:
    staff.page.set_viewport_size({"width": 360, "height": 740})
    staff.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]

    staff.open(path)

    assert staff.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_an_event_is_found_and_voided(staff: Portal) -> None:
    page = staff.page
    staff.open("/admin/events/")
    page.get_by_label("Event id").fill("first")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="first", exact=True).click()
    page.get_by_label("Why?").fill("Sent twice")
    page.get_by_role("button", name="Void the event").click()

    expect(page.get_by_text("The event is voided: it counts no more")).to_be_visible()
    expect(page.get_by_text("What it fed until it was voided")).to_be_visible()
