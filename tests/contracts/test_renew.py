"""Renewals: the next term by an amendment, at prices that have risen, once, and by itself only without notice."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, transaction

from apps.contracts import amend, indices, notice, remind, renew, renewals, sign, worth
from apps.contracts.agreed import agreed
from apps.contracts.changes import AddCommitment
from apps.contracts.errors import NoReading, NoticeRefused, RenewalRefused
from apps.contracts.models import Contract, PriceIndex, Renewal, RenewalReminder
from apps.contracts.terms import period_on, plan_version_on, terms_in
from apps.core.models import AuditEntry
from apps.core.money import Money
from apps.plans.compose import NewPrice, NewTier
from apps.plans.models import Plan, PlanVersion
from apps.rating.engine import rate
from apps.rating.usage import Usage
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_draft_contract,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)

pytestmark = pytest.mark.django_db(transaction=True)
# A year from 2026-10-01; with 30 days of notice it renews by itself on 2027-09-01.
YEAR: dict[str, Any] = {"ends_on": date(2027, 10, 1), "renewal_months": 12, "notice_days": 30}
NEXT = date(2027, 10, 1)


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


AUGUST = at(2027, 8, 1)


def make_renewing(**fields: object) -> Contract:
    return make_contract(**{"renewal": "automatic", **YEAR, **fields})


def renewed(contract: Contract, *, when: datetime = AUGUST) -> Renewal:
    ends_on = again(contract).ends_on
    assert ends_on
    return renew.renew(contract_id=contract.pk, term_ends_on=ends_on, reason="", at=when, actor=ACTOR)


def again(contract: Contract) -> Contract:
    return Contract.objects.select_related("plan_version", "uplift_index").get(pk=contract.pk)


def total_on(contract: Contract, day: date, *used: Usage) -> Decimal:
    now = again(contract)
    return rate(terms_in(now, period_on(now, day)).terms, used).total.amount


def make_index(**readings: str) -> PriceIndex:
    index = indices.add_index(key="cpi", name="CPI-U, US city average", at=AT, actor=ACTOR)
    for month, value in readings.items():
        indices.add_reading(
            index_id=index.pk,
            on=date.fromisoformat(f"{month[1:5]}-{month[5:]}-01"),
            value=Decimal(value),
            at=AT,
            actor=ACTOR,
        )
    return index


def test_a_renewal_extends_the_term_as_a_numbered_amendment() -> None:
    contract = make_renewing(plan_version=make_plan_version([fee_charge("100")]))

    renewal = renewed(contract)

    now = again(contract)
    assert (now.ends_on, renewal.amendment.number) == (date(2028, 10, 1), 1)
    assert renewal.amendment.changes == ["It ends on Oct 1, 2028 instead of Oct 1, 2027."]
    assert plan_version_on(now, NEXT) == contract.plan_version_id
    assert AuditEntry.objects.get(action="contracts.renew").before == {"ends_on": "2027-10-01"}


def test_fees_rise_by_a_percentage_from_the_first_day_of_the_new_term() -> None:
    """99.99 x 1.035 = 103.48965 -> 103.49, half up."""
    contract = make_renewing(
        plan_version=make_plan_version([fee_charge("99.99")]), uplift_percent=Decimal("3.5")
    )

    renewed(contract)

    assert total_on(contract, date(2027, 9, 30)) == Decimal("99.99")
    assert total_on(contract, NEXT) == Decimal("103.49")


def test_unit_prices_rise_exactly_up_to_18_decimals() -> None:
    """0.000000075 x 1.07 = 0.00000008025: 2 million tokens cost 0.1605 -> 0.16, and the tier's flat 5.00 becomes 5.35."""
    make_meter("tokens")
    tiers = [
        NewTier(Decimal(1_000_000), Decimal("0.000000075")),
        NewTier(None, Decimal("0.000001"), Decimal(5)),
    ]
    charge = usage_charge("tokens", prices=[NewPrice(model="graduated", tiers=tiers)])
    contract = make_renewing(plan_version=make_plan_version([charge]), uplift_percent=Decimal(7))

    renewed(contract)

    version = PlanVersion.objects.get(pk=plan_version_on(again(contract), NEXT))
    prices = version.charges.get().prices.get().tiers.values_list("unit_amount", "flat_amount")
    assert list(prices) == [
        (Decimal("0.00000008025"), Decimal(0)),
        (Decimal("0.00000107"), Decimal("5.35")),
    ]
    assert version.plan.is_custom
    assert version.based_on_id == contract.plan_version_id


