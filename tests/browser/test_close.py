"""Closing a month in a real browser: from the page to the invoices, and that it fits a phone."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from apps.core import clock
from apps.core.models import OutboxMessage
from apps.invoices import tasks
from apps.invoices.models import Invoice
from tests.browser.conftest import Portal
from tests.builders import fee_charge, make_contract, make_customer, make_plan_version, make_staff
from tests.invoices.months import drafted


@pytest.fixture
def staff(portal: Portal) -> Portal:
    """Two drafts of 100.00 wait, of the two periods of one contract that are over."""
    now = clock.now()
    last_month = now.date().replace(day=1) - timedelta(days=1)
    contract = make_contract(
        make_customer("acme", name="Acme", billing_email="billing@acme.example"),
        make_plan_version([fee_charge("100")]),
        starts_on=(last_month.replace(day=1) - timedelta(days=1)).replace(day=1),
    )
    drafted(contract, at=now)
    portal.sign_in(make_staff())
    return portal


def test_all_drafts_are_finalized_and_the_run_is_seen(staff: Portal) -> None:
    page = staff.page
    staff.open("/admin/review/?month=all")
    expect(page.get_by_text("Nothing at all came in the last hour")).to_be_visible()

    page.get_by_role("button", name="Finalize 2").click()
    expect(page.get_by_text("Finalize 2 invoices, $200.00 in all, and e-mail 1 customer?")).to_be_visible()
    page.get_by_role("button", name="Finalize 2 invoices").click()
    expect(page.get_by_text("0 of 1 contract")).to_be_visible()
    page.evaluate("window.stillHere = true")

    for message in OutboxMessage.objects.filter(task="invoices.work_on_run"):
        tasks.work_on_run(**message.arguments)

    expect(page.get_by_text("1 of 1 contract")).to_be_visible()
    expect(page.get_by_text("2 invoices, $200.00")).to_be_visible()
    assert page.evaluate("window.stillHere") is True
    assert Invoice.objects.filter(status="finalized").count() == 2


def test_chosen_drafts_are_counted_on_the_button(staff: Portal) -> None:
    page = staff.page
    staff.open("/admin/review/?month=all")
    expect(page.get_by_role("button", name="Finalize the chosen ones")).to_be_disabled()

    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_role("button", name="Finalize the 2 chosen")).to_be_enabled()
    page.get_by_label("Choose the draft of Acme").first.uncheck()
    page.get_by_role("button", name="Finalize the 1 chosen").click()

    expect(page.get_by_text("Finalize 1 invoice, $100.00 in all")).to_be_visible()


def test_the_pages_fit_a_phone(staff: Portal) -> None:
    staff.page.set_viewport_size({"width": 390, "height": 844})

    for path in ("/admin/review/?month=all", f"/admin/draft/{Invoice.objects.first().pk}/"):  # type: ignore[union-attr]
        staff.open(path)
        assert staff.page.evaluate("document.documentElement.scrollWidth") == 390
