"""What is agreed beside the plan, priced: commitments that end, first units, fees of two plans, and what no form may let in."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from apps.contracts import amend, draft, sign
from apps.contracts.agreed import agreed
from apps.contracts.brought import Brought
from apps.contracts.changes import (
    AddCommitment,
    AddDiscount,
    Change,
    ChangeEnd,
    ChangeFields,
    ChangePlan,
    EndCommitment,
    EndDiscount,
    PromiseGrant,
    SetCap,
)
from apps.contracts.errors import AgreedOtherwise, AmendmentRefused, EndsTooEarly
from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_in
from apps.core.periods import Period
from apps.plans import publish
from apps.plans.compose import NewAllowance, NewCharge, NewPrice
from apps.plans.models import Price, Product
from apps.rating.engine import rate
from apps.rating.terms import Allowance
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

pytestmark = pytest.mark.django_db
FIRST = date(2026, 10, 1)
MIDDLE = date(2026, 10, 16)
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1), "UTC")


def amended(contract: Contract, *made: Change, on: date = FIRST) -> Contract:
    amend.amend(
        contract_id=contract.pk, effective_on=on, changes=made, reason="Agreed by mail.", at=AT, actor=ACTOR
    )
    return again(contract)


def again(contract: Contract) -> Contract:
    return Contract.objects.select_related("plan_version").get(pk=contract.pk)


def set_up(amount: str, *, key: str = "setup") -> NewCharge:
    return NewCharge(
        key=key,
        name="Set-up",
        product="product",
        kind="one_time",
        fee_amount=Decimal(amount),
        fee_quantity=Decimal(1),
    )


def billed(contract: Contract, months: int, calls: str = "0") -> list[Decimal]:
    """What the first months come to, each with what those before it brought, at so many calls a month."""
    brought, totals, day = Brought(), [], FIRST
    for _ in range(months):
        terms = terms_in(contract, period_on(contract, day), brought=brought)
        usage = [Usage("calls", Decimal(calls), day=day)] if Decimal(calls) else []
        rated = rate(terms.terms, usage)
        totals.append(rated.total.amount)
        brought, day = terms.brought.after(rated, terms_of=terms.long_commitments), terms.period.ends_on
    return totals


def first_units(contract: Contract, day: date = FIRST, *, brought: Brought | None = None) -> list[Allowance]:
    return list(terms_in(contract, period_on(contract, day), brought=brought or Brought()).terms.allowances)


def test_a_commitment_over_the_term_that_is_ended_early_asks_for_nothing() -> None:
    make_meter()
    contract = amended(
        make_contract(), AddCommitment("year", "Year", Decimal(12000), date(2027, 10, 1), per="term")
    )

    ended = amended(contract, EndCommitment("year"), on=date(2027, 1, 1))

    assert billed(ended, 4) == [0, 0, 0, 0]
    assert agreed(ended).commitments == ()


def test_of_a_commitment_trued_up_every_quarter_the_quarters_before_its_end_stay() -> None:
    """A year of 10,000 is 2,500 a quarter: the first one is trued up, the second is not, since it ended in February."""
    make_meter()
    year = AddCommitment("year", "Year", Decimal(10000), date(2027, 10, 1), per="term", settled_months=3)
    contract = amended(make_contract(), year)

    ended = amended(contract, EndCommitment("year"), on=date(2027, 2, 10))

    assert billed(ended, 8) == [0, 0, 2500, 0, 0, 0, 0, 0]


def test_a_commitment_for_a_quarter_of_periods_is_trued_up_to_its_share_so_far() -> None:
    """10,000 a year less 1,000 calls at 0.01 a month: 2,500 - 30 after three months, and 2,500 less 30 again after six."""
    make_meter()
    year = AddCommitment("year", "Year", Decimal(10000), date(2027, 10, 1), per="term", settled_months=3)

    totals = billed(amended(make_contract(), year), 6, calls="1000")

    assert totals == [10, 10, 2480, 10, 10, 2480]
    assert sum(totals) == 5000


def test_a_contract_that_ends_early_owes_its_whole_commitment() -> None:
    make_meter()
    year = AddCommitment("year", "Year", Decimal(12000), date(2027, 10, 1), per="term")
    contract = amended(make_contract(ends_on=date(2027, 10, 1)), year)
    contract.ends_on = date(2027, 1, 1)

    assert billed(contract, 3) == [0, 0, 12000]


def test_a_one_time_fee_costs_what_the_plan_says_that_made_it_due() -> None:
    contract = make_contract(plan_version=make_plan_version([set_up("500")]))

    dearer = amended(contract, ChangePlan(make_plan_version([set_up("900")]).pk), on=MIDDLE)

    assert billed(dearer, 2) == [500, 0]


def test_a_key_of_a_fee_that_becomes_a_one_time_fee_stands_for_both() -> None:
    """31 for 15 of 31 days, and 900 once."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("31")]))

    changed = amended(contract, ChangePlan(make_plan_version([set_up("900", key="fee")]).pk), on=MIDDLE)

    assert billed(changed, 2) == [915, 0]


