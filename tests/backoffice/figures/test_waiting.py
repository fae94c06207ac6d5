"""What waits for a decision, with what it comes to."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.backoffice.figures import waiting
from apps.backoffice.figures.recurring import stretches
from apps.contracts.models import Contract
from apps.payments import record
from apps.usage import ingest
from tests.builders import (
    ACTOR,
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import drafted, invoiced

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 12, 10, 9, tzinfo=UTC)


def rows(at: datetime = NOW) -> dict[str, tuple[int, list[str]]]:
    found = waiting.waiting(stretches=stretches(until=at.date()), at=at)
    return {one.what: (one.count, [str(amount) for amount in one.amounts]) for one in found}


def test_nothing_waits_on_the_first_day() -> None:
    assert rows() == {}


def test_drafts_wait_with_what_they_ask_for() -> None:
    drafted(make_contract(plan_version=make_plan_version([fee_charge("100")])))

    assert rows() == {"Drafts to review": (1, ["100.00 USD"])}


def test_money_that_pays_no_invoice_waits_to_be_allocated() -> None:
    """150 came in, 100 of it pays the invoice."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    invoiced(contract)
    record.record_transfer(
        customer_id=contract.customer_id,
        currency="USD",
        amount=Decimal(150),
        received_on=date(2026, 12, 5),
        reference="R-1",
        at=NOW,
        actor=ACTOR,
    )

    assert rows() == {"Payments to allocate": (1, ["50.00 USD"])}


def test_quarantined_events_wait_with_what_they_would_come_to() -> None:
    """The contract ended a day before: 3 calls at 0.50 would count if it ran on."""
    make_meter()
    make_contract(
        make_customer("acme"),
        make_plan_version([usage_charge(unit_amount="0.5")]),
        ends_on=date(2026, 12, 9),
    )
    events = [
        {"id": f"late-{number}", "customer": "acme", "type": "api.call", "time": NOW.isoformat()}
        for number in range(3)
    ]
    ingest.ingest(events=events, at=NOW, actor=ACTOR)

    assert rows()["Events in quarantine"] == (3, ["1.50 USD"])


@pytest.mark.parametrize(
    ("ends_on", "renewal", "waits"),
    [
        (date(2027, 1, 9), Contract.Renewal.NONE, True),
        (date(2027, 1, 9), Contract.Renewal.MANUAL, True),
        (date(2027, 1, 9), Contract.Renewal.AUTOMATIC, False),
        (date(2027, 1, 10), Contract.Renewal.NONE, False),
    ],
)
def test_contracts_that_end_within_thirty_days_wait_with_a_years_fees(
    *, ends_on: date, renewal: str, waits: bool
) -> None:
    """100 a month are 1,200 a year; one that renews by itself asks nobody."""
    make_contract(
        plan_version=make_plan_version([fee_charge("100")]),
        ends_on=ends_on,
        renewal=renewal,
        renewal_months=None if renewal == Contract.Renewal.NONE else 12,
    )

    assert rows().get("Contracts that end soon") == ((1, ["1200.00 USD"]) if waits else None)
