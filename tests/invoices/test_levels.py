"""Seats stand from month to month, and are billed for every day that they stood."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.invoices import close, finalize
from apps.invoices.models import Invoice
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, event, take

pytestmark = pytest.mark.django_db


def test_seats_are_billed_in_a_month_without_any_event() -> None:
    """10 seats from 21 October, 00:00: 11 days x 10 = 110 seat-days, at 0.50 are 55.00; in November 30 x 10 x 0.50 = 150.00."""
    make_meter(
        "seats", unit="seat-days", event_type="seats", aggregation="time_weighted", level="change", per="day"
    )
    contract = make_contract(plan_version=make_plan_version([usage_charge("seats", unit_amount="0.50")]))
    take(
        event("a", type="seats", time="2026-10-21T00:00:00Z", quantity=10),
        at=datetime(2026, 10, 21, 1, tzinfo=UTC),
    )

    totals = []
    for at in (datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)):
        close.close_contract(contract_id=contract.pk, at=at, actor=ACTOR)
        draft = Invoice.objects.get(number=None)
        totals.append(finalize.finalize(invoice_id=draft.pk, at=at, actor=ACTOR).total)

    assert totals == [Decimal(55), Decimal(150)]
    assert list(Invoice.objects.order_by("period_start_on").values_list("period_start_on", flat=True)) == [
        date(2026, 10, 1),
        date(2026, 11, 1),
    ]
