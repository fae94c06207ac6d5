"""Amending a signed contract: from a day on, with a reason, and nothing that was signed is overwritten."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.contracts import amend, changes
from apps.contracts.agreed import agreed
from apps.contracts.changes import (
    AddCommitment,
    AddDiscount,
    ChangeEnd,
    ChangeFields,
    ChangePlan,
    ChangeSeats,
)
from apps.contracts.errors import AmendmentRefused
from apps.contracts.models import Amendment, Contract, Discount, Phase
from apps.contracts.terms import period_on, plan_version_on, terms_in
from apps.core.models import AuditEntry
from apps.core.money import Money
from apps.core.periods import Period
from apps.rating.engine import rate
from apps.rating.usage import Usage
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_draft_contract,
    make_draft_version,
    make_meter,
    make_plan_version,
    usage_charge,
)

pytestmark = pytest.mark.django_db(transaction=True)
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1), "UTC")


def make_amendment(contract: Contract, *made: changes.Change, on: date = date(2026, 10, 16)) -> Amendment:
    return amend.amend(
        contract_id=contract.pk, effective_on=on, changes=made, reason="Agreed by mail.", at=AT, actor=ACTOR
    )


def again(contract: Contract) -> Contract:
    return Contract.objects.select_related("plan_version").get(pk=contract.pk)


def test_an_upgrade_in_the_middle_of_a_month_prorates_the_fees_of_both_plans() -> None:
    """100.00 for 15 of 31 days and 310.00 for 16 of 31: 48.387... + 160 = 208.387... -> 208.39."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    pro = make_plan_version([fee_charge("310")])

    make_amendment(contract, ChangePlan(pro.pk))

    rated = rate(terms_in(again(contract), OCTOBER).terms, [])
    assert rated.total == Money(Decimal("208.39"), "USD")
    assert plan_version_on(again(contract), date(2026, 10, 15)) == contract.plan_version_id
    assert plan_version_on(again(contract), date(2026, 10, 16)) == pro.pk


def test_tiers_run_on_when_the_price_changes() -> None:
    """800 calls at 0.10 = 80; then 700 at 0.20 = 140, of which 100 units were included and used up before."""
    make_meter()
    contract = make_contract(
        plan_version=make_plan_version([usage_charge(unit_amount="0.10", included=Decimal(100))])
    )
    dearer = make_plan_version([usage_charge(unit_amount="0.20", included=Decimal(100))])
    make_amendment(contract, ChangePlan(dearer.pk))

    in_october = terms_in(again(contract), OCTOBER)

    assert in_october.changes_on == (date(2026, 10, 16),)
    used = [
        Usage("calls", Decimal(900), day=date(2026, 10, 1)),
        Usage("calls", Decimal(700), day=date(2026, 10, 16)),
    ]
    assert rate(in_october.terms, used).total == Money(Decimal("220.00"), "USD")


def test_tiers_begin_anew_where_the_contract_says_so() -> None:
    """800 beyond 100 included at 0.10 = 80; then 600 beyond another 100 at 0.20 = 120."""
    make_meter()
    charge = usage_charge(unit_amount="0.10", included=Decimal(100))
    contract = make_contract(plan_version=make_plan_version([charge]), restarts=True)
    dearer = make_plan_version([usage_charge(unit_amount="0.20", included=Decimal(100))])
    make_amendment(contract, ChangePlan(dearer.pk))

    used = [
        Usage("calls", Decimal(900), day=date(2026, 10, 1)),
        Usage("calls", Decimal(700), day=date(2026, 10, 16)),
    ]

    assert rate(terms_in(again(contract), OCTOBER).terms, used).total == Money(Decimal("200.00"), "USD")