def test_first_units_are_for_charges_whose_units_are_priced() -> None:
    """Neither a fee nor a percentage has units; the discount is for the whole product, or for everything."""
    make_meter()
    make_meter("money", event_type="payout", aggregation="sum", value_property="paid")
    rate_of_all = usage_charge("money", prices=[NewPrice(model="percentage", rate=Decimal("0.1"))])
    version = make_plan_version([usage_charge(), rate_of_all, fee_charge()])
    product = Product.objects.get(key="product").pk

    contract = amended(
        make_contract(plan_version=version),
        AddDiscount("a", "For all", units=Decimal(100)),
        AddDiscount("b", "For the product", units=Decimal(50), product_id=product),
    )

    assert [(one.name, one.charges) for one in first_units(contract)] == [
        ("For all", ("calls",)),
        ("For the product", ("calls",)),
    ]


def test_first_units_of_a_charge_that_the_plan_has_no_more_are_for_no_other() -> None:
    make_meter()
    make_meter("other", event_type="other")
    first = AddDiscount("first", "First", units=Decimal(100), charge_keys=("calls",))
    contract = amended(make_contract(), first)

    changed = amended(
        contract, ChangePlan(make_plan_version([usage_charge("other")]).pk), on=date(2026, 11, 1)
    )

    assert [one.charges for one in first_units(changed)] == [("calls",)]
    assert first_units(changed, date(2026, 11, 1)) == []


def test_first_units_of_a_later_discount_with_the_same_key_are_whole() -> None:
    """All 100 of October are used up; the 50 from November on are others. A charge has the key as well."""
    make_meter()
    contract = amended(
        make_contract(), AddDiscount("calls", "First", units=Decimal(100), ends_on=date(2026, 11, 1))
    )
    contract = amended(contract, AddDiscount("calls", "More", units=Decimal(50)), on=date(2026, 11, 1))

    october = terms_in(contract, period_on(contract, FIRST))
    rated = rate(october.terms, [Usage("calls", Decimal(100), day=FIRST)])
    brought = Brought().after(rated, terms_of={})

    assert [one.quantity for one in first_units(contract, date(2026, 11, 1), brought=brought)] == [50]


@pytest.mark.parametrize(
    "change",
    [
        AddDiscount("a", "A", percent=Decimal(1)),
        AddCommitment("a", "A", Decimal(1), date(2027, 1, 1)),
        PromiseGrant("a", "A", Decimal(1)),
    ],
)
def test_what_has_a_name_that_is_taken_is_refused_in_words(change: Change) -> None:
    contract = amended(make_contract(), change)

    with pytest.raises(AmendmentRefused) as refused:
        amended(contract, change)

    assert "There is one of that name" in refused.value.mistakes["key"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (AddDiscount("a", "A", percent=Decimal(1), months=0), "months"),
        (AddDiscount("a", "A", percent=Decimal(1), months=-1), "months"),
        (PromiseGrant("a", "A", Decimal(1), every_months=0), "every_months"),
        (PromiseGrant("a", "A", Decimal(1), valid_months=0), "valid_months"),
        (AddCommitment("a", "A", Decimal(1), date(2027, 1, 1), per="week"), "per"),
        (
            AddCommitment("a", "A", Decimal(1), date(2027, 1, 1), per="term", settled_months=0),
            "settled_months",
        ),
    ],
)
def test_what_never_or_always_holds_is_refused(change: Change, field: str) -> None:
    with pytest.raises(AmendmentRefused) as refused:
        amended(make_contract(), change)

    assert field in refused.value.mistakes


def test_a_plan_without_what_a_commitment_counts_is_refused_until_that_ends() -> None:
    make_meter()
    make_meter("other", event_type="other")
    monthly = AddCommitment("monthly", "Monthly", Decimal(100), date(2027, 1, 1), charge_keys=("calls",))
    contract = amended(make_contract(), monthly)
    other = ChangePlan(make_plan_version([usage_charge("other")]).pk)

    with pytest.raises(AmendmentRefused, match="Monthly counts calls"):
        amended(contract, other, on=date(2026, 11, 1))

    changed = amended(contract, EndCommitment("monthly"), other, on=date(2026, 11, 1))
    assert billed(changed, 2) == [100, 0]


