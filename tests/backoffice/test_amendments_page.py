"""The page that amends a contract: what it means and costs first, nothing written until it is made."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from apps.backoffice.effect import periods_to_show
from apps.contracts import sign
from apps.contracts.agreed import agreed
from apps.contracts.changes import AddDiscount, ChangeSeats, SetCap
from apps.contracts.models import Amendment, Contract
from tests.backoffice.contracts import address, again, agree, amended
from tests.backoffice.test_look import seen_on
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
from tests.invoices.months import invoiced, use

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 10, 20, 9, tzinfo=UTC)


@pytest.fixture
def contract() -> Contract:
    """Ten seats at 31.00 a month, 100 documents at 0.50 used in October."""
    make_meter()
    version = make_plan_version(
        [fee_charge("31", key="seats", quantity="10"), usage_charge(unit_amount="0.50")]
    )
    draft = make_draft_contract(make_customer("acme"), version, ends_on=date(2027, 10, 1))
    agree(draft, AddDiscount("launch", "Launch", percent=Decimal(10)), SetCap(amount=Decimal(5000)))
    return again(sign.sign(contract_id=draft.pk, at=AT, actor=ACTOR))


@pytest.fixture
def staff(client: Client) -> Client:
    person = make_staff()
    with time_machine.travel(NOW, tick=False):
        client.force_login(person)
    return client


def posted(client: Client, contract: Contract, button: str, *changes: str, **fields: str) -> str:
    """Press a button of the page with these changes filled in; return the page that follows."""
    asked: dict[str, object] = {"effective_on": "2026-10-16", "reason": "Agreed by mail.", button: "yes"}
    asked["change"] = list(changes)
    with time_machine.travel(NOW, tick=False):
        page = client.post(address("amend", contract), asked | fields, follow=True)
    assert page.status_code == 200
    return page.content.decode()


def made(client: Client, contract: Contract, *changes: str, **fields: str) -> str:
    """Look, then make what was looked at."""
    looked = posted(client, contract, "look", *changes, **fields)
    assert 'name="seen"' in looked, seen_on(looked)
    seen = looked.split('name="seen" value="')[1].split('"')[0]
    return posted(client, contract, "make", *changes, seen=seen, **fields)


SEATS = {"c0-charge_key": "seats", "c0-quantity": "12"}


def test_it_shows_in_words_and_figures_what_it_comes_to(contract: Contract, staff: Client) -> None:
    """10 x 31.00 for 15 of 31 days and 12 x 31.00 for 16: 342.00 and not 310.00, each with 10% off."""
    use(contract, "calls", "100")

    page = seen_on(posted(staff, contract, "look", "0:seats", **SEATS))

    assert "From Oct 16, 2026: 12 x Subscription instead of 10." in page
    words = " ".join(page.split())
    assert "Subscription 310.00 342.00 32.00" in words
    assert "Together 324.00 352.80 28.80" in words
    assert "Nov 1" in words
    assert "with the usage so far" in words
    assert not Amendment.objects.exists()
    assert agreed(again(contract)).seats == ()


def test_it_is_made_once_it_was_looked_at(contract: Contract, staff: Client) -> None:
    page = seen_on(made(staff, contract, "0:seats", **SEATS))

    amendment = Amendment.objects.get()
    assert (amendment.number, amendment.effective_on, amendment.actor) == (
        1,
        date(2026, 10, 16),
        "finance@seller.example",
    )
    assert "Amendment 1 is made" in page
    assert agreed(again(contract)).seats_on(date(2026, 10, 16)) == {"seats": Decimal(12)}


def test_what_was_not_looked_at_is_not_made(contract: Contract, staff: Client) -> None:
    looked = posted(staff, contract, "look", "0:seats", **SEATS)
    seen = looked.split('name="seen" value="')[1].split('"')[0]

    page = posted(staff, contract, "make", "0:seats", seen=seen, **{**SEATS, "c0-quantity": "13"})

    assert "13 x Subscription instead of 10" in seen_on(page)
    assert not Amendment.objects.exists()


def test_many_changes_are_one_amendment(contract: Contract, staff: Client) -> None:
    dearer = make_plan_version([fee_charge("40", key="seats", quantity="10")])
    fields = {
        "c0-plan_version": str(dearer.pk),
        "c1-which": "launch",
        "c2-name": "Minimum",
        "c2-amount": "500",
        "c2-per": "period",
        "c2-ends_on": "2027-10-01",
        "c3-which": "money",
        "c4-payment_days": "60",
        "c4-notice_days": "0",
        "c4-renewal": "none",
        "c4-purchase_order": "PO-8",
    }

    made(
        staff, contract, "0:plan", "1:end-discount", "2:commitment", "3:lift-cap", "4:fields",
        effective_on="2026-11-01", **fields,
    )  # fmt: skip

    now = again(contract)
    rows = agreed(now)
    assert rows.plan_version_on(date(2026, 11, 1), now.plan_version_id) == dearer.pk
    assert [row.ends_on for row in rows.discounts] == [date(2026, 11, 1)]
    assert [row.ends_on for row in rows.caps] == [date(2026, 11, 1)]
    assert [row.name for row in rows.commitments] == ["Minimum"]
    assert (now.payment_days, now.purchase_order) == (60, "PO-8")
    assert Amendment.objects.get().changes[-1].count("instead of") == 2


def test_a_contract_ends_together_with_another(contract: Contract, staff: Client) -> None:
    other = make_contract(
        contract.customer, contract.plan_version, starts_on=date(2027, 10, 1), ends_on=date(2028, 1, 1)
    )
    sister = make_draft_contract(
        contract.customer, contract.plan_version, starts_on=date(2026, 10, 1), ends_on=date(2027, 3, 1)
    )

    refused = posted(staff, contract, "look", "0:end", **{"c0-together_with": str(other.pk)})
    made(staff, contract, "0:end", **{"c0-together_with": str(sister.pk)})

    assert "two prices" in refused
    assert again(contract).ends_on == date(2027, 3, 1)


@pytest.mark.parametrize(
    ("changes", "fields", "mistake"),
    [
        (["0:seats"], {**SEATS, "reason": ""}, "Say why"),
        (["0:seats"], {**SEATS, "effective_on": "2027-10-01"}, "outside of its term"),
        (["0:seats"], {"c0-charge_key": "seats"}, "Fill this in"),
        (["0:discount"], {"c0-name": "More", "c0-position": "1"}, "one of the three"),
        (["0:plan"], {}, "Fill this in"),
        (["0:end"], {"c0-ends_on": "2026-10-02"}, "cannot end on 2026-10-02"),
        (["0:end"], {"c0-ends_on": "2027-10-01"}, "its end already"),
        (["0:end-grants"], {"c0-which": "gone"}, "Select a valid choice"),
        (["0:fields"], {"c0-payment_days": "30", "c0-notice_days": "0", "c0-renewal": "none"}, "Nothing is changed"),
        (
            ["0:fields"],
            {"c0-payment_days": "30", "c0-notice_days": "0", "c0-renewal": "none", "c0-uplift_percent": "-1"},
            "Between 0 and 1000 percent",
        ),
        (
            ["0:fields"],
            {"c0-payment_days": "30", "c0-notice_days": "0", "c0-renewal": "automatic"},
            "Say for how many months it is renewed",
        ),
        ([], {}, "Nothing is changed yet"),
    ],
)  # fmt: skip
def test_a_mistake_stands_on_the_page_and_nothing_is_written(
    changes: list[str], fields: dict[str, str], mistake: str, contract: Contract, staff: Client
) -> None:
    before = again(contract).terms_stamp

    page = posted(staff, contract, "look", *changes, **fields)

    assert mistake in page
    assert 'name="seen"' not in page
    assert again(contract).terms_stamp == before


def test_changes_are_added_and_taken_away_with_nothing_lost(contract: Contract, staff: Client) -> None:
    added = posted(staff, contract, "add", "0:seats", more="discount", **SEATS)
    assert 'name="change" value="1:discount"' in added
    assert 'value="12"' in added
    assert "Fill this in" not in added

    dropped = posted(staff, contract, "odd", "0:seats", "1:discount", drop="1:discount", **SEATS)
    assert 'value="1:discount"' not in dropped
    assert 'value="12"' in dropped


def test_a_billed_period_says_that_the_difference_follows(contract: Contract, staff: Client) -> None:
    invoiced(contract)

    page = " ".join(seen_on(posted(staff, contract, "look", "0:seats", **SEATS)).split())

    assert "billed: the difference goes onto the next invoice" in page


def test_of_many_periods_the_first_and_the_last_are_shown(contract: Contract) -> None:
    periods, left_out = periods_to_show(contract, date(2026, 10, 16), date(2027, 6, 10))

    assert [period.starts_on.month for period in periods] == [10, 11, 12, 5, 6, 7]
    assert left_out == 4


def test_a_period_to_come_is_priced_with_the_usage_of_the_last_whole_one(
    contract: Contract, staff: Client
) -> None:
    """100 calls on 5 October at 0.50 count on 5 December at 0.70, the price from that day on: 70.00 and not 50.00."""
    use(contract, "calls", "100")
    dearer = make_plan_version(
        [fee_charge("31", key="seats", quantity="10"), usage_charge(unit_amount="0.70")]
    )

    with time_machine.travel(datetime(2026, 11, 2, 9, tzinfo=UTC), tick=False):
        staff.force_login(make_staff("other@seller.example"))
        asked = {"effective_on": "2026-12-05", "reason": "Dearer.", "change": "0:plan", "look": "yes"}
        answer = staff.post(address("amend", contract), {**asked, "c0-plan_version": str(dearer.pk)})

    words = " ".join(seen_on(answer.content.decode()).split())
    assert "expected, with the usage of Oct 1" in words
    assert "Calls 50.00 70.00 20.00" in words


def test_the_seats_of_now_are_named(contract: Contract, staff: Client) -> None:
    amended(contract, ChangeSeats("seats", Decimal(14)))

    with time_machine.travel(NOW, tick=False):
        page = staff.get(address("amend", contract), {"change": "seats"}).content.decode()

    assert "Subscription, 14 until then" in page


def test_a_draft_is_changed_and_not_amended(staff: Client, contract: Contract) -> None:
    draft = make_draft_contract(contract.customer, contract.plan_version)

    with time_machine.travel(NOW, tick=False):
        page = staff.get(address("amend", draft), follow=True)

    assert page.redirect_chain[-1][0] == address("agreed", draft)