def test_a_commitment_of_the_year_before_times_115_percent() -> None:
    """Not less than the previous year's charges times 115%: 1,600,000 x 1.15 = 1,840,000, then 2,116,000."""
    make_meter()
    contract = make_draft_contract(
        plan_version=make_plan_version([usage_charge(unit_amount="1")]),
        billing_months=12,
        renewal="manual",
        uplift_percent=Decimal(15),
        **YEAR,
    )
    promise = AddCommitment("annual", "Annual minimum", Decimal(1_600_000), date(2027, 10, 1), per="term")
    amend.agree(contract_id=contract.pk, on=date(2026, 10, 1), changes=[promise], at=AT, actor=ACTOR)
    signed = make_signed(contract)

    renewed(signed)
    renewed(signed, when=at(2028, 8, 1))

    rows = [(row.starts_on.year, row.amount) for row in agreed(again(signed)).commitments]
    assert rows == [(2026, Decimal(1_600_000)), (2027, Decimal(1_840_000)), (2028, Decimal(2_116_000))]
    assert total_on(signed, NEXT, Usage("calls", Decimal(1_000_000), day=NEXT)) == Decimal(1_840_000)


def test_a_term_that_begins_amid_a_period_leaves_that_period_to_the_commitment_before() -> None:
    """From 2026-10-16, billed from the 1st: all of October 2027 counts towards the first year, the second's begins after it."""
    make_meter()
    contract = make_draft_contract(
        plan_version=make_plan_version([usage_charge(unit_amount="1")]),
        starts_on=date(2026, 10, 16),
        ends_on=date(2027, 10, 16),
        renewal="manual",
        renewal_months=12,
        uplift_percent=Decimal(15),
    )
    promise = AddCommitment("annual", "Annual minimum", Decimal(1000), date(2027, 10, 16), per="term")
    amend.agree(contract_id=contract.pk, on=date(2026, 10, 16), changes=[promise], at=AT, actor=ACTOR)
    signed = make_signed(contract)

    renewed(signed)
    renewed(signed, when=at(2028, 8, 1))

    assert [(row.starts_on, row.ends_on, row.amount) for row in agreed(again(signed)).commitments] == [
        (date(2026, 10, 16), date(2027, 10, 16), Decimal(1000)),
        (date(2027, 11, 1), date(2028, 10, 16), Decimal(1150)),
        (date(2028, 11, 1), date(2029, 10, 16), Decimal("1322.50")),
    ]
    assert total_on(signed, date(2027, 10, 1), Usage("calls", Decimal(400), day=date(2027, 10, 1))) == 1000
    committed = [worth.worth_of(again(signed), date(year, 9, 1)).committed.amount for year in (2027, 2028)]
    assert committed == [Decimal(1000), Decimal(1150)]


def test_a_commitment_over_two_years_is_halved_for_a_year_more() -> None:
    """2,400.00 over 24 months, then 12 months at the same prices: 1,200.00."""
    contract = make_draft_contract(ends_on=date(2028, 10, 1), renewal="manual", renewal_months=12)
    promise = AddCommitment("term", "Minimum", Decimal(2400), date(2028, 10, 1), per="term")
    amend.agree(contract_id=contract.pk, on=date(2026, 10, 1), changes=[promise], at=AT, actor=ACTOR)

    renewed(make_signed(contract), when=at(2028, 8, 1))

    assert agreed(again(contract)).commitments[-1].amount == Decimal(1200)


def test_days_of_another_contract_are_refused_before() -> None:
    contract = make_renewing()
    make_contract(plan_version=contract.plan_version, starts_on=date(2028, 1, 1), number="C-NEXT")

    with pytest.raises(RenewalRefused, match="contract C-NEXT of the same customer covers days"):
        renewed(contract)


def make_signed(contract: Contract) -> Contract:
    return sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)


@pytest.mark.parametrize(
    ("readings", "percent", "fee"),
    [
        # 100 x 309.685 / 300 = 103.228333... -> 103.23
        ({"_202609": "300", "_202709": "309.685"}, None, "103.23"),
        # At most 3 percent.
        ({"_202609": "300", "_202709": "309.685"}, "3", "103.00"),
        # What fell lowers no price.
        ({"_202609": "300", "_202709": "290"}, "3", "100.00"),
        # The reading of 2026-11 was not in force when the term began, that of 2027-11 is not yet.
        ({"_202609": "300", "_202611": "310", "_202711": "400"}, None, "103.33"),
    ],
)
def test_prices_rise_as_the_index_did_over_the_term(
    readings: dict[str, str], percent: str | None, fee: str
) -> None:
    contract = make_renewing(
        plan_version=make_plan_version([fee_charge("100")]),
        uplift_index=make_index(**readings),
        uplift_percent=percent and Decimal(percent),
    )

    renewed(contract)

    assert total_on(contract, NEXT) == Decimal(fee)


