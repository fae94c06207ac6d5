"""The plan builder in a real browser: the form follows what is chosen, and the trial beside it what is typed."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Portal
from tests.builders import fee_charge, make_draft_version, make_meter, make_staff

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_price_is_composed_and_tried_as_it_is_typed(portal: Portal) -> None:
    make_meter("tokens", name="Tokens used", unit="tokens", dimensions=["model"])
    version = make_draft_version([fee_charge()], plan="team")
    portal.sign_in(make_staff())
    page = portal.page
    portal.open(f"/admin/plans/planversion/{version.pk}/charge/new/?kind=usage")

    page.get_by_label("Name").fill("Tokens")
    page.get_by_label("Product").select_option("product")
    page.get_by_label("Meter").select_option("tokens")
    page.get_by_label("Price model").select_option("graduated")
    page.get_by_role("button", name="Add a tier").click()
    expect(page.locator("table.tiers tbody tr")).to_have_count(3)
    expect(page.get_by_label("Name")).to_have_value("Tokens")
    page.get_by_role("button", name="Remove this tier").first.click()
    expect(page.locator("table.tiers tbody tr")).to_have_count(2)
    page.get_by_label("Up to, tier 1").fill("1,000")
    page.get_by_label("Price of one, USD, tier 1").fill("0.8")
    page.get_by_label("Price of one, USD, tier 2").fill("0.6")
    page.get_by_label("Price of one, USD, tier 2").blur()
    page.get_by_label("Tokens: quantity").fill("1500")

    expect(page.locator("#priced")).to_contain_text("1,000 tokens x $0.80 = $800")
    expect(page.locator("#priced .figure")).to_have_text("$1,599.00")
    page.get_by_role("button", name="Save the charge").last.click()
    expect(page.get_by_text("Tokens: $0.80 each up to 1,000, $0.60 beyond.")).to_be_visible()
    assert portal.troubles == []
