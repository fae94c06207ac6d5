"""The page of what is agreed: a draft is completed there by forms, a signed contract shown with its history."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from apps.contracts import sign
from apps.contracts.agreed import agreed
from apps.contracts.changes import AddDiscount, ChangeSeats
from apps.contracts.models import Commitment, Contract, Discount, Phase, PromisedGrant, SeatChange
from apps.core.models import AuditEntry
from apps.plans import publish
from apps.plans.models import PlanVersion
from tests.backoffice.contracts import address, again, agree, amended, text_of
from tests.backoffice.test_look import UGLY, seen_on
from tests.backoffice.test_rights import reader
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_draft_contract,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


@pytest.fixture
def draft() -> Contract:
    make_meter(name="Documents")
    make_customer("acme", name="Acme <b>Ltd</b>")
    version = make_plan_version([fee_charge("31", key="seats", quantity="10"), usage_charge()])
    return make_draft_contract(plan_version=version)


FORMS = {
    "seats": {"charge_key": "seats", "quantity": "12"},
    "discount": {"name": "Launch discount", "percent": "10", "months": "3", "position": "1"},
    "commitment": {"name": "Annual commitment", "amount": "12000", "per": "term", "ends_on": "2027-10-01"},
    "cap": {"amount": "5000", "is_hard": "on"},
    "grant": {"name": "Welcome", "how_much": "500", "cost": "0", "priority": "50", "every_months": "1"},
}
SAID = {
    "seats": "From Oct 1, 2026: 12 x Subscription",
    "discount": "Launch discount: 10% off, from Oct 1, 2026 until Jan 1, 2027",
    "commitment": "Annual commitment: at least $12,000.00 in all, from Oct 1, 2026 until Oct 1, 2027",
    "cap": "Cap: at most $5,000.00 in a period, a hard one, from Oct 1, 2026 on",
    "grant": "Welcome: $500.00 every month, from Oct 1, 2026 on",
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_term_is_added_to_a_draft_and_taken_out_again(kind: str, draft: Contract, staff: Client) -> None:
    page = address("agreed", draft)
    assert staff.get(page, {"add": kind}).status_code == 200

    added = staff.post(page, {"add": kind, "on": "2026-10-01", **FORMS[kind]}, follow=True).content.decode()
    assert SAID[kind] in seen_on(added)

    (button,) = [part.split('"')[0] for part in added.split('name="remove" value="')[1:]]
    removed = staff.post(page, {"remove": button}, follow=True).content.decode()
    assert "Taken out" in removed
    assert SAID[kind] not in seen_on(removed)
    assert AuditEntry.objects.filter(action="contracts.withdraw", subject_key=draft.number).count() == 1


def test_a_ramp_is_a_phase_for_each_step(draft: Contract, staff: Client) -> None:
    second = make_plan_version([fee_charge("62", key="seats", quantity="10")])

    staff.post(address("agreed", draft), {"add": "plan", "on": "2027-01-01", "plan_version": str(second.pk)})

    assert Phase.objects.get().plan_version == second
    assert f"From Jan 1, 2027: {second}" in text_of(staff, address("agreed", draft))


@pytest.mark.parametrize(
    ("kind", "fields", "mistake"),
    [
        ("discount", {"percent": "10", "amount": "5"}, "one of the three"),
        ("discount", {"percent": "10", "name": ""}, "Fill this in"),
        ("discount", {"percent": "10", "months": "2", "ends_on": "2027-01-01"}, "one of the two"),
        ("commitment", {"ends_on": "2027-09-17"}, "middle of a billing period"),
        ("commitment", {"ends_on": "2026-10-01"}, "always has an end"),
        ("cap", {"amount": "", "quantity": "5"}, "needs the meter"),
        ("grant", {"ends_on": "2027-01-01", "every_months": ""}, "needs no end"),
        ("seats", {"on": "2026-09-30"}, "outside of its term"),
        ("seats", {"charge_key": "calls"}, "Select a valid choice"),
    ],
)
def test_a_mistake_stands_at_its_field_and_nothing_is_written(
    kind: str, fields: dict[str, str], mistake: str, draft: Contract, staff: Client
) -> None:
    asked = {"add": kind, "on": "2026-10-01", **FORMS[kind], **fields}

    page = staff.post(address("agreed", draft), asked)

    assert page.status_code == 200
    assert mistake in page.content.decode()
    assert again(draft).terms_stamp is None
    assert not any(kind.objects.exists() for kind in (Discount, Commitment, SeatChange, PromisedGrant))


def test_two_terms_of_the_same_name_are_told_apart(draft: Contract, staff: Client) -> None:
    for percent in ("10", "20"):
        fields = FORMS["discount"] | {"percent": percent}
        staff.post(address("agreed", draft), {"add": "discount", "on": "2026-10-01", **fields})

    assert sorted(Discount.objects.values_list("key", flat=True)) == ["launch-discount", "launch-discount-2"]


def test_a_signed_contract_shows_its_history_and_takes_nothing_in(staff: Client, draft: Contract) -> None:
    agree(draft, AddDiscount("launch", "Launch", percent=Decimal(10)))
    contract = sign.sign(contract_id=draft.pk, at=AT, actor=ACTOR)
    amended(contract, ChangeSeats("seats", Decimal(12)), reason="Two more people.")

    page = seen_on(text_of(staff, address("agreed", contract), add="discount"))

    assert "12 x Subscription instead of 10" in page
    assert "Two more people." in page
    assert "Write it into the draft" not in page
    row = Discount.objects.get()
    refused = staff.post(address("agreed", contract), {"remove": f"discount:{row.pk}"}, follow=True)
    assert "is signed" in refused.content.decode()
    assert Discount.objects.filter(pk=row.pk).exists()


def test_what_is_over_is_not_offered_to_be_ended(draft: Contract, staff: Client) -> None:
    agree(
        draft,
        AddDiscount("over", "Over", percent=Decimal(10), months=1),
        AddDiscount("lasting", "Lasting", percent=Decimal(5)),
    )
    contract = sign.sign(contract_id=draft.pk, at=AT, actor=ACTOR)

    with time_machine.travel(datetime(2026, 11, 20, 9, tzinfo=UTC), tick=False):
        staff.force_login(make_staff("other@seller.example"))
        page = text_of(staff, address("agreed", contract))

    assert "which=lasting" in page
    assert "which=over" not in page
    assert "Over: 10% off" in page


def test_prices_of_its_own_are_copied_set_and_signed(draft: Contract, staff: Client) -> None:
    before = draft.plan_version

    made = staff.post(address("own_prices", draft), {"on": "2026-10-01"})

    own = PlanVersion.objects.get(plan__is_custom=True)
    assert made.headers["Location"].endswith(f"/plans/planversion/{own.pk}/change/")
    assert (again(draft).plan_version, own.based_on) == (own, before)
    assert "Not published" in text_of(staff, address("agreed", draft))
    staff.post(f"/admin/contracts/contract/{draft.pk}/sign/")
    assert again(draft).status == Contract.Status.DRAFT
    publish.publish(version_id=own.pk, at=AT, actor=ACTOR)
    staff.post(f"/admin/contracts/contract/{draft.pk}/sign/")
    assert again(draft).status == Contract.Status.ACTIVE


def test_prices_of_its_own_from_a_later_day_are_a_phase(draft: Contract, staff: Client) -> None:
    staff.post(address("own_prices", draft), {"on": "2027-01-01"})

    (phase,) = agreed(again(draft)).phases
    assert (phase.starts_on.isoformat(), phase.plan_version.plan.is_custom) == ("2027-01-01", True)


def test_a_signed_contract_is_amended_to_its_own_prices_once_they_are_published(
    staff: Client, draft: Contract
) -> None:
    contract = sign.sign(contract_id=draft.pk, at=AT, actor=ACTOR)
    staff.post(address("own_prices", contract), {})
    own = PlanVersion.objects.get(plan__is_custom=True)
    assert again(contract).plan_version != own

    publish.publish(version_id=own.pk, at=AT, actor=ACTOR)

    assert f"?change=plan&amp;plan_version={own.pk}" in text_of(staff, address("agreed", contract))
    assert str(own) in text_of(staff, address("amend", contract), change="plan", plan_version=str(own.pk))


@pytest.mark.parametrize("page", ["agreed", "on_a_day", "timeline"])
def test_the_pages_show_no_keys_and_escape_names(page: str, draft: Contract, staff: Client) -> None:
    agree(draft, AddDiscount("launch", "<i>Launch</i>", percent=Decimal(10)))

    shown = text_of(staff, address(page, draft))

    assert "<b>Ltd</b>" not in shown
    assert "<i>Launch</i>" not in shown
    assert [what for what, ugly in UGLY.items() if ugly.search(seen_on(shown))] == []


def test_who_may_only_look_changes_nothing(draft: Contract, client: Client) -> None:
    reader(client, "view_contract")

    shown = text_of(client, address("agreed", draft))

    assert "?add=" not in shown
    assert "Change prices" not in shown
    for page, fields in (
        ("agreed", {"add": "cap", "on": "2026-10-01", **FORMS["cap"]}),
        ("amend", {"look": "yes"}),
        ("own_prices", {"on": "2026-10-01"}),
    ):
        assert client.post(address(page, draft), fields).status_code == 403
    assert again(draft).terms_stamp is None


@pytest.mark.parametrize("page", ["agreed", "amend", "on_a_day", "timeline"])
def test_staff_without_rights_see_no_contract(page: str, client: Client) -> None:
    reader(client)

    assert client.get(address(page, make_contract())).status_code == 403


@pytest.mark.parametrize("remove", ["discount", "discount:x", "odd:01a2187a-fc6b-7686-9e46-de3011923d2c"])
def test_what_is_not_there_is_not_taken_out(remove: str, draft: Contract, staff: Client) -> None:
    assert staff.post(address("agreed", draft), {"remove": remove}).status_code in {302, 404}
    assert again(draft).terms_stamp is None
