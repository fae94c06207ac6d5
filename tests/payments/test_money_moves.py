"""Balances, write-offs and refunds: each posts to the journal, and the journal says what the documents say."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from apps.core.errors import Refusal
from apps.core.models import OutboxMessage
from apps.invoices.errors import CreditedTooMuch, NothingLeftToCredit, ReasonMissing
from apps.invoices.models import Invoice, NumberSeries
from apps.ledger.models import Entry
from apps.payments import apply, balances, refund, tasks, write_off
from apps.payments.errors import (
    NotAWriteOff,
    NothingToApply,
    NothingToWriteOff,
    NotToRefund,
    RecoveredAlready,
    RefundRecorded,
    RefundReferenceUsed,
    WrittenOff,
    WrittenOffTooEarly,
)
from apps.payments.models import Allocation, Refund, WriteOff
from apps.payments.queries import open_amounts, paying, receivables
from tests.builders import (
    ACTOR,
    fee_charge,
    make_contract,
    make_credit_note,
    make_customer,
    make_payment,
    make_plan_version,
)
from tests.invoices.months import invoiced
from tests.payments.books import assert_books_agree, on_account

AT = datetime(2026, 11, 20, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)


def billed(key: str = "acme", amount: str = "100") -> Invoice:
    return invoiced(make_contract(make_customer(key), make_plan_version([fee_charge(amount)])))


def give_up(invoice: Invoice, amount: str | None = None, *, on: date = date(2026, 11, 20)) -> WriteOff:
    return write_off.write_off(
        invoice_id=invoice.pk,
        reason="Insolvent",
        written_off_on=on,
        amount=None if amount is None else Decimal(amount),
        at=AT,
        actor=ACTOR,
    )


def is_open(invoice: Invoice) -> Any:
    return open_amounts([invoice.pk])[invoice.pk]


def told(invoice: Invoice) -> Any:
    return [(part.by, part.name, part.amount.amount) for part in paying(invoice.pk)]


@pytest.mark.django_db
def test_a_payment_is_the_customers_balance_until_it_pays_an_invoice() -> None:
    """130.00 come and pay 100.00: cash 130.00, receivables nothing, and 30.00 of balance."""
    invoice = billed()

    make_payment(invoice.customer, "130")

    assert (on_account("cash"), on_account("receivables"), on_account("balances")) == (130, 0, -30)
    assert [entry.document_on for entry in Entry.objects.exclude(kind="invoice")] == [date(2026, 11, 5)] * 2
    assert_books_agree(invoice.customer)


@pytest.mark.django_db
def test_the_balance_pays_an_invoice_the_oldest_money_first() -> None:
    """A credit note of 60.00 of a paid invoice and an overpayment of 30.00 pay 90.00 of the next invoice of 100.00."""
    first = billed()
    make_payment(first.customer, "130")
    note = make_credit_note(first, amount="60")
    second = invoiced(first.contract, at=IN_DECEMBER)

    paid = apply.apply_balance(invoice_id=second.pk, at=IN_DECEMBER, actor=ACTOR)

    assert paid.amount == 90
    assert is_open(second) == 10
    assert told(second) == [
        ("payment", "R-1", 30),
        ("credit note", note.number, 60),
    ]
    assert balances.balances(first.customer_id) == {}
    assert_books_agree(first.customer)
    with pytest.raises(NothingToApply):
        apply.apply_balance(invoice_id=second.pk, at=IN_DECEMBER, actor=ACTOR)


@pytest.mark.django_db
def test_a_credit_note_for_the_next_invoice_pays_that_by_itself_and_not_an_older_one() -> None:
    """Of 40.00, nothing pays what was open before; the next invoice is paid when the outbox rings, once however often it does."""
    first = billed()
    make_payment(first.customer, "100")
    older = invoiced(first.contract, at=IN_DECEMBER)
    note = make_credit_note(first, amount="40", remainder="next_invoice", at=IN_DECEMBER + timedelta(days=1))
    kept = make_credit_note(first, amount="5", remainder="balance", at=IN_DECEMBER + timedelta(days=1))
    assert apply.waiting() == []

    second = invoiced(first.contract, at=IN_JANUARY)
    asked = OutboxMessage.objects.get(task="payments.apply_marked")
    assert apply.waiting() == [second.pk]
    tasks.apply_marked(**asked.arguments)
    tasks.apply_marked(**asked.arguments)

    assert (is_open(older), is_open(second)) == (100, 60)
    assert balances.left_of(note) == 0
    assert balances.left_of(kept) == 5
    assert apply.waiting() == []
    assert_books_agree(first.customer)


@pytest.mark.django_db
def test_an_invoice_without_a_credit_note_that_waits_for_it_rings_for_none() -> None:
    billed()

    assert not OutboxMessage.objects.filter(task="payments.apply_marked").exists()


@pytest.mark.django_db
def test_what_is_written_off_is_no_longer_owed_and_is_a_loss() -> None:
    """Of 100.00, 30.00 is paid, 20.00 written off, then the rest of 50.00."""
    invoice = billed()
    make_payment(invoice.customer, "30")

    give_up(invoice, "20")
    assert (is_open(invoice), on_account("write_offs")) == (50, 20)
    give_up(invoice)

    assert (is_open(invoice), on_account("write_offs")) == (0, 70)
    assert receivables(today=date(2027, 1, 1)) == []
    assert_books_agree(invoice.customer)


@pytest.mark.django_db
def test_a_write_off_is_taken_back_when_the_money_comes_after_all() -> None:
    invoice = billed()
    given_up = give_up(invoice)

    recovery = write_off.recover(
        write_off_id=given_up.pk, reason="It was paid", recovered_on=date(2026, 12, 1), at=AT, actor=ACTOR
    )
    make_payment(invoice.customer, "100")

    assert (is_open(invoice), on_account("write_offs"), on_account("cash")) == (0, 0, 100)
    assert Entry.objects.get(source_key=str(recovery.pk)).reverses == Entry.objects.get(
        source_key=str(given_up.pk)
    )
    assert told(invoice) == [
        ("payment", "R-1", 100),
        ("write-off", "Insolvent", 100),
        ("recovery", "It was paid", -100),
    ]
    assert_books_agree(invoice.customer)
    with pytest.raises(RecoveredAlready):
        write_off.recover(
            write_off_id=given_up.pk, reason="Again", recovered_on=date(2026, 12, 1), at=AT, actor=ACTOR
        )
    with pytest.raises(NotAWriteOff):
        write_off.recover(
            write_off_id=recovery.pk, reason="Again", recovered_on=date(2026, 12, 1), at=AT, actor=ACTOR
        )


@pytest.mark.django_db
def test_no_more_is_written_off_than_is_open() -> None:
    invoice = billed()
    make_payment(invoice.customer, "30")

    with pytest.raises(NothingToWriteOff, match=r"\$70\.01 .* \$70\.00 is open"):
        give_up(invoice, "70.01")
    with pytest.raises(WrittenOffTooEarly, match="2026-11-02"):
        give_up(invoice, on=date(2026, 11, 1))
    with pytest.raises(ReasonMissing):
        write_off.write_off(
            invoice_id=invoice.pk, reason="", written_off_on=date(2026, 11, 20), at=AT, actor=ACTOR
        )

    assert not WriteOff.objects.exists()


@pytest.mark.django_db
def test_a_refund_is_owed_and_then_paid_back() -> None:
    """Paid 100.00 and credited 40.00 to refund: balances give 40.00 to refunds, and refunds to the bank."""
    invoice = billed()
    make_payment(invoice.customer, "100")

    make_credit_note(invoice, amount="40", remainder="refund")
    owed = Refund.objects.get()
    assert owed.amount == 40
    assert (on_account("refunds"), on_account("balances")) == (-40, 0)
    assert_books_agree(invoice.customer)

    refund.note_paid(refund_id=owed.pk, paid_on=date(2026, 11, 25), reference="T-9", at=AT, actor=ACTOR)

    assert (on_account("refunds"), on_account("cash")) == (0, 60)
    assert_books_agree(invoice.customer)
    with pytest.raises(RefundRecorded, match="T-9"):
        refund.note_paid(refund_id=owed.pk, paid_on=date(2026, 11, 25), reference="T-10", at=AT, actor=ACTOR)


@pytest.mark.django_db
def test_an_overpayment_is_refunded_and_never_more_than_is_left_of_it() -> None:
    invoice = billed()
    payment = make_payment(invoice.customer, "130")

    with pytest.raises(NotToRefund, match=r"\$30\.01 .* \$30\.00 is left"):
        refund.owe(source_id=payment.pk, amount=Decimal("30.01"), at=AT, actor=ACTOR)
    first = refund.owe(source_id=payment.pk, amount=Decimal(10), at=AT, actor=ACTOR)
    second = refund.owe(source_id=payment.pk, at=AT, actor=ACTOR)

    assert [first.amount, second.amount] == [Decimal(10), Decimal(20)]
    assert balances.balances(invoice.customer_id) == {}
    assert_books_agree(invoice.customer)
    with pytest.raises(NotToRefund, match=r"\$0\.00 is left"):
        refund.owe(source_id=payment.pk, at=AT, actor=ACTOR)
    refund.note_paid(refund_id=first.pk, paid_on=AT.date(), reference="T-1", at=AT, actor=ACTOR)
    with pytest.raises(RefundReferenceUsed, match="T-1"):
        refund.note_paid(refund_id=second.pk, paid_on=AT.date(), reference="T-1", at=AT, actor=ACTOR)


@pytest.mark.django_db
def test_credit_notes_are_never_owed() -> None:
    invoice = billed()
    make_credit_note(invoice, amount="40")

    assert [row.number for row in receivables(today=date(2027, 1, 1))] == [invoice.number]


@pytest.mark.django_db
def test_a_balance_is_read_in_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    invoice = billed()
    make_payment(invoice.customer, "130")
    make_credit_note(invoice, amount="40")

    with django_assert_num_queries(1):
        balances.balances(invoice.customer_id)
    with django_assert_num_queries(2):
        balances.sources(invoice.customer_id)
    with django_assert_num_queries(1):
        paying(invoice.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            (
                "INSERT INTO payments_allocation (id, amount, allocated_at, invoice_id, credit_note_id) "
                "SELECT gen_random_uuid(), 40.01, now(), i.id, n.id FROM invoices_invoice i, invoices_invoice n "
                "WHERE i.number = 'INV-2026-000002' AND n.kind = 'credit_note'"
            ),
            "a_payment_pays_no_more_than_was_received",
        ),
        (
            (
                "INSERT INTO payments_allocation (id, amount, allocated_at, invoice_id, credit_note_id) "
                "SELECT gen_random_uuid(), 1, now(), n.id, n.id FROM invoices_invoice n WHERE n.kind = 'credit_note'"
            ),
            "a_payment_pays_its_customers_finalized_invoices",
        ),
        (
            (
                "INSERT INTO payments_allocation (id, amount, allocated_at, invoice_id, payment_id, credit_note_id) "
                "SELECT gen_random_uuid(), 1, now(), i.id, p.id, n.id FROM payments_payment p, invoices_invoice i, "
                "invoices_invoice n WHERE i.number = 'INV-2026-000002' AND n.kind = 'credit_note'"
            ),
            "an_allocation_has_one_source",
        ),
        (
            (
                "INSERT INTO payments_refund (id, customer_id, currency, amount, credit_note_id, owed_on, recorded_at, "
                "recorded_by, reference, paid_by) SELECT gen_random_uuid(), customer_id, currency, 40.01, id, now(), now(), "
                "'', '', '' FROM invoices_invoice WHERE kind = 'credit_note'"
            ),
            "a_refund_is_of_what_is_left",
        ),
        (
            (
                "INSERT INTO payments_refund (id, customer_id, currency, amount, payment_id, owed_on, recorded_at, "
                "recorded_by, reference, paid_by) SELECT gen_random_uuid(), customer_id, 'EUR', 1, id, now(), now(), "
                "'', '', '' FROM payments_payment"
            ),
            "a_refund_is_of_its_customers_money",
        ),
        ("UPDATE payments_refund SET amount = 1", "refund_is_noted_once"),
        ("DELETE FROM payments_refund", "append-only"),
        (
            (
                "INSERT INTO payments_writeoff (id, amount, reason, written_off_on, recorded_at, recorded_by, invoice_id) "
                "SELECT gen_random_uuid(), 1, 'Lost', now(), now(), '', id FROM invoices_invoice "
                "WHERE number = 'INV-2026-000002'; SET CONSTRAINTS ALL IMMEDIATE"
            ),
            "a_write_off_is_allocated",
        ),
        ("UPDATE payments_writeoff SET amount = 1", "append-only"),
        (
            (
                "INSERT INTO payments_allocation (id, amount, allocated_at, invoice_id, write_off_id) "
                "SELECT gen_random_uuid(), 2, now(), invoice_id, id FROM payments_writeoff"
            ),
            "a_payment_pays_its_customers_finalized_invoices",
        ),
    ],
)
@pytest.mark.usefixtures("owner")
def test_the_database_keeps_every_source_within_its_limits(statement: str, rule: str) -> None:
    """Of an invoice of 100.00, paid by 130.00, 45.00 is credited, 5.00 of it refunded; the next is open but for 10.00 written off."""
    invoice = billed()
    make_payment(invoice.customer, "130")
    note = make_credit_note(invoice, amount="45")
    refund.owe(source_id=note.pk, amount=Decimal(5), at=AT, actor=ACTOR)
    give_up(invoiced(invoice.contract, at=IN_DECEMBER), "10", on=date(2026, 12, 3))

    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.Error)
    assert rule in (cause.diag.constraint_name, cause.diag.message_primary) or rule in str(cause)


@pytest.mark.django_db(transaction=True)
def test_eight_credit_notes_at_once_give_back_no_more_than_the_invoice() -> None:
    """Eight of 30.00 on an invoice of 100.00: three are written, and numbered without a gap; five are refused."""
    invoice = billed()

    ends = at_once(8, lambda n: _ended(lambda: make_credit_note(invoice, amount="30", key=f"k-{n}")))

    assert sorted(ends) == [CreditedTooMuch.code] * 5 + ["written"] * 3
    assert is_open(invoice) == 10
    assert NumberSeries.objects.get(prefix="CN").next_number == 4
    assert_books_agree(invoice.customer)


@pytest.mark.django_db(transaction=True)
def test_eight_requests_with_one_key_write_one_full_credit_note() -> None:
    invoice = billed()

    ends = at_once(8, lambda _: _ended(lambda: make_credit_note(invoice, key="once")))

    assert ends == ["written"] * 8
    assert Invoice.objects.filter(kind="credit_note").count() == 1
    with pytest.raises(NothingLeftToCredit):
        make_credit_note(invoice, key="twice")


@pytest.mark.django_db(transaction=True)
def test_a_balance_is_used_once_by_whoever_asks_at_once() -> None:
    """60.00 of balance: of eight that refund it and eight that apply it, all get 60.00 together."""
    first = billed()
    make_payment(first.customer, "100")
    note = make_credit_note(first, amount="60")
    second = invoiced(first.contract, at=IN_DECEMBER)

    at_once(
        8,
        lambda n: _ended(
            lambda: (
                refund.owe(source_id=note.pk, amount=Decimal(20), at=AT, actor=ACTOR)
                if n % 2
                else apply.apply_balance(invoice_id=second.pk, at=IN_DECEMBER, actor=ACTOR)
            )
        ),
    )

    refunded = sum(Refund.objects.values_list("amount", flat=True))
    applied = sum(Allocation.objects.filter(credit_note=note).values_list("amount", flat=True))
    assert refunded + applied == 60
    assert_books_agree(first.customer)


def _ended(call: Callable[[], object]) -> str:
    try:
        call()
    except Refusal as refusal:
        return refusal.code
    return "written"


def at_once(callers: int, call: Callable[[int], str]) -> list[str]:
    barrier = Barrier(callers)

    def run(place: int) -> str:
        try:
            barrier.wait()
            return call(place)
        finally:
            connection.close()

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(run, range(callers)))


@pytest.mark.django_db
@pytest.mark.parametrize("remainder", ["balance", "refund", "next_invoice"])
def test_what_was_written_off_is_not_given_back_by_a_credit_note(remainder: str) -> None:
    """Of 100.00, 40.00 came and 60.00 are written off: all that is left is the 40.00, until the loss is taken back."""
    invoice = billed()
    make_payment(invoice.customer, "40")
    written = give_up(invoice)

    with pytest.raises(WrittenOff, match=r"\$60\.00.*written off.*Take the write-off back"):
        make_credit_note(invoice, amount="40.01", remainder=remainder)
    make_credit_note(invoice, amount="30", remainder=remainder)
    assert make_credit_note(invoice, remainder=remainder).total == -10
    with pytest.raises(WrittenOff):
        make_credit_note(invoice, remainder=remainder)
    assert_books_agree(invoice.customer)

    write_off.recover(
        write_off_id=written.pk, reason="Agreed", recovered_on=date(2026, 11, 21), at=AT, actor=ACTOR
    )
    make_credit_note(invoice, remainder=remainder)
    given_back = sum(-note.total for note in Invoice.objects.filter(kind="credit_note"))
    assert (given_back, is_open(invoice)) == (100, 0)
    assert on_account("balances") + on_account("refunds") == -40
    assert_books_agree(invoice.customer)
