"""Levels that are carried into a new day while their customer is billed."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.contracts.models import Contract
from apps.invoices.close import Closed, close_contract
from apps.usage import levels
from apps.usage.models import UsageDay
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, event, take

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 0, 5, tzinfo=UTC)


def seats() -> Contract:
    """10 seats since 20 October."""
    make_meter("seats", unit="seats", event_type="seats", aggregation="latest", level="set")
    contract = make_contract(plan_version=make_plan_version([usage_charge("seats")]))
    take(event("a", type="seats", quantity=10), at=AT)
    return contract


def close(contract: Contract) -> Closed:
    try:
        return close_contract(contract_id=contract.pk, at=NOVEMBER, actor=ACTOR)
    finally:
        connection.close()


def after_the_first_writing(monkeypatch: pytest.MonkeyPatch, contract: Contract) -> list["Future[Closed]"]:
    """Let the contract be closed by another once the first days are written, and not committed."""
    write, pool = levels._write, ThreadPoolExecutor(1)
    closing: list[Future[Closed]] = []

    def written(*args: Any, **more: Any) -> None:
        write(*args, **more)
        if not closing:
            closing.append(pool.submit(close, contract))
            time.sleep(0.5)

    monkeypatch.setattr(levels, "_write", written)
    return closing


def test_a_close_waits_until_levels_are_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = seats()
    closing = after_the_first_writing(monkeypatch, contract)

    levels.carry_all(at=NOVEMBER)

    made = closing[0].result(timeout=20)
    assert (len(made.drafts), made.parked) == (1, None)
    assert UsageDay.objects.filter(quantity=10).count() == 13


def test_two_contracts_of_one_customer_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 seats at 0.01 on each."""
    first = seats()
    Contract.objects.update(ends_on=date(2026, 10, 25))
    second = make_contract(first.customer, first.plan_version, starts_on=date(2026, 10, 25))
    closing = after_the_first_writing(monkeypatch, second)

    made = close_contract(contract_id=first.pk, at=NOVEMBER, actor=ACTOR)

    both = [made, closing[0].result(timeout=20)]
    assert [(len(one.drafts), one.parked) for one in both] == [(1, None), (1, None)]
    assert [one.drafts[0].subtotal for one in both] == [Decimal("0.10"), Decimal("0.10")]