def test_the_second_renewal_compares_the_index_with_the_first() -> None:
    """100 x 110/100 = 110.00; then 110 x 132/110 = 132.00."""
    index = make_index(_202610="100", _202710="110", _202810="132")
    contract = make_renewing(plan_version=make_plan_version([fee_charge("100")]), uplift_index=index)

    renewed(contract)
    renewed(contract, when=at(2028, 8, 1))

    assert total_on(contract, NEXT) == Decimal("110.00")
    assert total_on(contract, date(2028, 10, 1)) == Decimal("132.00")


def test_an_index_without_a_reading_is_refused_and_leaves_nothing() -> None:
    contract = make_renewing(
        plan_version=make_plan_version([fee_charge("100")]), uplift_index=make_index(_202611="310")
    )

    with pytest.raises(NoReading, match="has no reading for 2026-10-01"):
        renewed(contract)

    assert again(contract).ends_on == YEAR["ends_on"]
    assert not Plan.objects.filter(is_custom=True).exists()


def test_terms_from_the_31st_return_to_it() -> None:
    contract = make_renewing(
        starts_on=date(2026, 10, 31), ends_on=date(2027, 2, 28), renewal_months=1, notice_days=0
    )

    ends = [renewed(contract, when=at(2027, 2, 1)).ends_on for _ in range(3)]

    assert ends == [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


def test_a_term_is_renewed_once_whoever_presses_first() -> None:
    contract = make_renewing()
    renewed(contract)

    with pytest.raises(RenewalRefused, match="it runs until 2028-10-01 by now"):
        renew.renew(contract_id=contract.pk, term_ends_on=NEXT, reason="", at=at(2027, 8, 1), actor=ACTOR)

    assert Renewal.objects.count() == 1


def test_it_renews_by_itself_once_notice_is_too_late() -> None:
    contract = make_renewing()

    assert notice.notice_by_on(contract) == date(2027, 8, 31)
    assert renewals.due(at=at(2027, 8, 31, 23)) == []
    assert renewals.due(at=at(2027, 9, 1, 0)) == [contract]
    assert by_itself(contract, at(2027, 9, 1))
    assert renewals.due(at=at(2027, 9, 1)) == []
    assert not by_itself(contract, at(2027, 9, 1))
    assert Renewal.objects.get().is_automatic


def by_itself(contract: Contract, when: datetime) -> bool:
    return renewals.renew_by_itself(contract_id=contract.pk, term_ends_on=NEXT, at=when, actor="schedule")


def test_it_renews_in_its_own_local_days() -> None:
    """In Kiritimati, 14 hours ahead, September begins at 10:00 UTC on 31 August."""
    contract = make_renewing(timezone="Pacific/Kiritimati")

    assert renewals.due(at=at(2027, 8, 31, 9)) == []
    assert renewals.due(at=at(2027, 8, 31, 10)) == [contract]


def test_without_days_of_notice_it_renews_on_its_last_day() -> None:
    contract = make_renewing(notice_days=0)

    assert renewals.due(at=at(2027, 9, 29)) == []
    assert renewals.due(at=at(2027, 9, 30)) == [contract]


def test_what_was_missed_is_renewed_later_and_why_not_is_told_once() -> None:
    late = make_renewing()
    assert by_itself(late, at(2027, 10, 20))

    cut = make_renewing(customer=make_customer("other"), ends_on=date(2027, 9, 16))
    for _ in range(2):
        assert not renewals.renew_by_itself(
            contract_id=cut.pk, term_ends_on=date(2027, 9, 16), at=at(2027, 10, 1), actor="schedule"
        )

    entry = AuditEntry.objects.get(action="contracts.renewal_refused")
    assert "in the middle of a billing period. Sign a new contract." in entry.reason


def test_notice_in_time_lets_it_end() -> None:
    contract = make_renewing()

    notice.decline(
        contract_id=contract.pk, by="customer", reason="Letter of 30 August.", at=at(2027, 8, 31), actor=ACTOR
    )

    assert renewals.due(at=at(2027, 9, 30)) == []
    entry = AuditEntry.objects.get(action="contracts.decline")
    assert (entry.reason, entry.after["notice_by"]) == ("Letter of 30 August.", "the customer")
    with pytest.raises(NoticeRefused, match="notice was given on 2027-08-31 already"):
        notice.decline(contract_id=contract.pk, by="seller", reason="x", at=at(2027, 8, 31), actor=ACTOR)


def test_late_notice_is_refused_and_names_the_last_day() -> None:
    contract = make_renewing()

    with pytest.raises(NoticeRefused, match="the last day for notice was 2027-08-31, 30 days before its end"):
        notice.decline(contract_id=contract.pk, by="customer", reason="x", at=at(2027, 9, 1), actor=ACTOR)

    assert again(contract).declined_at is None


def test_renewing_by_hand_takes_a_notice_back() -> None:
    contract = make_renewing(renewal="manual")
    notice.decline(contract_id=contract.pk, by="seller", reason="x", at=at(2027, 8, 1), actor=ACTOR)

    renewed(contract, when=at(2027, 8, 2))

    assert again(contract).declined_at is None


def test_a_contract_that_is_ended_does_not_renew() -> None:
    contract = make_renewing()
    sign.end(contract_id=contract.pk, ends_on=date(2027, 9, 1), reason="", at=at(2027, 8, 1), actor=ACTOR)

    assert renewals.due(at=at(2027, 8, 31)) == []


def test_reminders_come_90_60_and_30_days_before_the_last_day_for_notice_once_each() -> None:
    """The last day for notice is 2027-08-31: 90 days before is 2 June, 60 are 2 July, 30 are 1 August."""
    make_legal_entity(email="billing@seller.example")
    contract = make_renewing(plan_version=make_plan_version([fee_charge("100")]))

    days = [(6, 1), (6, 2), (6, 3), (7, 2), (8, 1), (8, 31)]
    taken = [remind.take_due(at=at(2027, month, day)) for month, day in days]

    assert taken == [0, 1, 0, 1, 1, 0]
    reminders = RenewalReminder.objects.filter(contract=contract)
    assert [row.days_before for row in reminders] == [90, 60, 30]
    assert [remind.send(reminder_id=reminders[0].pk, at=at(2027, 6, 2)) for _ in range(2)] == [True, False]
    assert mail.outbox[0].to == ["billing@seller.example"]
    assert mail.outbox[0].subject.endswith("renewal to decide by Aug 31, 2027")
    assert "The last day for notice is Aug 31, 2027." in mail.outbox[0].body
    assert "Fees a year: $1,200.00" in mail.outbox[0].body


def test_a_late_contract_gets_the_nearest_reminder_alone_and_none_once_notice_was_given() -> None:
    contract = make_renewing()

    assert remind.take_due(at=at(2027, 7, 20)) == 1
    assert RenewalReminder.objects.get().days_before == 60
    notice.decline(contract_id=contract.pk, by="seller", reason="x", at=at(2027, 7, 21), actor=ACTOR)
    assert remind.take_due(at=at(2027, 8, 10)) == 0
    assert not remind.send(reminder_id=RenewalReminder.objects.get().pk, at=at(2027, 7, 22))


def test_the_list_tells_what_will_happen_and_what_it_is_worth() -> None:
    make_renewing(
        plan_version=make_plan_version([fee_charge("100", quantity="3")]), uplift_percent=Decimal(5)
    )

    assert renewals.upcoming(days=30, at=at(2027, 8, 1)) != ()
    assert renewals.upcoming(days=30, at=at(2027, 7, 31)) == ()
    (row,) = renewals.upcoming(days=60, at=at(2027, 7, 31))

    assert (row.outcome, row.outcome_on) == ("Renews by itself", date(2027, 9, 1))
    assert (row.days_left, row.worth.fees) == (31, Money(Decimal("3600.00"), "USD"))
    assert row.term
    assert row.term.percent == Decimal(5)


def test_the_list_says_why_a_contract_cannot_renew() -> None:
    make_renewing(uplift_index=make_index(_202611="310"))

    (row,) = renewals.upcoming(days=90, at=at(2027, 8, 1))

    assert "has no reading for 2026-10-01" in row.hindrance


def test_a_renewal_and_a_reading_stay_on_record() -> None:
    make_index(_202610="300")
    renewed(make_renewing())

    for rows in (Renewal.objects.all(), PriceIndex.objects.get().readings.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows._raw_delete(rows.db)
