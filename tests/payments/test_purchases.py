"""Credits that wait for their payment are granted once nothing of their invoice is open."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from celery import current_app
from django_celery_beat.models import PeriodicTask

from apps.credits.models import CreditGrant
from apps.invoices import finalize, purchase
from apps.invoices.models import Invoice
from apps.payments import purchases, record, tasks
from tests.builders import ACTOR, make_contract, make_credit_unit

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Run every task where it is sent from."""
    before = current_app.conf.task_always_eager, current_app.conf.task_eager_propagates
    current_app.conf.task_always_eager = current_app.conf.task_eager_propagates = True
    yield
    current_app.conf.task_always_eager, current_app.conf.task_eager_propagates = before


@pytest.fixture
def sold() -> Invoice:
    """1,000 credits for 80.00, granted when paid."""
    bought = purchase.NewPurchase(
        "1,000 credits", Decimal(1000), Decimal(80), make_credit_unit().pk, granted_when="paid"
    )
    drafted = purchase.draft_purchase(
        contract_id=make_contract().pk, bought=bought, reason="Order 7", at=AT, actor=ACTOR
    )
    return finalize.finalize(invoice_id=drafted.pk, at=AT, actor=ACTOR)


def pay(invoice: Invoice, amount: str) -> None:
    record.record_transfer(
        customer_id=invoice.customer_id,
        currency="USD",
        amount=Decimal(amount),
        received_on=date(2026, 11, 5),
        reference=f"R-{amount}",
        at=AT,
        actor=ACTOR,
    )


def test_credits_are_granted_once_all_of_the_invoice_is_paid(sold: Invoice) -> None:
    pay(sold, "30")
    tasks.grant_paid_purchases.delay()
    assert not CreditGrant.objects.exists()

    pay(sold, "50")
    tasks.grant_paid_purchases.delay()
    tasks.grant_paid_purchases.delay(from_a_newer_version=True)

    assert CreditGrant.objects.get().amount == 1000
    assert purchases.paid_purchases() == []


def test_what_is_not_paid_grants_nothing(sold: Invoice) -> None:
    assert purchases.paid_purchases() == []


def test_beat_looks_every_minute() -> None:
    task = PeriodicTask.objects.get(task="payments.grant_paid_purchases")

    assert task.interval is not None
    assert (task.interval.every, task.interval.period) == (60, "seconds")
