"""Finance imports a price list and takes prices from it, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from apps.plans.models import Charge
from tests.browser.conftest import Portal
from tests.browser.test_admin import overflow
from tests.builders import make_draft_version, make_meter, make_staff, usage_charge
from tests.plans.price_files import listed, make_price_list


@pytest.mark.parametrize("width", [390, 1440])
def test_a_list_is_looked_at_imported_and_taken(portal: Portal, tmp_path: Path, width: int) -> None:
    file = tmp_path / "prices.json"
    file.write_bytes(listed(**{"provider/a-model-with-a-long-name-" + "x" * 60: ("0.000003", "0.000015")}))
    make_price_list()
    dimensions = ("model", "kind")
    make_meter("tokens", unit="tokens", event_type="llm", aggregation="sum", dimensions=dimensions)
    make_draft_version([usage_charge("tokens", dimensions=dimensions, prices=())], plan="plan")
    portal.sign_in(make_staff())
    page = portal.page
    page.set_viewport_size({"width": width, "height": 844})

    portal.open("/admin/price-lists/public/")
    page.set_input_files("[name=file]", str(file))
    page.fill("[name=day]", "2026-07-24")
    page.get_by_role("button", name="What would change?").click()
    expect(page.get_by_role("button", name="Import 2 prices for Jul 24, 2026")).to_be_visible()
    assert overflow(page) == 0
    page.get_by_role("button", name="Import 2 prices for Jul 24, 2026").click()
    expect(page.get_by_text("Imported: 2 prices of 1 model.")).to_be_visible()
    assert overflow(page) == 0

    portal.open(f"/admin/price-lists/public/take/?charge={Charge.objects.get().pk}")
    page.fill("[name=margin_percent]", "20")
    page.get_by_role("button", name="What would change?").click()
    expect(page.get_by_text("$3.60 per 1")).to_be_visible()
    assert overflow(page) == 0
    page.get_by_role("button", name="Write 2 cells into Plan, version 1").click()
    expect(page.get_by_text("2 prices written, 0 as before")).to_be_visible()
