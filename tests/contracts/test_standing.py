"""A contract on a day and beside another, changes that are only foreseen, and what is taken out of a draft."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from apps.contracts import amend, sign, withdraw
from apps.contracts.agreed import agreed
from apps.contracts.changes import AddDiscount, Change, ChangeEnd, ChangePlan, ChangeSeats, SetCap
from apps.contracts.errors import AmendmentRefused, ContractIsSigned, ContractOverlaps, NotAgreed
from apps.contracts.foresee import foreseen
from apps.contracts.models import Amendment, Contract, Discount
from apps.contracts.standing import beside_the_plan, side_by_side, standing
from apps.contracts.terms import period_on, terms_in
from apps.rating.engine import rate
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_draft_contract,
    make_plan_version,
)

pytestmark = pytest.mark.django_db
MID = date(2026, 10, 16)


@pytest.fixture
def contract() -> Contract:
    return make_contract(plan_version=make_plan_version([fee_charge("31", key="seats", quantity="10")]))


def again(contract: Contract) -> Contract:
    return Contract.objects.select_related("plan_version").get(pk=contract.pk)


def texts(contract: Contract, day: date, through: int | None = None) -> dict[str, str]:
    return {
        f"{item.head}: {item.name}": item.text
        for item in standing(again(contract), day, through=through).items
    }


def test_what_holds_on_a_day_and_was_known_of_it_once(contract: Contract) -> None:
    made: list[Change] = [
        ChangeSeats("seats", Decimal(12)),
        AddDiscount("launch", "Launch", percent=Decimal(10), months=1),
    ]
    amend.amend(contract_id=contract.pk, effective_on=MID, changes=made, reason="More.", at=AT, actor=ACTOR)

    assert "Seats: Subscription" not in texts(contract, date(2026, 10, 15))
    assert texts(contract, MID)["Seats: Subscription"] == "12"
    assert texts(contract, MID)["Discounts: Launch"] == "10% off, from Oct 16, 2026 until Nov 16, 2026"
    assert "Discounts: Launch" not in texts(contract, date(2026, 11, 16))
    assert "Seats: Subscription" not in texts(contract, MID, through=0)


def test_two_days_stand_side_by_side(contract: Contract) -> None:
    dearer = make_plan_version([fee_charge("62", key="seats", quantity="10")])
    made: list[Change] = [ChangePlan(dearer.pk), SetCap(amount=Decimal(500))]
    amend.amend(contract_id=contract.pk, effective_on=MID, changes=made, reason="More.", at=AT, actor=ACTOR)
    now = again(contract)

    sides = side_by_side(standing(now, date(2026, 10, 1)), standing(now, MID))

    differing = {side.name: (side.one, side.other) for side in sides if not side.is_same}
    assert differing["Plan version"] == (str(contract.plan_version), str(dearer))
    assert differing["Subscription"] == ("$310 a month, for 10 at $31.", "$620 a month, for 10 at $62.")
    assert differing["Cap"][0] == ""
    assert list(dict.fromkeys(side.head for side in sides)) == ["Plan", "Caps"]


def test_what_is_foreseen_is_priced_and_not_written(contract: Contract) -> None:
    before = again(contract).terms_stamp
    seats = [ChangeSeats("seats", Decimal(12))]

    with foreseen(contract_id=contract.pk, effective_on=MID, changes=seats, at=AT) as ahead:
        total = rate(terms_in(ahead.contract, period_on(contract, MID)).terms, []).total.amount

    assert total == Decimal(342)
    assert ahead.sentences == ("From Oct 16, 2026: 12 x Subscription instead of 10.",)
    assert again(contract).terms_stamp == before
    assert agreed(again(contract)).seats == ()
    assert rate(terms_in(again(contract), period_on(contract, MID)).terms, []).total.amount == Decimal(310)
    assert not Amendment.objects.exists()


def test_what_would_be_refused_is_refused_when_foreseen(contract: Contract) -> None:
    make_contract(
        contract.customer, contract.plan_version, starts_on=date(2025, 1, 1), ends_on=date(2026, 1, 1)
    )

    with (
        pytest.raises(AmendmentRefused) as refused,
        foreseen(contract_id=contract.pk, effective_on=MID, changes=[ChangeSeats("odd", Decimal(1))], at=AT),
    ):
        pass

    assert set(refused.value.mistakes) == {"charge_key"}


def test_an_end_that_runs_into_another_contract_is_named_at_its_field() -> None:
    contract = make_contract(ends_on=date(2027, 1, 1))
    make_contract(starts_on=date(2027, 1, 1))

    with pytest.raises((AmendmentRefused, ContractOverlaps), match="two prices") as refused:
        amend.amend(
            contract_id=contract.pk,
            effective_on=MID,
            changes=[ChangeEnd(date(2027, 2, 1))],
            reason="Longer.",
            at=AT,
            actor=ACTOR,
        )

    assert set(getattr(refused.value, "mistakes", {"ends_on": ""})) == {"ends_on"}


def test_a_row_of_a_draft_is_taken_out_and_one_that_is_signed_stays() -> None:
    draft = make_draft_contract()
    made = [AddDiscount(key, key, percent=Decimal(10)) for key in ("one", "two")]
    amend.agree(contract_id=draft.pk, on=date(2026, 10, 1), changes=made, at=AT, actor=ACTOR)
    one, two = Discount.objects.order_by("key")

    withdraw.withdraw(contract_id=draft.pk, kind="discount", row_id=one.pk, at=AT, actor=ACTOR)

    assert beside_the_plan(again(draft)) == ["two: 10% off, from Oct 1, 2026 on."]
    for kind, row_id in (("discount", uuid4()), ("cap", two.pk), ("odd", two.pk)):
        with pytest.raises(NotAgreed, match="no such term"):
            withdraw.withdraw(contract_id=draft.pk, kind=kind, row_id=row_id, at=AT, actor=ACTOR)
    sign.sign(contract_id=draft.pk, at=AT, actor=ACTOR)
    with pytest.raises(ContractIsSigned):
        withdraw.withdraw(contract_id=draft.pk, kind="discount", row_id=two.pk, at=AT, actor=ACTOR)
    assert Discount.objects.get() == two