def test_a_phase_that_was_published_after_it_was_agreed_can_be_signed() -> None:
    make_meter()
    later = make_draft_version()
    contract = make_draft_contract(plan_version=make_plan_version())
    amend.agree(
        contract_id=contract.pk, on=date(2026, 11, 1), changes=[ChangePlan(later.pk)], at=AT, actor=ACTOR
    )
    agreed(again(contract))

    publish.publish(version_id=later.pk, at=AT, actor=ACTOR)

    assert sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR).status == Contract.Status.ACTIVE


def test_a_draft_whose_plan_or_days_no_longer_fit_what_was_agreed_is_not_signed() -> None:
    make_meter()
    contract = make_draft_contract(plan_version=make_plan_version())
    ramp = [ChangePlan(make_plan_version().pk)]
    amend.agree(contract_id=contract.pk, on=date(2026, 11, 1), changes=ramp, at=AT, actor=ACTOR)

    in_euro = {"plan_version": make_plan_version(currency="EUR")}
    draft.change(contract_id=contract.pk, fields=in_euro, at=AT, actor=ACTOR)
    with pytest.raises(AgreedOtherwise, match="in USD, not EUR"):
        sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)

    moved = {"plan_version": make_plan_version(), "starts_on": date(2026, 12, 1)}
    draft.change(contract_id=contract.pk, fields=moved, at=AT, actor=ACTOR)
    with pytest.raises(AgreedOtherwise, match="outside of its term"):
        sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)


def test_a_date_that_a_draft_price_gets_after_it_was_looked_at_cuts_the_period() -> None:
    """What is kept of a version is kept once it is published, and not before."""
    make_meter()
    version = make_draft_version()
    contract = make_draft_contract(plan_version=version)
    assert terms_in(contract, period_on(contract, FIRST)).changes_on == ()

    Price.objects.create(
        charge=version.charges.get(), model="per_unit", unit_amount=Decimal(2), starts_on=MIDDLE
    )
    publish.publish(version_id=version.pk, at=AT, actor=ACTOR)

    assert terms_in(contract, period_on(contract, FIRST)).changes_on == (MIDDLE,)


def test_a_one_time_fee_of_a_plan_that_never_applied_leaves_that_of_a_later_one_due() -> None:
    """The plan with the first set-up was replaced from the first day on; that of December is due in December."""
    contract = make_contract(plan_version=make_plan_version([set_up("500")]))
    contract = amended(contract, ChangePlan(make_plan_version([fee_charge("10")]).pk))

    later = ChangePlan(make_plan_version([set_up("900")]).pk)
    contract = amended(contract, later, on=date(2026, 12, 1))

    assert billed(contract, 4) == [10, 10, 900, 0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (ChangePlan(UUID(int=0)), "plan_version"),
        (ChangeFields({}), "changes"),
        (SetCap(amount=Decimal("0.001")), "amount"),
        (SetCap(quantity=Decimal(1)), "meter"),
        (SetCap(meter_id=UUID(int=0), quantity=Decimal(1)), "meter"),
    ],
)
def test_what_says_nothing_or_names_what_is_not_there_is_refused(change: Change, field: str) -> None:
    with pytest.raises(AmendmentRefused) as refused:
        amended(make_contract(), change)

    assert field in refused.value.mistakes


def test_a_fee_that_is_gone_for_some_days_is_due_for_the_others() -> None:
    """62 a month for 10 + 11 of 31 days = 42; the fee in between is 62 for 10 of 31 days = 20."""
    seats, other = make_plan_version([fee_charge("62", key="seats")]), make_plan_version([fee_charge("62")])
    contract = amended(make_contract(plan_version=seats), ChangePlan(other.pk), on=date(2026, 10, 11))

    back = amended(contract, ChangePlan(seats.pk), on=date(2026, 10, 21))

    lines = rate(terms_in(back, period_on(back, FIRST)).terms, []).lines
    assert [(line.charge, line.amount.amount) for line in lines] == [
        ("seats", Decimal(42)),
        ("fee", Decimal(20)),
    ]


def test_a_fee_that_is_added_is_due_from_its_first_day_on() -> None:
    """31 from the 16th to the end: 16 of 31 days."""
    both = make_plan_version([fee_charge("31", key="basic"), fee_charge("31", key="more")])
    contract = make_contract(plan_version=make_plan_version([fee_charge("31", key="basic")]))

    lines = rate(terms_in(amended(contract, ChangePlan(both.pk), on=MIDDLE), OCTOBER).terms, []).lines

    assert [(line.charge, line.amount.amount) for line in lines] == [
        ("basic", Decimal(31)),
        ("more", Decimal(16)),
    ]


