"""Credits that a contract promises become grants on their days, once each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection

from apps.contracts import amend, sign
from apps.contracts.changes import ChangeEnd, EndGrants, PromiseGrant
from apps.contracts.errors import AmendmentRefused
from apps.contracts.models import Contract
from apps.core.models import OutboxMessage
from apps.credits import promised
from apps.credits.models import CreditGrant
from apps.plans.models import CreditUnit
from tests.builders import ACTOR, AT, make_contract, make_credit_unit, make_draft_contract

pytestmark = pytest.mark.django_db(transaction=True)
EVERY_MONTH = PromiseGrant("monthly", "Included credits", Decimal(1000), every_months=1, valid_months=1)


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def make_promising(promise: PromiseGrant = EVERY_MONTH, **fields: object) -> Contract:
    contract = make_draft_contract(**fields)  # type: ignore[arg-type]
    amend.agree(contract_id=contract.pk, on=contract.starts_on, changes=[promise], at=AT, actor=ACTOR)
    return sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)


def granted(*moments: datetime) -> list[int]:
    return [promised.grant_due(at=moment, actor=ACTOR) for moment in moments]


def days() -> Sequence[tuple[date, date | None]]:
    return list(CreditGrant.objects.order_by("effective_on").values_list("effective_on", "expires_on"))


def test_what_is_promised_every_month_is_given_on_its_day_once() -> None:
    make_promising()

    assert granted(at(2026, 10, 1), at(2026, 10, 1), at(2026, 10, 31), at(2026, 11, 1)) == [1, 0, 0, 1]
    assert days() == [
        (date(2026, 10, 1), date(2026, 11, 1)),
        (date(2026, 11, 1), date(2026, 12, 1)),
    ]


def test_what_was_missed_is_given_later_with_its_own_days() -> None:
    contract = make_promising()

    assert granted(at(2027, 1, 15)) == [4]
    assert days()[-1] == (date(2027, 1, 1), date(2027, 2, 1))
    assert CreditGrant.objects.earliest("effective_on").key == f"{contract.number}:monthly:2026-10-01"


def test_promises_from_the_31st_return_to_it() -> None:
    make_promising(starts_on=date(2027, 1, 31))

    granted(at(2027, 4, 30))

    assert days() == [
        (date(2027, 1, 31), date(2027, 2, 28)),
        (date(2027, 2, 28), date(2027, 3, 31)),
        (date(2027, 3, 31), date(2027, 4, 30)),
        (date(2027, 4, 30), date(2027, 5, 31)),
    ]


def test_the_days_are_those_of_the_contract() -> None:
    """In Kiritimati, 14 hours ahead, November begins at 10:00 UTC on 31 October."""
    make_promising(timezone="Pacific/Kiritimati")

    assert granted(at(2026, 10, 31, 9), at(2026, 10, 31, 10)) == [1, 1]


def test_once_is_once_and_is_what_was_promised() -> None:
    unit = make_credit_unit()
    promise = PromiseGrant(
        "prepaid",
        "Prepaid credits",
        Decimal(5000),
        credit_unit_id=unit.pk,
        cost=Decimal(400),
        priority=10,
        charge_keys=("calls",),
    )
    contract = make_promising(promise)

    assert granted(at(2026, 10, 1), at(2027, 10, 1)) == [1, 0]
    grant = CreditGrant.objects.get()
    assert (grant.amount, grant.left, grant.cost, grant.priority) == (
        Decimal(5000),
        Decimal(5000),
        Decimal(400),
        10,
    )
    assert (grant.credit_unit, grant.currency, grant.contract) == (unit, "", contract)
    assert (grant.charge_keys, grant.expires_on) == (["calls"], None)
    assert not Contract.objects.get(pk=contract.pk).has_money_grants


def test_without_a_credit_unit_it_is_money_of_the_contract() -> None:
    contract = make_promising()

    granted(at(2026, 10, 1))

    grant = CreditGrant.objects.get()
    assert (grant.credit_unit, grant.currency) == (None, "USD")
    assert Contract.objects.get(pk=contract.pk).has_money_grants


def test_nothing_is_given_after_the_promise_or_the_contract_ends() -> None:
    contract = make_promising()
    granted(at(2026, 10, 1))

    amended(contract, EndGrants("monthly"), on=date(2026, 12, 1))
    assert granted(at(2027, 6, 1)) == [1]

    amended(contract, PromiseGrant("more", "More", Decimal(1), every_months=1), on=date(2027, 1, 1))
    amended(contract, ChangeEnd(date(2027, 3, 1)), on=date(2027, 1, 1))
    assert granted(at(2027, 6, 1)) == [2]


def amended(contract: Contract, change: PromiseGrant | EndGrants | ChangeEnd, *, on: date) -> None:
    amend.amend(
        contract_id=contract.pk, effective_on=on, changes=[change], reason="Agreed.", at=AT, actor=ACTOR
    )


def test_a_draft_gives_nothing_and_signing_asks_for_what_is_due() -> None:
    contract = make_draft_contract()
    amend.agree(contract_id=contract.pk, on=contract.starts_on, changes=[EVERY_MONTH], at=AT, actor=ACTOR)
    assert granted(at(2026, 10, 2)) == [0]

    sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)

    message = OutboxMessage.objects.get(task="credits.grant_promised")
    assert message.arguments == {"contract_id": str(contract.pk)}


def test_a_promise_amended_in_is_asked_for_too() -> None:
    contract = make_contract()

    amended(contract, EVERY_MONTH, on=date(2026, 10, 1))

    assert OutboxMessage.objects.filter(task="credits.grant_promised").count() == 1


def test_of_many_workers_at_once_one_gives() -> None:
    contract = make_promising()

    def worker(_number: int) -> int:
        try:
            return promised.grant_due_under(contract_id=contract.pk, at=at(2026, 12, 1), actor=ACTOR)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(worker, range(4)))

    assert sum(given) == 3
    assert CreditGrant.objects.count() == 3


def test_contracts_without_promises_cost_one_query(django_assert_num_queries: object) -> None:
    make_contract()
    found: list[UUID] = []

    with django_assert_num_queries(1):  # type: ignore[operator]
        found = promised.contracts_due(at=AT)

    assert found == []
    assert not CreditUnit.objects.exists()


def test_credits_that_may_have_been_given_are_not_promised_again_from_a_day_past() -> None:
    """Their grants would have the same keys, so what differs would be given to nobody."""
    contract = make_promising()
    amended(contract, EndGrants("monthly"), on=date(2026, 10, 1))
    doubled = replace(EVERY_MONTH, amount=Decimal(2000))

    with pytest.raises(AmendmentRefused, match="begin after today"):
        amended(contract, doubled, on=date(2026, 10, 1))

    amended(contract, doubled, on=date(2026, 11, 1))
    assert granted(at(2026, 11, 1)) == [1]
