"""The plan builder: staff compose charges in a form that asks for what is chosen, and nothing typed is lost."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from apps.core.models import AuditEntry
from apps.plans import compose, queries
from apps.plans.compose import NewAllowance, NewPrice, NewTier
from apps.plans.models import Charge, Plan, PlanVersion
from apps.rating.price_models.matrix import Matrix
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_credit_unit,
    make_draft_version,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)

pytestmark = pytest.mark.django_db

USAGE = {"name": "Tokens", "kind": "usage", "product": "product", "meter": "tokens", "do": "save"}
TIERS = {
    "p0-model": "graduated",
    "p0-t0-up_to": "1,000",
    "p0-t0-unit_amount": "0.8",
    "p0-t1-unit_amount": "0.6",
}


@pytest.fixture
def draft() -> PlanVersion:
    make_meter("tokens", name="Tokens used", unit="tokens", dimensions=["model", "kind"])
    return make_draft_version([fee_charge()], plan="team")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def address(version: PlanVersion, page: str) -> str:
    return f"/admin/plans/planversion/{version.pk}/{page}"


def read(client: Client, path: str, posted: Mapping[str, object] | None = None, **more: str) -> str:
    answer = client.post(path, posted, headers=more) if posted is not None else client.get(path)
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def value(page: str, name: str) -> str:
    """Return what stands in an input of a page."""
    tag = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*>', page)
    found = tag and re.search(r'value="([^"]*)"', tag[0])
    return found[1] if found else ""


def test_a_charge_is_composed_by_the_form(draft: PlanVersion, staff: Client) -> None:
    answer = staff.post(
        address(draft, "charge/new/"), {**USAGE, **TIERS, "included": "5000", "minimum": "10"}
    )

    charge = Charge.objects.get(key="tokens")
    assert answer["Location"] == f"{address(draft, 'change/')}#charge-{charge.pk}"
    page = read(staff, address(draft, "change/"))
    assert (
        "Tokens: 5,000 tokens included, then $0.80 each up to 1,000 more, $0.60 beyond; at least $10 every period."
        in page.replace("\N{NO-BREAK SPACE}", " ")
    )
    assert AuditEntry.objects.get(action="plans.put_charge").actor == "finance@seller.example"


def test_only_the_fields_of_the_chosen_model_are_asked_for(draft: PlanVersion, staff: Client) -> None:
    path = address(draft, "charge/new/")

    tiers = read(staff, path, {**USAGE, "do": "show", "p0-model": "volume"}, HX_REQUEST="true")
    percent = read(staff, path, {**USAGE, "do": "show", "p0-model": "percentage"}, HX_REQUEST="true")

    assert 'name="p0-t1-unit_amount"' in tiers
    assert 'name="p0-rate"' not in tiers
    assert 'name="p0-rate"' in percent
    assert 'name="p0-t1-unit_amount"' not in percent
    assert "<html" not in percent
    assert not Charge.objects.filter(key="tokens").exists()


def test_what_is_typed_comes_back_when_its_field_does(draft: PlanVersion, staff: Client) -> None:
    path = address(draft, "charge/new/")
    typed = {**USAGE, "do": "show", "p0-model": "percentage", "p0-unit_amount": "0.25", "p0-rate": "2.9"}

    other = read(staff, path, typed)
    back = read(staff, path, {**typed, "p0-model": "per_unit"})

    assert '<input type="hidden" name="p0-unit_amount" value="0.25">' in other
    assert value(back, "p0-unit_amount") == "0.25"
    assert '<input type="hidden" name="p0-rate" value="2.9">' in back


def test_tiers_and_prices_come_and_go_as_rows(draft: PlanVersion, staff: Client) -> None:
    path = address(draft, "charge/new/")

    more = read(staff, path, {**USAGE, **TIERS, "do": "add-tier-p0"})
    less = read(staff, path, {**USAGE, **TIERS, "do": "remove-tier-p0-0"})
    prices = read(staff, path, {**USAGE, "dimensions": ["model"], "p0-model": "per_unit", "do": "add-price"})

    assert (value(more, "p0-t0-unit_amount"), value(more, "p0-t1-unit_amount")) == ("0.8", "")
    assert value(more, "p0-t2-unit_amount") == "0.6"
    assert value(less, "p0-t0-unit_amount") == "0.6"
    assert 'name="p1-for-model"' in prices


@pytest.mark.parametrize(
    ("typed", "mistake"),
    [
        ({"name": ""}, "Give the name that the customer reads."),
        ({"meter": ""}, "Choose what is measured."),
        ({"p0-model": "per_unit"}, "Give the price; 0 is free."),
        ({"p0-model": "per_unit", "p0-unit_amount": "-1"}, "Write a number that is not negative."),
        ({"p0-model": "per_unit", "p0-unit_amount": "much"}, "Write a number, such as 0.05."),
        ({"p0-t1-up_to": "9"}, "Leave it empty: the last tier has no end."),
        ({"p0-t0-up_to": ""}, "Say where it ends; only the last tier has no end."),
        (
            {"p0-t1-up_to": "1000", "p0-t2-unit_amount": "0"},
            "Make it more than 1000, where the tier before ends.",
        ),
        ({"minimum": "5", "maximum": "4"}, "Make it at least the minimum."),
        ({"minimum": "5.005"}, "has more decimals than USD has; round it."),
        ({"carry_over_limit": "5"}, "Give an included quantity, of which something can be left."),
        ({"p0-model": "dynamic"}, "Name the property of the event that holds its price."),
        ({"p0-model": "per_seat", "p0-unit_amount": "1"}, "needs a meter of a level over time per day"),
        ({"key": "Not a key"}, "Use lower-case letters"),
        ({"key": "fee"}, "has the key fee already"),
        ({"dated": "on", "p0-starts_on": "2026-02-30"}, "Write a day as YYYY-MM-DD."),
        ({"dated": "on", "p0-starts_on": "2026-06-01"}, "give one without a date"),
    ],
)
def test_a_mistake_stands_in_the_form_and_what_was_typed_too(
    typed: dict[str, str], mistake: str, draft: PlanVersion, staff: Client
) -> None:
    page = read(staff, address(draft, "charge/new/"), {**USAGE, **TIERS, "p0-t0-flat_amount": "77", **typed})

    assert mistake in page
    assert "Not saved yet" in page
    assert 'value="77"' in page
    assert not Charge.objects.filter(key="tokens").exists()


def test_a_matrix_says_any_in_words_and_catches_all_else(draft: PlanVersion, staff: Client) -> None:
    cells = {
        "dimensions": ["model", "kind"],
        "p0-model": "per_unit",
        "p0-for-model": "large",
        "p0-unit_amount": "2",
        "p1-model": "package",
        "p1-package_size": "100",
        "p1-package_amount": "1",
    }

    staff.post(address(draft, "charge/new/"), {**USAGE, **cells})

    charge = Charge.objects.get(key="tokens")
    price = queries.planned(queries.rows_of(draft.pk)[1]).charge.price
    assert isinstance(price, Matrix)
    assert [cell.match for cell in price.cells] == [(("model", "large"),)]
    assert price.default is not None
    edited = read(staff, address(draft, f"charge/{charge.pk}/"))
    assert 'placeholder="any"' in edited
    assert value(edited, "p0-for-model") == "large"


def test_many_prices_are_written_as_text_a_line_each(draft: PlanVersion, staff: Client) -> None:
    """A thousand cells, as they come out of a spreadsheet, one of them with a date."""
    lines = [f"m-{number}\tinput\t0.00000{number:04}" for number in range(1, 1000)]
    text = "\n".join([*lines, "any\tany\t0.000002", "m-1\tinput\t0.000009\t2026-06-01"])
    typed = {**USAGE, "dimensions": ["model", "kind"], "as_text": "yes", "cells": text}

    staff.post(address(draft, "charge/new/"), typed)

    charge = Charge.objects.get(key="tokens")
    assert charge.prices.count() == 1001
    assert charge.prices.get(starts_on=date(2026, 6, 1)).match == {"model": "m-1", "kind": "input"}
    assert charge.prices.get(match={}).unit_amount == Decimal("0.000002")
    assert "m-999\tinput\t0.000000999" in read(staff, address(draft, f"charge/{charge.pk}/"))


def test_a_line_of_text_that_is_no_price_is_named(draft: PlanVersion, staff: Client) -> None:
    typed = {**USAGE, "dimensions": ["model"], "as_text": "yes", "cells": "large, 2\nsmall, oops"}

    page = read(staff, address(draft, "charge/new/"), typed)

    assert "Line 2: Write a number, such as 0.05." in page
    assert "small, oops" in page


def test_every_term_of_a_charge_comes_back_into_its_form(draft: PlanVersion, staff: Client) -> None:
    make_credit_unit()
    percentage = NewPrice(model="percentage", rate=Decimal("0.029"), free_events=3)
    tiers = [NewTier(Decimal(10), Decimal(1)), NewTier(None, Decimal("0.5"))]
    offered = make_draft_version(
        [
            usage_charge("tokens", key="share", prices=[percentage], maximum=Decimal(99)),
            usage_charge(
                "tokens",
                key="credits",
                credit_unit="credits",
                allowance="pool",
                overage=NewPrice(model="graduated", tiers=tiers),
            ),
        ],
        allowances=[NewAllowance("pool", "Pool", Decimal(5))],
    )
    share, in_credits = offered.charges.order_by("position")

    first = read(staff, address(offered, f"charge/{share.pk}/"))
    second = read(staff, address(offered, f"charge/{in_credits.pk}/"))

    assert (value(first, "p0-rate"), value(first, "p0-free_events"), value(first, "maximum")) == (
        "2.9",
        "3",
        "99",
    )
    assert value(second, "overage-t0-up_to") == "10"
    assert 'value="pool" selected' in second
    before = queries.charges_of(offered.pk)
    for charge, page in ((share, first), (in_credits, second)):
        staff.post(address(offered, f"charge/{charge.pk}/"), {**typed_in(page), "do": "save"})
    assert queries.charges_of(offered.pk) == before


def typed_in(page: str) -> dict[str, str]:
    """Return what a browser would send of the charge's form."""
    form = page[page.index('id="charge-form"') :]
    form = form[: form.index("</form>")]
    sent = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, held = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or "checked" in tag):
            sent[name[1]] = held[1] if held else "on" if "checkbox" in tag else ""
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = chosen[1] if chosen else ""
    return sent


