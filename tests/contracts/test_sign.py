"""Drafting, signing and ending contracts."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from apps.contracts import queries, sign
from apps.contracts.errors import (
    ContractOverlaps,
    EndsTooEarly,
    NotADraftContract,
    NotLive,
    OutsideTheTerm,
    PlanNotPublished,
)
from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_in
from apps.core.models import AuditEntry
from apps.core.money import Money
from apps.plans.compose import NewCharge
from apps.rating.engine import rate
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_draft_contract,
    make_draft_version,
    make_plan_version,
)

pytestmark = pytest.mark.django_db


def test_a_signed_contract_is_live_and_on_the_trail() -> None:
    contract = make_contract()

    assert contract.status == Contract.Status.ACTIVE
    assert AuditEntry.objects.filter(action="contracts.sign", subject_key=contract.number).count() == 1


def test_a_second_contract_on_the_same_days_is_refused_and_stays_a_draft() -> None:
    make_contract(starts_on=date(2026, 10, 1), ends_on=date(2027, 1, 1))
    second = make_draft_contract(starts_on=date(2026, 12, 31))

    with pytest.raises(ContractOverlaps, match="two prices"):
        sign.sign(contract_id=second.pk, at=AT, actor=ACTOR)

    second.refresh_from_db()
    assert second.status == Contract.Status.DRAFT


def test_a_contract_may_begin_on_the_day_that_another_ends() -> None:
    make_contract(starts_on=date(2026, 10, 1), ends_on=date(2027, 1, 1))

    assert make_contract(starts_on=date(2027, 1, 1)).status == Contract.Status.ACTIVE


def test_a_contract_on_unpublished_prices_is_not_signed() -> None:
    contract = make_draft_contract(plan_version=make_draft_version())

    with pytest.raises(PlanNotPublished, match="Publish it"):
        sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)


def test_a_contract_is_signed_once() -> None:
    contract = make_contract()

    with pytest.raises(NotADraftContract, match="only a draft can be signed"):
        sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)


def test_an_unknown_time_zone_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="Europe/Berlin"):
        make_draft_contract(timezone="Berlin")


def test_a_live_contract_ends_after_today_at_the_earliest() -> None:
    """On 15 October, 16 October is the first day that a contract may leave uncovered."""
    contract = make_contract()
    at = datetime(2026, 10, 15, 12, tzinfo=UTC)

    with pytest.raises(EndsTooEarly, match="choose 2026-10-16 or later"):
        sign.end(contract_id=contract.pk, ends_on=date(2026, 10, 15), reason="asked", at=at, actor=ACTOR)

    ended = sign.end(contract_id=contract.pk, ends_on=date(2026, 10, 16), reason="asked", at=at, actor=ACTOR)
    assert ended.ends_on == date(2026, 10, 16)


def test_a_draft_cannot_be_ended() -> None:
    contract = make_draft_contract()

    with pytest.raises(NotLive, match="only an active contract"):
        sign.end(contract_id=contract.pk, ends_on=date(2027, 1, 1), reason="asked", at=AT, actor=ACTOR)


def test_days_outside_the_term_have_no_period() -> None:
    contract = make_contract(starts_on=date(2026, 10, 5))

    with pytest.raises(OutsideTheTerm, match="within its term"):
        period_on(contract, date(2026, 10, 4))


def test_a_first_period_cut_short_prorates_the_fee() -> None:
    """From 22 October to the 31st are 10 of 31 days: 310.00 x 10 / 31 = 100.00."""
    contract = make_contract(
        plan_version=make_plan_version([fee_charge("310")]), starts_on=date(2026, 10, 22)
    )
    period = period_on(contract, date(2026, 10, 22))

    rated = rate(terms_in(contract, period).terms, [])

    assert (period.starts_on, period.ends_on) == (date(2026, 10, 22), date(2026, 11, 1))
    assert str(rated.total) == "100.00 USD"
    assert rated.total == Money.total([line.amount for line in rated.lines], "USD")


def test_a_contract_is_due_once_its_own_day_has_ended() -> None:
    """October in New York ends at 04:00 UTC on 1 November (daylight time, UTC-4)."""
    contract = make_contract(timezone="America/New_York")

    assert queries.due(at=datetime(2026, 11, 1, 3, 59, tzinfo=UTC)) == []
    assert queries.due(at=datetime(2026, 11, 1, 4, 0, tzinfo=UTC)) == [contract]


def test_running_contracts_are_those_that_cover_their_own_today() -> None:
    """At 20:00 UTC on 30 September it is 1 October in Auckland, and still September in London."""
    at = datetime(2026, 9, 30, 20, tzinfo=UTC)
    auckland = make_contract(make_customer("kiwi"), timezone="Pacific/Auckland")
    make_contract(make_customer("thames"), timezone="Europe/London")

    assert queries.running(at=at) == [auckland]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE contracts_contract SET ends_on = starts_on", "contract_is_not_empty"),
        (
            "UPDATE contracts_contract SET anchor_day = 32 WHERE status = 'draft'",
            "contract_anchor_is_a_day_of_the_month",
        ),
        (
            "UPDATE contracts_contract SET billing_months = 0 WHERE status = 'draft'",
            "contract_period_is_1_to_36_months",
        ),
        (
            """INSERT INTO contracts_contract SELECT (jsonb_populate_record(
            one, jsonb_build_object('id', gen_random_uuid(), 'number', number || 'b'))).*
            FROM contracts_contract one""",
            "one_live_contract_per_customer_and_day",
        ),
    ],
)
def test_the_database_refuses_impossible_contracts(statement: str, constraint: str) -> None:
    make_contract()
    make_draft_contract()

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


def test_a_one_time_fee_is_due_in_the_first_period_alone() -> None:
    setup = NewCharge(
        key="setup",
        name="Setup",
        product="product",
        kind="one_time",
        fee_amount=Decimal(1000),
        fee_quantity=Decimal(1),
    )
    contract = make_contract(plan_version=make_plan_version([setup]))

    totals = [
        str(rate(terms_in(contract, period_on(contract, day)).terms, []).total)
        for day in (date(2026, 10, 1), date(2026, 11, 1))
    ]

    assert totals == ["1000.00 USD", "0.00 USD"]


def test_a_contract_that_is_over_is_not_lengthened() -> None:
    """Its last period may be drafted or billed: a later end would bill days twice, or the future."""
    contract = make_contract(ends_on=date(2026, 10, 15))

    with pytest.raises(NotLive, match="is over"):
        sign.end(
            contract_id=contract.pk,
            ends_on=date(2026, 12, 1),
            reason="asked",
            at=datetime(2026, 10, 16, tzinfo=UTC),
            actor=ACTOR,
        )


def test_an_end_that_runs_into_the_next_contract_is_refused() -> None:
    contract = make_contract(ends_on=date(2027, 1, 1))
    make_contract(starts_on=date(2027, 1, 1))

    with pytest.raises(ContractOverlaps):
        sign.end(contract_id=contract.pk, ends_on=date(2027, 2, 1), reason="asked", at=AT, actor=ACTOR)


def test_an_end_leaves_room_for_usage_that_came_an_hour_ahead() -> None:
    """At 23:30 an event of tomorrow 00:20 may be counted already, so tomorrow has to stay covered."""
    contract = make_contract()

    with pytest.raises(EndsTooEarly, match="choose 2026-10-17"):
        sign.end(
            contract_id=contract.pk,
            ends_on=date(2026, 10, 16),
            reason="asked",
            at=datetime(2026, 10, 15, 23, 30, tzinfo=UTC),
            actor=ACTOR,
        )


def test_what_is_billed_together_is_in_one_currency_and_on_the_same_days() -> None:
    parent = make_contract(make_customer("group"))
    in_euro = make_draft_contract(
        make_customer("branch"), make_plan_version([fee_charge("10")], currency="EUR")
    )
    on_the_15th = make_draft_contract(make_customer("other"), anchor_day=15)

    for child in (in_euro, on_the_15th):
        with (
            pytest.raises(IntegrityError, match="another currency, calendar or time zone"),
            transaction.atomic(),
        ):
            Contract.objects.filter(pk=child.pk).update(parent=parent, billing=Contract.Billing.PARENT)


def test_a_renewal_without_a_length_is_refused_by_the_database() -> None:
    contract = make_draft_contract(ends_on=date(2027, 10, 1))

    with pytest.raises(IntegrityError, match="renewal_says_for_how_long"), transaction.atomic():
        Contract.objects.filter(pk=contract.pk).update(renewal=Contract.Renewal.MANUAL)
