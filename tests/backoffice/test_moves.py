"""The page that moves contracts to another version of their plan: prices before and after, a choice, a reason."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.contracts.models import Amendment, Contract
from apps.plans.models import PlanVersion
from tests.backoffice.test_look import seen_on
from tests.backoffice.test_rights import reader
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_draft_version,
    make_plan_version,
    make_staff,
)

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2027, 8, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def august() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


@pytest.fixture
def versions() -> tuple[PlanVersion, PlanVersion]:
    return make_plan_version([fee_charge("100")], plan="team"), make_plan_version(
        [fee_charge("120")], plan="team"
    )


def make_signed(key: str, version: PlanVersion, **fields: Any) -> Contract:
    return make_contract(make_customer(key, name=f"{key} <b>Ltd</b>"), version, number=f"C-{key}", **fields)


def text_of(client: Client, path: str) -> str:
    page = client.get(path)
    assert page.status_code == 200
    assert "<b>Ltd</b>" not in page.content.decode()
    return " ".join(seen_on(page.content.decode()).split())


def address(version: PlanVersion) -> str:
    return f"/admin/plan-move/{version.pk}/"


def test_the_version_leads_to_the_contracts_with_what_each_would_cost(
    staff: Client, versions: tuple[PlanVersion, PlanVersion]
) -> None:
    old, new = versions
    make_signed("acme", old)

    assert address(new) in staff.get(f"/admin/plans/planversion/{new.pk}/change/").content.decode()
    text = text_of(staff, f"{address(new)}?when=day&on=2027-09-01")

    assert "C-acme acme <b>Ltd</b> Team, version 1 $100.00 $120.00 $20.00" in text
    assert not Amendment.objects.exists()


def test_the_chosen_contracts_move_and_the_others_stay(
    staff: Client, versions: tuple[PlanVersion, PlanVersion]
) -> None:
    old, new = versions
    moved, stays = make_signed("acme", old), make_signed("globex", old)

    page = staff.post(
        address(new),
        {"when": "day", "on": "2027-09-01", "contract": [str(moved.pk)], "reason": "New list"},
        follow=True,
    )

    assert "1 contract will be on Team, version 2 from 2027-09-01 on" in page.content.decode()
    assert [one.contract_id for one in Amendment.objects.all()] == [moved.pk]
    assert "C-globex" in page.content.decode()
    assert not stays.amendments.exists()


def test_without_a_reason_nothing_moves_and_the_choice_stays(
    staff: Client, versions: tuple[PlanVersion, PlanVersion]
) -> None:
    old, new = versions
    contract = make_signed("acme", old)

    page = staff.post(address(new), {"when": "day", "on": "2027-09-01", "contract": [str(contract.pk)]})

    assert "Say why they move" in page.content.decode()
    assert f'value="{contract.pk}" checked' in page.content.decode()
    assert not Amendment.objects.exists()


def test_at_their_renewal_those_that_renew_move_and_may_stay_after_all(
    staff: Client, versions: tuple[PlanVersion, PlanVersion]
) -> None:
    old, new = versions
    renewing = make_signed("acme", old, ends_on=date(2027, 10, 1), renewal="manual", renewal_months=12)
    make_signed("globex", old)
    assert "ends with its term" in text_of(staff, f"{address(new)}?when=renewal&on=2027-08-01")

    staff.post(
        address(new),
        {"when": "renewal", "on": "2027-08-01", "contract": [str(renewing.pk)], "reason": "New list"},
    )
    renewing.refresh_from_db()
    assert renewing.renews_on_version == new
    page = f"/admin/contract/{renewing.pk}/renewal/"
    assert "puts it on Team, version 2 from Oct 1, 2027 on" in text_of(staff, page)

    staff.post(page, {"do": "stay", "reason": "They asked"})

    renewing.refresh_from_db()
    assert renewing.renews_on_version is None


@pytest.mark.parametrize("asked", ["when=day&on=never", "when=x&on=2027-09-01", "on=0001-01-01"])
def test_days_that_make_no_sense_are_told_at_the_field_or_show_nothing(
    staff: Client, versions: tuple[PlanVersion, PlanVersion], asked: str
) -> None:
    make_signed("acme", versions[0])

    text_of(staff, f"{address(versions[1])}?{asked}")


def test_a_draft_takes_no_contracts_and_who_may_only_look_moves_none(client: Client) -> None:
    version, draft = make_plan_version([fee_charge()], plan="team"), make_draft_version(plan="team")
    reader(client, "view_planversion", "view_contract")
    assert client.get(address(version)).status_code == 403
    assert client.post(address(version)).status_code == 403
    client.force_login(make_staff())
    assert client.get(address(draft)).status_code == 404


def test_many_contracts_do_not_take_a_query_more_each_for_their_names(
    staff: Client, versions: tuple[PlanVersion, PlanVersion], django_assert_max_num_queries: object
) -> None:
    for number in range(3):
        make_signed(f"c{number}", versions[0])

    with django_assert_max_num_queries(25):  # type: ignore[operator]
        staff.get(f"{address(versions[1])}?when=renewal&on=2027-08-01")
