"""Finance staff in a real browser: signing in, and pages free of errors."""

import pytest
from playwright.sync_api import expect

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