def test_charges_are_moved_and_removed(draft: PlanVersion, staff: Client) -> None:
    staff.post(address(draft, "charge/new/"), {**USAGE, **TIERS})
    tokens = Charge.objects.get(key="tokens")

    staff.post(address(draft, f"charge/{tokens.pk}/move/"), {"up": ""})
    assert [charge.key for charge in draft.charges.order_by("position")] == ["tokens", "fee"]

    assert "$0.80 each" in read(staff, address(draft, f"charge/{tokens.pk}/remove/"))
    staff.post(address(draft, f"charge/{tokens.pk}/remove/"))
    assert [charge.key for charge in draft.charges.all()] == ["fee"]


def test_a_shared_allowance_is_made_changed_and_removed(draft: PlanVersion, staff: Client) -> None:
    new = address(draft, "allowance/new/")

    assert "Say how many units are included." in read(staff, new, {"name": "Pool", "quantity": ""})
    staff.post(new, {"name": "Shared pool", "quantity": "1,000", "carry_over_limit": "500"})
    pool = draft.allowances.get()
    assert (pool.key, pool.quantity, pool.carry_over_limit) == ("shared-pool", Decimal(1000), Decimal(500))
    staff.post(address(draft, f"allowance/{pool.pk}/"), {"name": "Pool", "quantity": "2000", "key": "pool"})
    assert draft.allowances.get().quantity == 2000
    staff.post(address(draft, f"allowance/{pool.pk}/remove/"))
    assert not draft.allowances.exists()