def test_what_is_included_from_a_day_on_is_less_what_was_taken_before() -> None:
    """100 of 100 are free in the first half; 150 - 100 of the 200 after: 150 x 0.01."""
    make_meter()
    less, more = (make_plan_version([usage_charge(included=Decimal(units))]) for units in (100, 150))
    contract = amended(make_contract(plan_version=less), ChangePlan(more.pk), on=MIDDLE)

    used = [Usage("calls", Decimal(100), day=FIRST), Usage("calls", Decimal(200), day=MIDDLE)]

    assert rate(terms_in(contract, OCTOBER).terms, used).total.amount == Decimal("1.50")


def test_units_carry_over_up_to_their_limit_and_on_from_there() -> None:
    """100 included, 120 carry over at most. Nothing is used twice, so November has 100 + 100, December 100 + 120."""
    make_meter()
    carrying = usage_charge(included=Decimal(100), unit_amount="1", carry_over_limit=Decimal(120))
    contract = make_contract(plan_version=make_plan_version([carrying]))

    october, november = (terms_in(contract, period_on(contract, day)) for day in (FIRST, date(2026, 11, 1)))
    brought = october.brought.after(rate(october.terms, []), terms_of={})
    november = terms_in(contract, november.period, brought=brought)
    assert [one.quantity for one in november.terms.allowances] == [100]
    december = terms_in(
        contract,
        period_on(contract, date(2026, 12, 1)),
        brought=brought.after(rate(november.terms, []), terms_of={}),
    )

    assert [one.quantity for one in december.terms.allowances] == [120]
    used = [Usage("calls", Decimal(225), day=date(2026, 12, 1))]
    assert rate(december.terms, used).total.amount == 5


def test_units_that_charges_share_are_in_the_terms() -> None:
    make_meter()
    shared = make_plan_version(
        [usage_charge(allowance="pool", unit_amount="1")],
        allowances=[NewAllowance("pool", "Pool", Decimal(100))],
    )

    assert billed(make_contract(plan_version=shared), 2, calls="103") == [3, 3]


def test_shared_units_that_a_change_inside_the_period_drops_still_count_for_it() -> None:
    """100 of 103 calls before the change are free, and none of 10 after it: 3.00 + 20.00."""
    make_meter()
    shared = make_plan_version(
        [usage_charge(allowance="pool", unit_amount="1")],
        allowances=[NewAllowance("pool", "Pool", Decimal(100))],
    )
    plain = make_plan_version([usage_charge(unit_amount="2")])
    contract = amended(make_contract(plan_version=shared), ChangePlan(plain.pk), on=MIDDLE)
    used = [
        Usage("calls", Decimal(103), day=FIRST),
        Usage("calls", Decimal(10), day=MIDDLE),
    ]

    assert rate(terms_in(contract, period_on(contract, FIRST)).terms, used).total.amount == 23


def test_a_cap_takes_the_place_of_the_one_before_and_an_end_drops_what_was_planned_after_it() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    contract = amended(contract, SetCap(amount=Decimal(10)))
    contract = amended(contract, SetCap(amount=Decimal(20)), on=MIDDLE)
    assert [(cap.amount, cap.starts_on, cap.ends_on) for cap in agreed(contract).caps] == [
        (Decimal(10), FIRST, MIDDLE),
        (Decimal(20), MIDDLE, None),
    ]

    later = ChangePlan(make_plan_version([fee_charge("200")]).pk)
    contract = amended(contract, later, on=date(2027, 1, 1))
    contract = amended(contract, ChangeEnd(date(2026, 12, 1)), on=MIDDLE)

    assert agreed(contract).phases == ()
    with pytest.raises(EndsTooEarly):
        amended(contract, ChangeEnd(date(2026, 9, 1)))


def test_a_minimum_of_every_period_goes_by_the_days_of_the_first_one() -> None:
    """310 from 16 October on, 16 of 31 days: 160; then 310."""
    make_meter()
    contract = make_contract(starts_on=MIDDLE)
    monthly = AddCommitment("monthly", "Monthly", Decimal(310), date(2027, 1, 1))
    contract = amended(contract, monthly, on=MIDDLE)

    totals = [
        rate(terms_in(contract, period_on(contract, day)).terms, []).total.amount
        for day in (MIDDLE, date(2026, 11, 1))
    ]

    assert totals == [160, 310]


def test_what_has_ended_on_a_day_does_not_end_on_it_again() -> None:
    contract = amended(make_contract(), AddDiscount("a", "A", percent=Decimal(1), ends_on=MIDDLE))

    with pytest.raises(AmendmentRefused, match="nothing ends"):
        amended(contract, EndDiscount("a"), on=MIDDLE)
