"""Two customers' autumn, and who looks at its books."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from apps.credits import grant
from apps.invoices.models import Invoice
from apps.payments import record, write_off
from apps.plans.compose import NewPrice
from tests.backoffice.books.reading import IN_DECEMBER, NOW
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)
from tests.invoices.months import invoiced, use


@pytest.fixture(autouse=True)
def december() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


@pytest.fixture
def books(db: None) -> dict[str, Invoice]:
    """Two customers' autumn.

    Acme has 19% tax: October is 100.00 for the fee and 40 calls at 0.50 = 120.00 + 22.80, of which 50.00 is paid and the rest
    written off in December; November is 100.00 + 19.00. Beta bought 30 credits for 100.00 and used 10 of them in October.
    """
    make_meter(dimensions=["model"])
    unit = make_credit_unit()
    cell = NewPrice(model="per_unit", unit_amount=Decimal("0.5"), match={"model": "large"})
    version = make_plan_version([fee_charge("100"), usage_charge(dimensions=["model"], prices=[cell])])
    acme = make_contract(make_customer("acme", tax_rate=Decimal(19), name="=Acme"), version)
    in_credits = make_plan_version([usage_charge(unit_amount="1", credit_unit=unit.key)])
    beta = make_contract(make_customer("beta"), in_credits)
    grant.grant(
        key="prepaid",
        name="Prepaid",
        customer_id=beta.customer_id,
        credit_unit_id=unit.pk,
        amount=Decimal(30),
        cost=Decimal(100),
        cost_currency="USD",
        effective_on=date(2026, 10, 1),
        at=AT,
        actor=ACTOR,
    )
    use(acme, "calls", "40", dimensions={"model": "large"})
    use(beta, "calls", "10", dimensions={"model": "small"})
    october = invoiced(acme)
    invoiced(beta)
    november = invoiced(acme, at=IN_DECEMBER)
    record.record_transfer(
        customer_id=acme.customer_id,
        currency="USD",
        amount=Decimal(50),
        received_on=date(2026, 11, 20),
        reference="R-1",
        at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        actor=ACTOR,
    )
    write_off.write_off(
        invoice_id=october.pk, reason="Lost", written_off_on=date(2026, 12, 5), at=NOW, actor=ACTOR
    )
    return {"october": october, "november": november}
