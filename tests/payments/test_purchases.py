"""Credits that are sold: those that wait for their payment, and those whose invoice is credited."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from celery import current_app
from django.db import transaction
from django_celery_beat.models import PeriodicTask

from apps.backoffice.books.check import check
from apps.credits.burn import burn
from apps.credits.liability import liability
from apps.credits.models import CreditGrant
from apps.invoices import finalize, purchase
from apps.invoices.credit_notes import Ask
from apps.invoices.errors import CreditsUsed
from apps.invoices.models import Invoice
from apps.payments import credit, purchases, record, tasks
from tests.builders import (
    ACTOR,
    make_contract,
    make_credit_note,
    make_credit_unit,
    make_customer,
    make_legal_entity,
)
from tests.payments.books import assert_books_agree, on_account

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


def test_what_was_credited_while_its_grant_was_on_its_way_grants_nothing(sold: Invoice) -> None:
    pay(sold, "80")
    assert purchases.paid_purchases() == [sold.pk]
    make_credit_note(sold)

    assert purchase.grant_paid(invoice_id=sold.pk, at=AT, actor=ACTOR) is None
    assert not CreditGrant.objects.exists()


def test_what_was_corrected_in_part_before_it_was_paid_grants_the_rest(sold: Invoice) -> None:
    """30.00 of 80.00 are given back, 50.00 paid: 1,000 x 30 / 80 = 375 of the credits go, 625 are left. Then all go."""
    make_credit_note(sold, amount="30")
    pay(sold, "50")
    tasks.grant_paid_purchases.delay()

    grant = CreditGrant.objects.get()
    assert [grant.amount, grant.left] == [1000, 625]
    assert on_account("credits") == -50
    assert_books_agree(sold.customer)

    make_credit_note(sold, amount="50")

    grant.refresh_from_db()
    assert grant.left == 0
    assert_books_agree(sold.customer)


def test_goodwill_before_the_payment_leaves_all_that_was_sold(sold: Invoice) -> None:
    make_credit_note(sold, amount="30", because="goodwill")
    pay(sold, "50")
    tasks.grant_paid_purchases.delay()

    assert CreditGrant.objects.get().left == 1000
    assert purchases.paid_purchases() == []


def test_what_was_corrected_whole_is_not_waited_for(sold: Invoice) -> None:
    make_credit_note(sold)

    assert purchases.paid_purchases() == []


def test_beat_looks_every_minute() -> None:
    task = PeriodicTask.objects.get(task="payments.grant_paid_purchases")

    assert task.interval is not None
    assert (task.interval.every, task.interval.period) == (60, "seconds")


def granted(price: str = "80", **of_customer: Any) -> Invoice:
    """1,000 credits, granted with their invoice."""
    contract = make_contract(make_customer(**of_customer))
    bought = purchase.NewPurchase("1,000 credits", Decimal(1000), Decimal(price), make_credit_unit().pk)
    drafted = purchase.draft_purchase(
        contract_id=contract.pk, bought=bought, reason="Order 7", at=AT, actor=ACTOR
    )
    return finalize.finalize(invoice_id=drafted.pk, at=AT, actor=ACTOR)


def use(invoice: Invoice, amount: str) -> None:
    with transaction.atomic():
        burn(
            source_key="INV-1",
            used={str(invoice.number): Decimal(amount)},
            on=date(2026, 11, 6),
            at=AT,
            actor=ACTOR,
        )


def test_a_correction_takes_back_the_credits_that_were_sold() -> None:
    """20.00 of 80.00 is a quarter of 1,000; the rest goes with the rest."""
    invoice = granted(tax_rate=Decimal(19))

    make_credit_note(invoice, amount="23.80")
    assert CreditGrant.objects.get().left == 750
    make_credit_note(invoice)

    assert CreditGrant.objects.get().left == 0
    assert on_account("credits") == on_account("unbilled") == on_account("revenue") == 0
    assert_books_agree(invoice.customer)


def test_credits_taken_back_are_reported_as_paid_back_and_not_as_used() -> None:
    invoice = granted()
    use(invoice, "300")

    make_credit_note(invoice, amount="20")

    (owed,) = liability(legal_entity_id=invoice.legal_entity_id, currency="USD", is_open=True)
    assert [owed.used, owed.paid_back, owed.grant.left] == [300, 250, 450]
    assert [owed.cost_used, owed.cost_paid_back, owed.cost_left] == [24, 20, 36]


def test_a_share_that_is_no_decimal_is_taken_back_to_the_last_digit_that_is_kept() -> None:
    """10.00 of 30.00 is a third of 1,000 credits; two thirds more leave none."""
    invoice = granted("30")

    make_credit_note(invoice, amount="10")
    assert CreditGrant.objects.get().left == Decimal("666.666666666666666667")
    make_credit_note(invoice, amount="10")
    make_credit_note(invoice, amount="10")

    assert CreditGrant.objects.get().left == 0
    assert on_account("credits") == on_account("unbilled") == 0


def test_what_rounding_leaves_of_credits_taken_back_is_breakage() -> None:
    """Of 80.00 half a cent is used, so a cent released; what is taken back cost 79.99, and 80.00 is given for it."""
    invoice = granted()
    use(invoice, "0.0625")

    make_credit_note(invoice)

    assert [on_account("credits"), on_account("unbilled"), on_account("breakage")] == [0, 0, Decimal("0.01")]
    assert list(check(invoice.legal_entity)) == []


def test_no_correction_takes_back_what_was_used() -> None:
    """300 of 1,000 are used: 700 can be taken back, for 56.00."""
    invoice = granted()
    use(invoice, "300")

    with pytest.raises(CreditsUsed, match=r"700 of the 1000 .* \$56\.00"):
        make_credit_note(invoice)
    assert not Invoice.objects.filter(kind="credit_note").exists()
    make_credit_note(invoice, amount="56")

    assert CreditGrant.objects.get().left == 0
    assert (on_account("credits"), on_account("unbilled")) == (0, 0)
    assert on_account("revenue") == -24


def test_a_preview_says_what_is_taken_back_and_refuses_what_is_used() -> None:
    """56.00 of 80.00 stand for 700 of 1,000 credits."""
    invoice = granted()
    use(invoice, "300")

    shown = credit.preview(
        invoice_id=invoice.pk, ask=Ask(amount=Decimal(56)), because=Invoice.Because.CORRECTION
    )

    assert shown.taken_back
    assert shown.taken_back.amount == 700
    with pytest.raises(CreditsUsed):
        credit.preview(invoice_id=invoice.pk, ask=Ask(), because=Invoice.Because.CORRECTION)
    assert (
        credit.preview(invoice_id=invoice.pk, ask=Ask(), because=Invoice.Because.GOODWILL).taken_back is None
    )


def test_goodwill_leaves_the_credits_that_were_sold() -> None:
    invoice = granted()
    use(invoice, "300")

    make_credit_note(invoice, because="goodwill")

    assert CreditGrant.objects.get().left == 700
    assert (on_account("credits"), on_account("unbilled"), on_account("discounts")) == (-56, 0, 80)


def test_credits_sold_at_prices_with_tax_cost_what_they_come_to_without() -> None:
    """119.00 with 19% of tax in it: 100.00 is owed in credits, and nothing of it waits to be billed."""
    invoice = granted("119", legal_entity=make_legal_entity(prices_include_tax=True), tax_rate=Decimal(19))

    assert [invoice.total, invoice.tax_amount] == [119, 19]
    assert [on_account("unbilled"), on_account("credits")] == [0, -100]
