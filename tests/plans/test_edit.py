"""Changing a draft: every save is told in the trail, and nothing else changes."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from apps.core.models import AuditEntry
from apps.plans import compose, edit, publish, queries
from apps.plans.compose import NewAllowance
from apps.plans.errors import AllowanceInUse, DraftExists, KeyTaken, PlanKeyTaken, VersionFixed
from apps.plans.models import Plan, PlanVersion
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_draft_version,
    make_meter,
    make_plan_version,
    usage_charge,
)

pytestmark = pytest.mark.django_db

POOL = NewAllowance("pool", "Pool", Decimal(1000))


def draft(**fields: Any) -> PlanVersion:
    make_meter()
    return make_draft_version([fee_charge(), usage_charge(**fields)], plan="team", allowances=[POOL])


def keys(version: PlanVersion) -> list[str]:
    return [planned.charge.key for planned in queries.charges_of(version.pk)]


def last_entry() -> AuditEntry:
    return AuditEntry.objects.order_by("-id")[0]


def test_a_changed_price_is_told_before_and_after() -> None:
    version = draft()
    charge = version.charges.get(key="calls")

    edit.put_charge(
        version_id=version.pk,
        charge_id=charge.pk,
        new=usage_charge(unit_amount="0.02", minimum=Decimal(5)),
        at=AT,
        actor=ACTOR,
    )

    entry = last_entry()
    named = {"version": version.number, "key": "calls"}
    assert (entry.action, entry.subject_key, entry.actor) == ("plans.put_charge", "team", ACTOR)
    assert entry.before == {**named, "all calls": "$0.01 each"}
    assert entry.after == {**named, "all calls": "$0.02 each", "at least every period": "$5"}
    assert keys(version) == ["fee", "calls"]


def test_a_new_charge_comes_last() -> None:
    version = draft()

    edit.put_charge(version_id=version.pk, charge_id=None, new=fee_charge(key="support"), at=AT, actor=ACTOR)

    assert keys(version) == ["fee", "calls", "support"]
    assert last_entry().before == {"version": version.number, "key": "support"}


@pytest.mark.parametrize("taken", ["fee", "pool"])
def test_a_key_is_given_once(taken: str) -> None:
    version = draft()
    charge = version.charges.get(key="calls")

    with pytest.raises(KeyTaken, match=f"key {taken} already"):
        edit.put_charge(
            version_id=version.pk, charge_id=charge.pk, new=usage_charge(key=taken), at=AT, actor=ACTOR
        )

    assert keys(version) == ["fee", "calls"]


def test_charges_change_places() -> None:
    version = draft()
    calls = version.charges.get(key="calls")

    edit.move_charge(version_id=version.pk, charge_id=calls.pk, up=True, at=AT, actor=ACTOR)
    assert keys(version) == ["calls", "fee"]
    assert (last_entry().before["place"], last_entry().after["place"]) == (2, 1)

    edit.move_charge(version_id=version.pk, charge_id=calls.pk, up=True, at=AT, actor=ACTOR)
    assert keys(version) == ["calls", "fee"]


def test_a_removed_charge_leaves_what_it_said_in_the_trail() -> None:
    version = draft()
    fee = version.charges.get(key="fee")

    edit.remove_charge(version_id=version.pk, charge_id=fee.pk, at=AT, actor=ACTOR)

    assert keys(version) == ["calls"]
    assert last_entry().before["price"] == "$499 every period."


def test_an_allowance_is_changed_and_removed() -> None:
    version = draft()
    pool = version.allowances.get()

    edit.put_allowance(
        version_id=version.pk,
        allowance_id=pool.pk,
        new=replace(POOL, quantity=Decimal(2000)),
        at=AT,
        actor=ACTOR,
    )
    assert (last_entry().before["quantity"], last_entry().after["quantity"]) == ("1,000", "2,000")

    edit.remove_allowance(version_id=version.pk, allowance_id=pool.pk, at=AT, actor=ACTOR)
    assert not version.allowances.exists()


def test_an_allowance_that_charges_share_stays() -> None:
    version = draft(allowance="pool")

    with pytest.raises(AllowanceInUse, match="Calls takes of Pool"):
        edit.remove_allowance(
            version_id=version.pk, allowance_id=version.allowances.get().pk, at=AT, actor=ACTOR
        )

    assert version.allowances.exists()


def test_what_is_published_is_not_edited() -> None:
    version = make_plan_version()
    charge = version.charges.get()

    with pytest.raises(VersionFixed, match="its prices never change"):
        edit.remove_charge(version_id=version.pk, charge_id=charge.pk, at=AT, actor=ACTOR)

    assert version.charges.count() == 1


def test_a_plan_is_copied_under_another_key() -> None:
    version = draft(allowance="pool")

    copy = compose.copy_plan(version_id=version.pk, key="team-eu", name="Team EU", at=AT, actor=ACTOR)

    assert (copy.plan.key, copy.number, copy.status) == ("team-eu", 1, "draft")
    assert queries.charges_of(copy.pk) == queries.charges_of(version.pk)
    assert queries.allowances_of(copy.pk) == queries.allowances_of(version.pk)
    assert copy.based_on is None, "a draft may go, so nothing is based on it"


def test_a_plan_is_not_copied_over_another() -> None:
    version = draft()

    with pytest.raises(PlanKeyTaken, match="plan with the key team already"):
        compose.copy_plan(version_id=version.pk, key="team", name="Team", at=AT, actor=ACTOR)

    assert Plan.objects.count() == 1


def test_a_custom_version_is_a_hidden_draft_of_its_own() -> None:
    base = make_plan_version(plan="team")

    custom = compose.custom_version(base_id=base.pk, name="Team for Acme", at=AT, actor=ACTOR)
    again = compose.custom_version(base_id=custom.pk, name="Team for Acme, second", at=AT, actor=ACTOR)

    assert (custom.plan.key, custom.plan.is_custom, custom.based_on) == ("team-custom-1", True, base)
    assert again.plan.key == "team-custom-2"
    assert queries.charges_of(custom.pk) == queries.charges_of(base.pk)
    publish.publish(version_id=custom.pk, at=AT, actor=ACTOR)
    assert custom.pk not in {version.pk for version in queries.offered_versions()}
    assert base.pk in {version.pk for version in queries.offered_versions()}


def test_a_custom_version_may_have_other_charges() -> None:
    base = make_plan_version(plan="team")

    custom = compose.custom_version(
        base_id=base.pk, name="Team for Acme", charges=[fee_charge("399")], at=AT, actor=ACTOR
    )

    assert keys(custom) == ["fee"]
    with pytest.raises(DraftExists):
        compose.copy_version(version_id=custom.pk, at=AT, actor=ACTOR)