def test_hostile_names_are_shown_as_text(draft: PlanVersion, staff: Client) -> None:
    hostile = "<script>alert(1)</script>"
    typed = {**USAGE, "name": hostile, "dimensions": ["model"], "p0-model": "per_unit", "p0-unit_amount": "1"}

    staff.post(address(draft, "charge/new/"), {**typed, "p0-for-model": hostile})

    charge = Charge.objects.get(name=hostile)
    pages = (
        read(staff, address(draft, "change/")),
        read(staff, address(draft, f"charge/{charge.pk}/")),
        read(staff, address(draft, "compare/")),
        read(staff, f"/admin/plan-preview/{draft.pk}/"),
    )
    assert all(hostile not in page and "&lt;script&gt;" in page for page in pages[:2])
    assert all(hostile not in page for page in pages)


def test_the_page_says_what_keeps_the_version_from_being_published(draft: PlanVersion, staff: Client) -> None:
    compose_open = usage_charge("tokens", prices=[NewPrice(model="dynamic")])
    version = make_draft_version([compose_open])

    assert "Charge Tokens: name the property of the event" in read(staff, address(version, "change/"))


def test_two_versions_stand_side_by_side(staff: Client) -> None:
    make_meter("tokens")
    base = make_plan_version([fee_charge("499")], plan="team")
    custom = compose.custom_version(
        base_id=base.pk, name="Team for Acme", charges=[fee_charge("399")], at=AT, actor=ACTOR
    )

    page = read(staff, address(custom, "compare/"))

    assert "1 of 1 charge differs." in page
    assert "<del>$499 every period.</del>" in page
    assert "<ins>$399 every period.</ins>" in page


