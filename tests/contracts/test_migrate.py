"""Moving contracts to another version of their plan: from a day on, or when they are renewed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.contracts import amend, migrate, renew, renewals
from apps.contracts.changes import ChangePlan
from apps.contracts.errors import AmendmentRefused
from apps.contracts.models import Contract
from apps.contracts.terms import period_on, plan_version_on, terms_in
from apps.core.models import AuditEntry
from apps.plans import compose, publish
from apps.plans.models import PlanVersion
from apps.rating.engine import rate
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_draft_contract,
    make_plan_version,
)

pytestmark = pytest.mark.django_db(transaction=True)
AUGUST = datetime(2027, 8, 1, 9, tzinfo=UTC)
NEXT = date(2027, 10, 1)
YEARLY: dict[str, Any] = {
    "ends_on": NEXT,
    "renewal": "automatic",
    "renewal_months": 12,
    "uplift_percent": Decimal(10),
}


def make_versions() -> tuple[PlanVersion, PlanVersion]:
    return make_plan_version([fee_charge("100")], plan="team"), make_plan_version(
        [fee_charge("120")], plan="team"
    )


def again(contract: Contract) -> Contract:
    return Contract.objects.select_related("plan_version").get(pk=contract.pk)


def total_on(contract: Contract, day: date) -> Decimal:
    now = again(contract)
    return rate(terms_in(now, period_on(now, day)).terms, ()).total.amount


def move_on(contract: Contract, version: PlanVersion, day: date) -> None:
    migrate.move_on_day(
        contract_id=contract.pk,
        version_id=version.pk,
        effective_on=day,
        reason="New list",
        at=AUGUST,
        actor=ACTOR,
    )


def move_later(contract: Contract, version: PlanVersion | None) -> None:
    migrate.move_at_renewal(
        contract_id=contract.pk, version=version, reason="New list", at=AUGUST, actor=ACTOR
    )


def test_a_contract_costs_what_its_new_version_costs_from_the_day_on() -> None:
    old, new = make_versions()
    contract = make_contract(plan_version=old)

    move_on(contract, new, date(2027, 9, 1))

    assert total_on(contract, date(2027, 8, 31)) == 100
    assert total_on(contract, date(2027, 9, 1)) == 120
    assert AuditEntry.objects.filter(action="contracts.amend", reason="New list").count() == 1


def test_at_its_renewal_a_contract_takes_the_published_prices_of_the_version_without_uplift() -> None:
    old, new = make_versions()
    contract = make_contract(plan_version=old, **YEARLY)

    move_later(contract, new)

    assert total_on(contract, date(2027, 9, 1)) == 100
    [row] = renewals.upcoming(days=90, at=AUGUST)
    assert row.term
    assert row.term.moves_to == new

    renew.renew(contract_id=contract.pk, term_ends_on=NEXT, reason="", at=AUGUST, actor=ACTOR)

    assert total_on(contract, date(2027, 9, 30)) == 100
    assert total_on(contract, NEXT) == 120
    assert plan_version_on(again(contract), NEXT) == new.pk
    assert again(contract).renews_on_version is None


def test_the_renewal_after_the_move_raises_the_prices_of_the_new_version() -> None:
    old, new = make_versions()
    contract = make_contract(plan_version=old, **YEARLY)
    move_later(contract, new)
    renew.renew(contract_id=contract.pk, term_ends_on=NEXT, reason="", at=AUGUST, actor=ACTOR)

    renew.renew(contract_id=contract.pk, term_ends_on=date(2028, 10, 1), reason="", at=AUGUST, actor=ACTOR)

    assert total_on(contract, date(2028, 10, 1)) == 132


def test_a_move_at_the_renewal_can_be_taken_back() -> None:
    old, new = make_versions()
    contract = make_contract(plan_version=old, **YEARLY)
    move_later(contract, new)

    move_later(contract, None)
    renew.renew(contract_id=contract.pk, term_ends_on=NEXT, reason="", at=AUGUST, actor=ACTOR)

    assert total_on(contract, NEXT) == 110


def test_another_plan_before_the_renewal_takes_the_move_back_and_says_so() -> None:
    old, new = make_versions()
    contract = make_contract(plan_version=old, **YEARLY)
    move_later(contract, new)
    other = make_plan_version([fee_charge("500")], plan="enterprise")

    amendment = amend.amend(
        contract_id=contract.pk,
        effective_on=date(2027, 9, 1),
        changes=[ChangePlan(other.pk)],
        reason="Upgrade",
        at=AUGUST,
        actor=ACTOR,
    )

    assert again(contract).renews_on_version is None
    assert f"Its next renewal no longer puts it on {new}." in amendment.changes[0]


def test_a_version_that_was_retired_before_the_renewal_hinders_it_in_words() -> None:
    old, new = make_versions()
    contract = make_contract(plan_version=old, **YEARLY)
    move_later(contract, new)
    publish.retire(version_id=new.pk, at=AUGUST, actor=ACTOR)

    [row] = renewals.upcoming(days=90, at=AUGUST)

    assert row.term is None
    assert "is retired" in row.hindrance


def test_what_ends_with_its_term_or_is_in_another_currency_does_not_move_at_a_renewal() -> None:
    old, new = make_versions()
    ending = make_contract(plan_version=old)
    renewing = make_contract(make_customer("globex"), old, **YEARLY)
    euros = make_plan_version([fee_charge("90")], plan="team", currency="EUR")

    with pytest.raises(AmendmentRefused, match="ends with its term"):
        move_later(ending, new)
    with pytest.raises(AmendmentRefused, match="EUR"):
        move_later(renewing, euros)


def test_signed_contracts_on_other_versions_are_the_ones_to_move() -> None:
    old, new = make_versions()
    stays = make_contract(make_customer("stays"), old, number="C-1")
    moved = make_contract(make_customer("moved"), old, number="C-2")
    make_draft_contract(make_customer("drafted"), old)
    make_contract(make_customer("there"), new)
    make_contract(make_customer("gone"), old, ends_on=date(2027, 1, 1))
    make_contract(make_customer("euros"), make_plan_version([fee_charge()], plan="team", currency="EUR"))
    own = compose.custom_version(base_id=old.pk, name="Prices of C-9", at=AT, actor=ACTOR)
    publish.publish(version_id=own.pk, at=AT, actor=ACTOR)
    make_contract(make_customer("own"), own)
    move_on(moved, new, date(2027, 9, 1))

    assert list(migrate.movable(new, on=date(2027, 8, 31))) == [stays, moved]
    assert list(migrate.movable(new, on=date(2027, 9, 1))) == [stays]
    assert list(migrate.movable(old, on=date(2027, 9, 1)).filter(pk=moved.pk)) == [moved]
