"""Collections: what was invoiced, what came in, what is open and since when."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.backoffice.figures.collections import collections
from apps.payments import record
from tests.builders import ACTOR, fee_charge, make_contract, make_plan_version
from tests.invoices.months import invoiced

pytestmark = pytest.mark.django_db
MONTHS = (date(2026, 11, 1), date(2026, 12, 1))
TODAY = date(2026, 12, 10)


def test_an_invoice_and_a_part_of_it_paid() -> None:
    """100 invoiced on 2 November, due on 2 December; 20 came in that month. 80 open after 39 days: 80 x 39 / 100 = 31.2 days."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    invoiced(contract)
    record.record_transfer(
        customer_id=contract.customer_id,
        currency="USD",
        amount=Decimal(20),
        received_on=date(2026, 12, 5),
        reference="R-1",
        at=datetime(2026, 12, 5, tzinfo=UTC),
        actor=ACTOR,
    )

    found = collections(months=MONTHS, today=TODAY)["USD"]

    assert found.issued == (Decimal(100), Decimal(0))
    assert found.collected == (Decimal(0), Decimal(20))
    assert (str(found.open), str(found.overdue), found.invoices) == ("80.00 USD", "80.00 USD", 0)
    assert [bucket.invoices for bucket in found.buckets] == [0, 1, 0, 0, 0]
    assert found.days_outstanding == Decimal("31.2")


@pytest.mark.parametrize(
    ("today", "place"), [(date(2026, 12, 2), 0), (date(2026, 12, 3), 1), (date(2027, 1, 2), 2)]
)
def test_an_invoice_is_overdue_from_the_day_after_its_due_day(*, today: date, place: int) -> None:
    """Due on 2 December: not overdue that day, one day on the 3rd, 31 days on 2 January."""
    invoiced(make_contract(plan_version=make_plan_version([fee_charge("100")])))

    buckets = collections(months=MONTHS, today=today)["USD"].buckets

    assert [str(bucket.amount) for bucket in buckets if bucket.invoices] == ["100.00 USD"]
    assert buckets[place].invoices == 1


def test_nothing_is_collected_where_nothing_was_sold(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(4):  # type: ignore[operator]
        assert collections(months=MONTHS, today=TODAY) == {}
