"""A month at the seller's: one finalized invoice, one draft, something in quarantine, something overdue."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client

from apps.contracts.models import Contract
from apps.core.models import User
from apps.credits import grant
from apps.dunning import advance, policy
from apps.invoices.models import Invoice
from apps.payments import record
from apps.usage import ingest
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_api_key,
    make_contract,
    make_credit_unit,
    make_customer,
    make_draft_version,
    make_member,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)
from tests.invoices.months import drafted, invoiced, use

NOW = datetime(2026, 12, 10, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Month:
    """What the pages are about."""

    staff: User
    member: User
    contract: Contract
    finalized: Invoice
    draft: Invoice


@pytest.fixture
def month(db: None) -> Month:
    make_meter()
    customer = make_customer("acme", name="Acme <b>Ltd</b>", billing_email="billing@acme.example")
    contract = make_contract(
        customer, make_plan_version([fee_charge("100"), usage_charge(unit_amount="0.5")])
    )
    policy.ensure(legal_entity_id=customer.legal_entity_id, at=AT, actor=ACTOR)
    use(contract, "calls", "40")
    finalized = invoiced(contract)
    use(contract, "calls", "20", day=date(2026, 11, 5))
    draft = drafted(contract, at=datetime(2026, 12, 2, 9, tzinfo=UTC))
    use(contract, "calls", "6", day=date(2026, 12, 5))
    ingest.ingest(
        events=[{"id": "lost", "customer": "acme", "type": "unknown"}, "no event"], at=NOW, actor=ACTOR
    )
    unit = make_credit_unit()
    grant.grant(
        key="gift",
        name="Gift",
        customer_id=customer.pk,
        credit_unit_id=unit.pk,
        amount=Decimal(5),
        effective_on=date(2026, 10, 1),
        at=AT,
        actor=ACTOR,
    )
    record.record_transfer(
        customer_id=customer.pk,
        currency="USD",
        amount=Decimal(20),
        received_on=date(2026, 11, 20),
        reference="R-1",
        at=NOW,
        actor=ACTOR,
    )
    advance.advance(at=NOW, actor=ACTOR)
    make_api_key()
    make_draft_version([usage_charge()], plan="next")
    return Month(make_staff(), make_member(customer), contract, finalized, draft)


@pytest.fixture
def staff(month: Month, client: Client) -> Client:
    client.force_login(month.staff)
    return client
