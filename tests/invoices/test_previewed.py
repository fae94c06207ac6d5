"""The invoice of a running period, looked at beforehand: what it will be if nothing more is used, to the cent."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from apps.contracts.models import Contract
from apps.invoices import finalize, threshold
from apps.invoices.errors import NothingUpcoming
from apps.invoices.models import Invoice
from apps.invoices.preview import Previewed, preview
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, drafted, invoiced, use

pytestmark = pytest.mark.django_db

TOKYO = ZoneInfo("Asia/Tokyo")
BEGINS, ENDS = datetime(2026, 10, 1, tzinfo=TOKYO), datetime(2026, 11, 1, tzinfo=TOKYO)
TICK = timedelta(microseconds=1)


def in_tokyo(*, prices_include_tax: bool) -> Contract:
    """Calls at 0.10, billed from 5.00 on, a fee, and one in advance; October alone, by Tokyo's days, with a tax of 8.875%."""
    make_legal_entity(prices_include_tax=prices_include_tax)
    make_meter()
    charges = [usage_charge(unit_amount="0.10"), fee_charge("49.99")]
    charges.append(replace(fee_charge("20", key="ahead"), in_advance=True))
    return make_contract(
        make_customer(tax_rate=Decimal("8.875")),
        make_plan_version(charges),
        timezone="Asia/Tokyo",
        bill_above=Decimal(5),
        ends_on=date(2026, 11, 1),
    )


def said(seen: Previewed | Invoice) -> object:
    invoice = seen.invoice if isinstance(seen, Previewed) else seen
    lines = seen.lines if isinstance(seen, Previewed) else seen.lines.all()
    amounts = (
        invoice.period_start_on,
        invoice.period_end_on,
        invoice.subtotal,
        invoice.tax_amount,
        invoice.total,
    )
    return (amounts, [(line.kind, line.amount, line.tax_amount, line.steps) for line in lines])


@pytest.mark.parametrize("prices_include_tax", [False, True])
def test_a_preview_at_any_instant_is_the_invoice_of_the_same_usage(*, prices_include_tax: bool) -> None:
    contract = in_tokyo(prices_include_tax=prices_include_tax)
    invoiced(contract, at=BEGINS)
    use(contract, "calls", "77", day=date(2026, 10, 5))
    made = threshold.bill_if_due(contract_id=contract.pk, at=datetime(2026, 10, 10, tzinfo=UTC), actor=ACTOR)
    assert made
    finalize.finalize(invoice_id=made.pk, at=datetime(2026, 10, 10, tzinfo=UTC), actor=ACTOR)
    use(contract, "calls", "33", day=date(2026, 10, 30))

    seen = [preview(contract, at=at) for at in (BEGINS - TICK, BEGINS, ENDS - TICK, ENDS)]
    whole = drafted(contract, at=ENDS)

    assert [said(one) for one in seen] == [said(whole)] * 4


def test_a_contract_that_ended_and_is_invoiced_has_nothing_upcoming() -> None:
    """Else its customer would be shown once more, as a pro forma invoice, what was asked for already."""
    contract = in_tokyo(prices_include_tax=False)
    use(contract, "calls", "33", day=date(2026, 10, 30))
    invoiced(contract, at=ENDS)
    contract.refresh_from_db()

    with pytest.raises(NothingUpcoming, match="up to 2026-10-31"):
        preview(contract, at=ENDS + timedelta(days=9))
