"""The contract drawn along its days, with the same as a table; and as it stood on a day."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
import time_machine
from django.test import Client

from apps.backoffice.timeline import lanes, last_day, marks
from apps.backoffice.timeline_picture import drawn
from apps.contracts import sign
from apps.contracts.agreed import agreed
from apps.contracts.changes import AddCommitment, AddDiscount, ChangePlan, ChangeSeats, PromiseGrant, SetCap
from apps.contracts.models import Contract
from tests.backoffice.contracts import address, again, agree, amended, text_of
from tests.backoffice.test_look import seen_on
from tests.backoffice.test_rights import reader
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_customer,
    make_draft_contract,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)
from tests.invoices.months import invoiced

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def contract() -> Contract:
    """A year from October 2026 with something of every kind, renewed by itself, notice by 2 August."""
    make_meter()
    version = make_plan_version([fee_charge("31", key="seats", quantity="10"), usage_charge()])
    draft = make_draft_contract(
        make_customer("acme"),
        version,
        ends_on=date(2027, 10, 1),
        renewal="automatic",
        renewal_months=12,
        notice_days=60,
        uplift_percent=Decimal(5),
    )
    agree(
        draft,
        AddDiscount("launch", "Launch", percent=Decimal(10), months=3),
        AddCommitment("annual", "Annual", Decimal(1000), date(2027, 10, 1), per="term"),
        SetCap(amount=Decimal(5000)),
        PromiseGrant("gift", "Gift", Decimal(5)),
    )
    agree(draft, ChangePlan(make_plan_version([fee_charge("40", key="seats")]).pk), on=date(2027, 4, 1))
    signed = sign.sign(contract_id=draft.pk, at=AT, actor=ACTOR)
    amended(signed, ChangeSeats("seats", Decimal(12)))
    return again(signed)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def test_every_lane_and_mark_is_drawn_and_told(contract: Contract, staff: Client) -> None:
    with time_machine.travel(NOW, tick=False):
        staff.force_login(make_staff())
        invoice = invoiced(contract)
        page = text_of(staff, address("timeline", contract))

    told = " ".join(seen_on(page).split())
    for words in (
        "Launch: 10% off",
        "Annual: at least $1,000.00 in all",
        "12 months more, renews by itself, 5% up",
        "Today Nov 20, 2026",
        "Notice by Aug 2, 2027",
        "Renews Oct 1, 2027",
        "Amendment 1",
    ):
        assert words in told, words
    assert page.count(f"/admin/invoice/{invoice.pk}/") == 2
    assert page.count("#amendment-1") == 2
    assert "style=" not in page.split('<svg class="timeline"')[1].split("</svg>\n      <details>")[0]


def test_everything_lies_within_the_picture(contract: Contract) -> None:
    rows = agreed(contract)
    end_on = last_day(contract, rows, NOW.date())
    picture = drawn(
        contract,
        lanes(contract, rows, [], end_on),
        marks(contract, NOW.date()),
        list(contract.amendments.all()),
        end_on,
    )

    bars = [bar for lane in picture.lanes for bar in lane.bars]
    assert end_on == date(2028, 10, 1)
    assert [lane.name for lane in picture.lanes] == [
        "Term", "Plan", "Subscription", "Discounts", "Commitments", "Caps", "Promised credits", "Billing periods",
    ]  # fmt: skip
    assert all(Decimal(bar.x[:-1]) + Decimal(bar.width[:-1]) <= Decimal("100.4") for bar in bars)
    assert all(0 < bar.y < picture.height for bar in bars)
    term = picture.lanes[0].bars[0]
    # 365 of 731 days.
    assert (term.x, term.width) == ("0.000%", "49.932%")


def test_billing_periods_tile_the_term(contract: Contract) -> None:
    rows = agreed(contract)
    periods = lanes(contract, rows, [], date(2028, 10, 1))[-1].spans

    assert len(periods) == 12
    assert periods[0].starts_on == contract.starts_on
    assert all(one.ends_on == other.starts_on for one, other in pairwise(periods))
    assert periods[-1].ends_on == contract.ends_on


def test_a_contract_without_end_is_drawn_a_year_ahead(staff: Client) -> None:
    open_ended = make_draft_contract(plan_version=make_plan_version([fee_charge()]))

    with time_machine.travel(NOW, tick=False):
        staff.force_login(make_staff())
        page = text_of(staff, address("timeline", open_ended))

    assert last_day(open_ended, agreed(open_ended), NOW.date()) == date(2027, 11, 20)
    assert "Without end" in page


def test_who_may_not_see_invoices_sees_none(contract: Contract, client: Client) -> None:
    invoice = invoiced(contract)
    reader(client, "view_contract")

    page = text_of(client, address("timeline", contract))

    assert str(invoice.pk) not in page
    assert "Launch" in page


def test_the_pages_ask_a_bounded_number_of_questions(
    contract: Contract, staff: Client, django_assert_max_num_queries: object
) -> None:
    for page in ("timeline", "agreed", "on_a_day", "amend"):
        with django_assert_max_num_queries(30):  # type: ignore[operator]
            text_of(staff, address(page, contract))


def test_a_contract_stands_beside_itself_as_it_was_known(contract: Contract, staff: Client) -> None:
    asked = {"day": "2026-10-16", "known": "0", "other": "2026-10-16", "other_known": "1"}

    page = seen_on(text_of(staff, address("on_a_day", contract), **asked))

    words = " ".join(page.split())
    assert "1 thing differs, between the two" in words or "1 thing differs between the two" in words
    assert re.search(r"Subscription .{0,3}differs not agreed 12", words)


def test_a_day_outside_of_the_term_is_refused_at_its_field(contract: Contract, staff: Client) -> None:
    page = text_of(staff, address("on_a_day", contract), day="2026-09-30", other="2027-10-01")

    assert "The contract does not cover 2026-09-30" in page
    assert "The contract does not cover 2027-10-01" in page