def test_added_seats_are_prorated_by_day() -> None:
    """10 seats x 31.00 for 31 of 31 days, then 12 for the last 16: 10 x 31 x 15/31 + 12 x 31 x 16/31 = 150 + 192."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("31", key="seats", quantity="10")]))

    amendment = make_amendment(contract, ChangeSeats("seats", Decimal(12)))

    assert rate(terms_in(again(contract), OCTOBER).terms, []).total == Money(Decimal("342.00"), "USD")
    assert amendment.changes == ["From Oct 16, 2026: 12 x Subscription instead of 10."]


def test_what_was_agreed_on_any_day_and_known_at_any_time_can_be_told() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("31", key="seats", quantity="10")]))
    make_amendment(contract, ChangeSeats("seats", Decimal(12)))
    make_amendment(contract, ChangeSeats("seats", Decimal(9)), on=date(2026, 10, 16))

    now = again(contract)
    assert agreed(now).seats_on(date(2026, 10, 15)) == {}
    assert agreed(now).seats_on(date(2026, 10, 16)) == {"seats": Decimal(9)}
    assert agreed(now, through=1).seats_on(date(2026, 10, 16)) == {"seats": Decimal(12)}
    assert agreed(now, through=0).seats == ()


def test_an_amendment_is_on_the_trail_with_its_reason() -> None:
    contract = make_contract()

    make_amendment(contract, ChangeFields({"purchase_order": "PO-7"}))

    entry = AuditEntry.objects.get(action="contracts.amend")
    assert entry.reason == "Agreed by mail."
    assert entry.after["changes"] == ["Purchase order: PO-7 instead of none."]


def test_a_new_plan_drops_the_phases_that_were_planned_after_it() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    make_amendment(contract, ChangePlan(make_plan_version([fee_charge("200")]).pk), on=date(2027, 1, 1))

    third = make_plan_version([fee_charge("300")])
    make_amendment(contract, ChangePlan(third.pk), on=date(2026, 12, 1))

    assert [phase.plan_version_id for phase in agreed(again(contract)).phases] == [third.pk]


def test_a_ramp_is_a_plan_version_for_each_phase() -> None:
    first, second, third = (make_plan_version([fee_charge(amount)]) for amount in ("100", "200", "300"))
    contract = make_draft_contract(plan_version=first)
    for version, on in ((second, date(2026, 11, 1)), (third, date(2026, 12, 1))):
        amend.agree(contract_id=contract.pk, on=on, changes=[ChangePlan(version.pk)], at=AT, actor=ACTOR)

    totals = [
        rate(terms_in(again(contract), period_on(contract, day)).terms, []).total.amount
        for day in (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1))
    ]

    assert totals == [Decimal(100), Decimal(200), Decimal(300)]


def test_free_months_are_a_discount_of_all() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))

    amendment = make_amendment(
        contract, AddDiscount("free", "Two free months", percent=Decimal(100), months=2), on=date(2026, 11, 1)
    )

    totals = {
        day.month: rate(terms_in(again(contract), period_on(contract, day)).terms, []).total.amount
        for day in (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1))
    }
    assert totals == {10: Decimal(100), 11: Decimal(0), 12: Decimal(0), 1: Decimal(100)}
    assert amendment.changes == ["Two free months: 100% off, from Nov 1, 2026 until Jan 1, 2027."]


def test_a_discount_that_ends_keeps_its_days_before() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    make_amendment(contract, AddDiscount("launch", "Launch", percent=Decimal(10)), on=date(2026, 10, 1))

    make_amendment(contract, changes.EndDiscount("launch"), on=date(2026, 12, 1))

    standing = agreed(again(contract)).discounts
    assert [(row.starts_on, row.ends_on) for row in standing] == [(date(2026, 10, 1), date(2026, 12, 1))]
    assert agreed(again(contract), through=1).discounts[0].ends_on is None


@pytest.mark.parametrize(
    ("change", "field", "remedy"),
    [
        (AddDiscount("a", "A"), "percent", "one of the three"),
        (AddDiscount("a", "A", percent=Decimal(101)), "percent", "At most 100"),
        (AddDiscount("a", "A", amount=Decimal("0.001")), "amount", "2 decimals"),
        (AddDiscount("a", "A", percent=Decimal(1), charge_keys=("nope",)), "charge_keys", "no charge nope"),
        (AddCommitment("c", "C", Decimal(1000), None), "ends_on", "always has an end"),
        (
            AddCommitment("c", "C", Decimal(1000), date(2027, 10, 10), per="term"),
            "ends_on",
            "middle of a billing",
        ),
        (ChangeSeats("calls", Decimal(1)), "charge_key", "no recurring fee"),
        (changes.EndDiscount("none"), "key", "nothing ends"),
        (ChangeFields({"starts_on": date(2026, 1, 1)}), "starts_on", "cannot be amended"),
    ],
)
def test_what_contradicts_the_contract_is_refused_by_field(
    change: changes.Change, field: str, remedy: str
) -> None:
    contract = make_contract()

    with pytest.raises(AmendmentRefused, match=remedy) as refused:
        make_amendment(contract, change, on=date(2026, 11, 1))

    assert field in refused.value.mistakes
    assert not Amendment.objects.exists()


def test_a_plan_in_another_currency_is_refused_by_form_and_database() -> None:
    contract = make_contract()
    in_euro = make_plan_version([fee_charge("10")], currency="EUR")

    with pytest.raises(AmendmentRefused, match="in EUR and the contract in USD"):
        make_amendment(contract, ChangePlan(in_euro.pk))
    with pytest.raises(IntegrityError, match="a phase in EUR is refused"), transaction.atomic():
        Phase.objects.create(contract=contract, starts_on=date(2026, 12, 1), plan_version=in_euro)


def test_a_plan_that_is_a_draft_is_refused() -> None:
    contract = make_contract()

    with pytest.raises(AmendmentRefused, match="publish it"):
        make_amendment(contract, ChangePlan(make_draft_version([fee_charge()]).pk))


@pytest.mark.usefixtures("owner")
def test_what_was_signed_is_neither_changed_nor_deleted() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    make_amendment(contract, AddDiscount("launch", "Launch", percent=Decimal(10)))

    with pytest.raises(DatabaseError, match="what was agreed stays"), transaction.atomic():
        Discount.objects.update(percent=Decimal(20))
    with pytest.raises(DatabaseError, match="what was agreed stays"), transaction.atomic():
        Discount.objects.all().delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Amendment.objects.update(reason="Another.")


def test_all_changes_of_an_amendment_hold_or_none() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))

    with pytest.raises(AmendmentRefused):
        make_amendment(
            contract, AddDiscount("launch", "Launch", percent=Decimal(10)), ChangeSeats("nope", Decimal(1))
        )

    assert again(contract).terms_stamp is None
    assert not Discount.objects.exists()


def test_a_contract_is_extended_by_an_amendment() -> None:
    contract = make_contract(ends_on=date(2027, 1, 1))

    amendment = make_amendment(contract, ChangeEnd(date(2027, 4, 1)))

    assert again(contract).ends_on == date(2027, 4, 1)
    assert amendment.changes == ["It ends on Apr 1, 2027 instead of Jan 1, 2027."]


def test_an_amendment_needs_a_reason_and_a_day_within_the_term() -> None:
    contract = make_contract(ends_on=date(2027, 1, 1))

    with pytest.raises(AmendmentRefused, match="Say why") as refused:
        amend.amend(
            contract_id=contract.pk,
            effective_on=date(2027, 1, 1),
            changes=[ChangeEnd(None)],
            reason=" ",
            at=datetime(2026, 10, 2, tzinfo=UTC),
            actor=ACTOR,
        )

    assert set(refused.value.mistakes) == {"reason", "effective_on"}
