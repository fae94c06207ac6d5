"""Finance staff in a real browser: signing in, and pages free of errors."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from apps.core import clock
from apps.usage.models import QuarantinedEvent
from tests.browser.conftest import Portal
from tests.builders import make_contract, make_customer, make_staff

LISTS = ("customers/customer", "contracts/contract", "plans/plan", "invoices/invoice")


def test_finance_signs_in_and_lands_on_the_home_page(portal: Portal) -> None:
    portal.sign_in(make_staff())

    expect(portal.page).to_have_url(f"{portal.base}/admin/")
    expect(portal.page.get_by_role("heading").first).to_be_visible()


@pytest.mark.parametrize("path", LISTS)
def test_lists_open_without_errors(portal: Portal, path: str) -> None:
    make_contract(make_customer("acme"))
    portal.sign_in(make_staff())

    portal.open(f"/admin/{path}/")

    expect(portal.page.get_by_role("heading").first).to_be_visible()


def test_a_hostile_name_runs_nothing_in_the_back_office(portal: Portal) -> None:
    make_contract(
        make_customer("hostile", name='"><img src=x onerror="window.hacked=1"><script>hacked=1</script>')
    )
    portal.sign_in(make_staff())

    for path in ("", "customers/customer/", "contracts/contract/"):
        portal.open(f"/admin/{path}")
        assert portal.page.evaluate("window.hacked") is None


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the screen."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


@pytest.mark.parametrize("width", [320, 390])
def test_no_long_word_pushes_a_meters_form_out_of_a_phone(portal: Portal, width: int) -> None:
    portal.sign_in(make_staff())
    page = portal.page
    page.set_viewport_size({"width": width, "height": 844})

    for aggregation in ("count", "time_weighted", "outcomes"):
        portal.open("/admin/plans/meter/add/")
        page.select_option("[name=aggregation]", aggregation)
        assert overflow(page) == 0
    page.fill("[name=filter_lines]", "x" * 90)
    page.locator("#meter_form").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("write it like")).to_be_visible()
    assert overflow(page) == 0


def test_a_remedy_is_read_whole_on_a_phone(portal: Portal) -> None:
    QuarantinedEvent.objects.create(
        body="{}",
        event_key="k" * 200,
        type="api.call",
        reason="unknown_customer",
        remedy="There is no customer of this name. Correct the key, or create the customer, and send the event again.",
        received_at=clock.now(),
    )
    portal.sign_in(make_staff())
    portal.page.set_viewport_size({"width": 390, "height": 844})

    portal.open("/admin/usage/quarantinedevent/")

    cell = portal.page.locator("td.field-remedy")
    assert cell.evaluate("cell => cell.scrollHeight - cell.clientHeight") <= 1
    assert overflow(portal.page) == 0


def test_a_file_of_usage_is_uploaded(portal: Portal, tmp_path: Path, settings: Settings) -> None:
    settings.VAR_DIR = tmp_path
    file = tmp_path / "usage.csv"
    file.write_text("id,customer,type,time\n")
    portal.sign_in(make_staff())

    portal.open("/admin/usage/eventimport/add/")
    portal.page.set_input_files("[name=file]", file)
    portal.page.get_by_role("button", name="Save", exact=True).click()

    expect(portal.page.get_by_text("usage.csv is being taken in")).to_be_visible()