def test_plans_for_one_contract_are_listed_only_if_they_are_asked_for(staff: Client) -> None:
    base = make_plan_version(plan="team")
    compose.custom_version(base_id=base.pk, name="Only for Acme", at=AT, actor=ACTOR)

    assert "Only for Acme" not in read(staff, "/admin/plans/plan/")
    assert "Only for Acme" in read(staff, "/admin/plans/plan/?custom=yes")
    assert "Only for Acme" not in read(staff, "/admin/plans/planversion/")
    assert "Only for Acme" in read(staff, "/admin/plans/planversion/?custom=all")


def test_a_version_is_copied_into_a_new_plan(draft: PlanVersion, staff: Client) -> None:
    assert "plan with the key team already" in read(
        staff, address(draft, "copy/"), {"name": "T", "key": "team"}
    )

    staff.post(address(draft, "copy/"), {"name": "Team EU", "key": "team-eu"})

    assert Plan.objects.get(key="team-eu").versions.get().charges.get().key == "fee"


def test_a_published_version_is_retired_by_its_button_and_not_edited(staff: Client) -> None:
    version = make_plan_version()
    charge = version.charges.get()

    assert staff.get(address(version, f"charge/{charge.pk}/")).status_code == 404
    assert "Contracts on" in read(staff, address(version, "retire/"))
    staff.post(address(version, "retire/"))

    version.refresh_from_db()
    assert version.status == "retired"
    assert "Retired" in read(staff, address(version, "change/"))


def test_a_draft_is_deleted_with_all_that_is_in_it(draft: PlanVersion, staff: Client) -> None:
    staff.post(address(draft, "allowance/new/"), {"name": "Pool", "quantity": "1"})
    staff.post(address(draft, "charge/new/"), {**USAGE, **TIERS, "allowance": "pool"})

    staff.post(address(draft, "delete/"), {"post": "yes"})

    assert not PlanVersion.objects.exists()
