"""Staff import price lists and take prices from them: everything is shown before it is written."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.backoffice import price_list_forms
from apps.plans import price_list_file, publish
from apps.plans.models import Charge, Markup, PriceList, PriceListVersion
from tests.backoffice.test_rights import reader
from tests.builders import ACTOR, AT, make_draft_version, make_meter, make_staff, usage_charge
from tests.plans.price_files import listed, make_price_list, take_in

pytestmark = pytest.mark.django_db
LISTS = "/admin/price-lists/"
LIST = "/admin/price-lists/public/"
TAKE = "/admin/price-lists/public/take/"
FIRST = listed(large=("0.000003", "0.000015"), small=("0.0000002", "0.0000006"))
LATER = listed(large=("0.000006", "0.000015"), strange=("0.002", 0), picture={"output_cost_per_image": 1})


@pytest.fixture
def staff(client: Client) -> Client:
    """Finance, with a list of one version and a draft whose charge tells models and kinds apart."""
    make_price_list(name="Public <b>prices</b>")
    take_in(FIRST, "2026-07-01")
    dimensions = ("model", "kind")
    make_meter("tokens", unit="tokens", event_type="llm", aggregation="sum", dimensions=dimensions)
    make_draft_version([usage_charge("tokens", dimensions=dimensions, prices=())], plan="plan")
    client.force_login(make_staff())
    return client


def file(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("prices.json", content)


def hidden(page: str, name: str) -> str:
    found = re.findall(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"the page carries no {name}"
    return str(found[-1])


def chosen(**changed: str) -> dict[str, str]:
    return {
        "charge": str(Charge.objects.order_by("-plan_version__number")[0].pk),
        "margin_percent": "20",
        "model_dimension": "model",
        "kind_dimension": "kind",
        "kind-input": "in",
        **changed,
    }


def test_a_list_is_made_and_its_mistakes_are_named(staff: Client) -> None:
    bad = staff.post(LISTS, {"name": "Mine", "key": "My key", "currency": "USD"}).content.decode()
    worse = staff.post(LISTS, {"name": "Mine", "key": "mine", "currency": "ABC"}).content.decode()
    made = staff.post(LISTS, {"name": "Mine", "key": "mine", "currency": "eur", "source": "MIT"})

    assert "Use lower-case letters" in bad
    assert "no currency of ISO 4217" in worse
    assert made.headers["Location"] == "/admin/price-lists/mine/"
    assert PriceList.objects.get(key="mine").currency == "EUR"


def test_a_file_is_looked_at_then_imported(staff: Client) -> None:
    seen = staff.post(LIST, {"file": file(LATER), "day": "2026-07-24"}).content.decode()
    assert "4 prices of 3 models, in force from Jul 24, 2026" in seen
    assert "100%" in seen
    assert "is priced per image, not per token" in seen
    assert "more than 1,000 USD for a million tokens" in seen
    assert PriceListVersion.objects.count() == 1

    carried = {"packed": hidden(seen, "packed"), "day": "2026-07-24", "confirmed": "yes"}
    done = staff.post(LIST, carried, follow=True)

    assert done.redirect_chain[-1][0] == f"{LIST}2026-07-24/"
    assert "Imported: 4 prices of 3 models" in done.content.decode()
    assert PriceListVersion.objects.get(day=date(2026, 7, 24)).imported_by == "finance@seller.example"
    again = staff.post(LIST, carried, follow=True).content.decode()
    assert "The same file was imported for that day before" in again


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"day": "2026-07-24"}, "Choose a file."),
        ({"day": "2026-07-24", "packed": "no base64!"}, "Choose a file."),
        ({"day": "2026-07-24", "packed": "aGFsbG8="}, "it is no JSON"),
        ({"day": "never", "packed": "aGFsbG8="}, "Enter a valid date."),
        (
            {"day": "2026-07-01", "packed": "eyJtIjogeyJpbnB1dF9jb3N0X3Blcl90b2tlbiI6IDF9fQ=="},
            "from another file",
        ),
    ],
)
def test_what_cannot_be_imported_says_why(staff: Client, sent: dict[str, str], why: str) -> None:
    page = staff.post(LIST, {**sent, "confirmed": "yes"}).content.decode()

    assert why in page
    assert PriceListVersion.objects.count() == 1


def test_files_that_are_too_large_are_sent_elsewhere(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_list_forms, "MOST_CARRIED", 10)
    carried = staff.post(LIST, {"file": file(LATER), "day": "2026-07-24"}).content.decode()
    monkeypatch.setattr(price_list_file, "MOST_BYTES", 100)
    refused = staff.post(LIST, {"file": file(LATER), "day": "2026-07-24"}).content.decode()

    assert "Import it with manage.py import_prices" in carried
    assert 'name="confirmed"' not in carried
    assert "It is larger than" in refused


def test_a_version_shows_changes_and_prices_and_finds_models(staff: Client) -> None:
    take_in(LATER, "2026-07-24")

    page = staff.get(f"{LIST}2026-07-24/").content.decode()
    found = staff.get(f"{LIST}2026-07-24/", {"model": "LARGE", "way": "dearer"}).content.decode()
    first = staff.get(f"{LIST}2026-07-01/").content.decode()

    assert "1 dearer, 0 cheaper, 2 removed, 2 added" in page
    assert ("large" in found, "strange" in found, "small" in found) == (True, False, False)
    assert "$3.00 per 1" in found
    assert "What changed" not in first
    assert staff.get(f"{LIST}2026-07-02/").status_code == 404
    assert staff.get(f"{LIST}2026-02-31/").status_code == 404
    assert staff.get("/admin/price-lists/none/").status_code == 404


def test_a_long_version_comes_in_pages(staff: Client) -> None:
    take_in(listed(**{f"m{number:03}": (1, 1) for number in range(60)}), "2026-07-24")

    page = staff.get(f"{LIST}2026-07-24/", {"model": "m0"}).content.decode()
    (more,) = re.findall(r'href="\?([^"]*)">More', page)
    rest = staff.get(f"{LIST}2026-07-24/?{more.replace('&amp;', '&')}").content.decode()

    assert ("m049" in page, "m050" in rest, "m059" in rest, "m049" in rest) == (True, True, True, False)
    assert ">More<" not in rest


def test_prices_are_taken_after_a_look(staff: Client) -> None:
    charge = Charge.objects.get()
    asked = staff.get(TAKE).content.decode()
    form = staff.get(TAKE, {"charge": str(charge.pk)}).content.decode()
    seen = staff.post(TAKE, chosen()).content.decode()
    assert "Plan, version 1: Tokens" in asked
    assert 'value="output"' in form
    assert "2 cells of Tokens to write" in seen
    assert "$3.60 per 1" in seen
    assert not charge.prices.exists()

    done = staff.post(TAKE, {**chosen(), "stamp": hidden(seen, "stamp")}, follow=True)

    assert done.redirect_chain[-1][0] == f"/admin/plans/planversion/{charge.plan_version_id}/change/"
    assert "2 prices written, 0 as before" in done.content.decode()
    assert charge.prices.get(match={"model": "large", "kind": "in"}).unit_amount == Decimal("0.0000036")
    assert Markup.objects.get().margin_percent == 20
    assert "up to date" in staff.get(LIST).content.decode()


def test_a_later_version_is_pointed_out_and_taken_with_the_same_choice(staff: Client) -> None:
    charge = Charge.objects.get()
    seen = staff.post(TAKE, chosen(names="mine = small", is_dated="dated")).content.decode()
    staff.post(TAKE, chosen(names="mine = small", is_dated="dated", stamp=hidden(seen, "stamp")))
    take_in(LATER, "2026-07-24")

    offered = staff.get(LIST).content.decode()
    form = staff.get(TAKE, {"charge": str(charge.pk)}).content.decode()
    changes = staff.post(TAKE, chosen(names="mine = small", is_dated="dated")).content.decode()
    publish.publish(version_id=charge.plan_version_id, at=AT, actor=ACTOR)
    published = staff.get(LIST).content.decode()

    assert f"{TAKE}?charge={charge.pk}" in offered
    assert "last took the prices of Jul 1, 2026" in form
    assert ("mine = small" in form, 'value="20"' in form) == (True, True)
    assert "from Jul 24, 2026" in changes
    assert "Make a new version of the plan" in published


def test_the_page_of_a_draft_leads_to_the_lists(staff: Client) -> None:
    page = staff.get(f"/admin/plans/planversion/{Charge.objects.get().plan_version_id}/change/")

    assert f'href="{LISTS}"' in page.content.decode().partition("Add a charge")[2]


def test_a_choice_that_cannot_be_keeps_what_was_typed(staff: Client) -> None:
    for changed, why in (
        ({"kind-input": ""}, "Choose at least one kind of tokens."),
        ({"names": "mine is small"}, "write it like"),
        ({"patterns": "none*"}, "no price of these models"),
        ({"margin_percent": "much"}, "Enter a number."),
        ({"stamp": "old"}, "Nothing was written: look again."),
    ):
        page = staff.post(TAKE, chosen(**{"patterns": "la*", **changed})).content.decode()
        assert why in page
        assert "la*" in page or "patterns" in changed
    assert not Charge.objects.get().prices.exists()


def test_without_a_draft_or_a_version_the_page_says_what_to_do(staff: Client) -> None:
    make_price_list("empty")
    empty = staff.get("/admin/price-lists/empty/take/", {"charge": str(Charge.objects.get().pk)})
    Charge.objects.all().delete()

    assert "Nothing is imported into this list yet" in empty.content.decode()
    assert "Make a draft version" in staff.get(TAKE).content.decode()
    assert staff.get(TAKE, {"charge": "no id"}).status_code == 404


def test_hostile_names_are_shown_as_they_are(staff: Client) -> None:
    take_in(listed(**{"<i>m</i>": (1, 1)}), "2026-07-24")

    for path in (LISTS, LIST, f"{LIST}2026-07-24/", f"{TAKE}?charge={Charge.objects.get().pk}"):
        page = staff.get(path).content.decode()
        assert ("<b>prices" in page, "<i>m" in page) == (False, False)


def test_who_may_only_look_imports_and_takes_nothing(staff: Client) -> None:
    reader(staff, "view_pricelist")
    wanted = {"packed": "aGFsbG8=", "day": "2026-07-24", "confirmed": "yes"}

    assert [staff.get(path).status_code for path in (LISTS, LIST, f"{LIST}2026-07-01/")] == [200, 200, 200]
    assert "New price list" not in staff.get(LISTS).content.decode()
    assert "Import a version" not in staff.get(LIST).content.decode()
    assert staff.get(TAKE).status_code == 403
    assert staff.post(LISTS, {"name": "x", "key": "x", "currency": "USD"}).status_code == 403
    assert staff.post(LIST, wanted).status_code == 403
    assert staff.post(TAKE, chosen(stamp="x")).status_code == 403


def test_who_has_no_right_sees_no_list(staff: Client) -> None:
    reader(staff, "change_planversion")

    assert {staff.get(path).status_code for path in (LISTS, LIST, f"{LIST}2026-07-01/", TAKE)} == {403}
