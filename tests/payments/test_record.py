"""Bank transfers: recorded once, allocated never beyond what is open."""

import threading
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from apps.contracts.models import Contract
from apps.core.errors import Refusal
from apps.core.money import Money
from apps.customers.models import Customer
from apps.invoices.models import Invoice
from apps.payments import queries, record
from apps.payments.balances import balances
from apps.payments.errors import AllocatedTooMuch, NotACurrency, NotAnAmount, NotPayable, PaymentRecorded
from apps.payments.models import Allocation, Payment
from tests.builders import fee_charge, make_contract, make_customer, make_plan_version
from tests.invoices.months import drafted, invoiced

AT = datetime(2026, 11, 5, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)


def subscriber(key: str = "acme", amount: str = "100") -> Contract:
    return make_contract(make_customer(key), make_plan_version([fee_charge(amount)]))


def transfer(
    customer: Customer,
    amount: str,
    *,
    reference: str = "R-1",
    currency: str = "USD",
    allocations: Mapping[UUID, Decimal] | None = None,
    among: Collection[UUID] = (),
) -> Payment:
    return record.record_transfer(
        customer_id=customer.pk,
        currency=currency,
        amount=Decimal(amount),
        received_on=date(2026, 11, 5),
        reference=reference,
        allocations=allocations,
        among=among,
        at=AT,
        actor="tests",
    )


def still_open(*invoices: Invoice) -> list[Decimal]:
    amounts = queries.open_amounts([invoice.pk for invoice in invoices])
    return [amounts[invoice.pk] for invoice in invoices]


@pytest.mark.django_db
def test_a_transfer_pays_what_is_due_first_and_the_rest_stays_unapplied() -> None:
    """Two invoices of 100.00: 250.00 pays both, and 50.00 is left; 150.00 pays one and a half."""
    contract = subscriber()
    october, november = invoiced(contract), invoiced(contract, at=IN_DECEMBER)

    transfer(contract.customer, "150", reference="R-1")
    assert still_open(october, november) == [Decimal(0), Decimal(50)]

    transfer(contract.customer, "100", reference="R-2")
    assert still_open(october, november) == [Decimal(0), Decimal(0)]
    assert balances(contract.customer_id) == {"USD": Money(Decimal(50), "USD")}


@pytest.mark.django_db
def test_a_transfer_pays_the_invoices_that_are_named() -> None:
    contract = subscriber()
    october, november = invoiced(contract), invoiced(contract, at=IN_DECEMBER)

    transfer(contract.customer, "60", allocations={november.pk: Decimal(60)})

    assert still_open(october, november) == [Decimal(100), Decimal(40)]


@pytest.mark.django_db
def test_a_transfer_pays_only_the_invoices_it_is_kept_to_due_first() -> None:
    """150.00 among November's and December's invoice of 100.00: 100.00 and 50.00, and nothing to October's."""
    contract = subscriber()
    october, november, december = (
        invoiced(contract),
        invoiced(contract, at=IN_DECEMBER),
        invoiced(contract, at=IN_JANUARY),
    )

    transfer(contract.customer, "150", among=[december.pk, november.pk])

    assert still_open(october, november, december) == [Decimal(100), Decimal(0), Decimal(50)]


@pytest.mark.django_db
def test_a_preview_says_what_a_transfer_would_pay_and_writes_nothing() -> None:
    contract = subscriber()
    october, november = invoiced(contract), invoiced(contract, at=IN_DECEMBER)

    paid = record.preview(
        customer_id=contract.customer_id, currency="USD", amount=Decimal(150), reference="R-1"
    )

    assert paid == {october.number: Money(Decimal(100), "USD"), november.number: Money(Decimal(50), "USD")}
    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_a_paid_invoice_cannot_be_paid_again_and_the_refusal_has_plain_figures() -> None:
    contract = subscriber()
    invoice = invoiced(contract)
    transfer(contract.customer, "60")

    with pytest.raises(AllocatedTooMuch, match=r"\$70\.00 .* where \$40\.00 is left"):
        transfer(contract.customer, "70", reference="R-2", allocations={invoice.pk: Decimal(70)})
    transfer(contract.customer, "40", reference="R-2")
    with pytest.raises(AllocatedTooMuch, match=r"where \$0\.00 is left"):
        transfer(contract.customer, "10", reference="R-3", among=[invoice.pk])

    assert Payment.objects.count() == 2


@pytest.mark.django_db
def test_a_currency_that_is_none_is_refused() -> None:
    contract = subscriber()

    with pytest.raises(NotACurrency, match="ISO 4217"):
        transfer(contract.customer, "10", currency="UDS")

    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_what_is_open_is_read_in_few_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    contract = subscriber()
    invoices = [invoiced(contract), invoiced(contract, at=IN_DECEMBER), invoiced(contract, at=IN_JANUARY)]
    transfer(contract.customer, "150")

    with django_assert_num_queries(1):
        queries.open_amounts([invoice.pk for invoice in invoices])
    with django_assert_num_queries(1):
        queries.receivables(today=date(2027, 2, 1))
    with django_assert_num_queries(1):
        balances(contract.customer_id)


@pytest.mark.django_db
def test_the_same_reference_is_recorded_once() -> None:
    contract = subscriber()
    invoice = invoiced(contract)
    transfer(contract.customer, "10")

    with pytest.raises(PaymentRecorded, match="recorded already"):
        transfer(contract.customer, "10")

    assert still_open(invoice) == [Decimal(90)]


@pytest.mark.django_db
def test_nothing_is_recorded_of_a_transfer_that_is_refused() -> None:
    contract = subscriber()
    mine, draft = invoiced(contract), drafted(contract, at=IN_DECEMBER)
    other = invoiced(subscriber("globex"))
    refused: list[tuple[str, dict[UUID, Decimal] | None, type[Refusal]]] = [
        ("100", {mine.pk: Decimal("100.01")}, AllocatedTooMuch),
        ("50", {mine.pk: Decimal(60)}, AllocatedTooMuch),
        ("50", {other.pk: Decimal(50)}, NotPayable),
        ("50", {draft.pk: Decimal(50)}, NotPayable),
        ("50", {mine.pk: Decimal("0.001")}, NotAnAmount),
        ("0", None, NotAnAmount),
        ("10.005", None, NotAnAmount),
    ]

    for amount, allocations, refusal in refused:
        with pytest.raises(refusal):
            transfer(contract.customer, amount, allocations=allocations)

    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_receivables_are_sorted_into_ages_per_currency() -> None:
    """Due on 2 December (30 days after 2 November): on 1 February it is 61 days late, the next one 31."""
    contract = subscriber()
    invoiced(contract)
    invoiced(contract, at=IN_DECEMBER)

    rows = queries.receivables(today=date(2027, 2, 1))

    assert [(row.days_overdue, str(row.open_amount)) for row in rows] == [
        (61, "100.0000 USD"),
        (31, "100.0000 USD"),
    ]
    buckets = {bucket.label: (str(bucket.amount), bucket.invoices) for bucket in queries.by_age(rows)["USD"]}
    assert buckets == {
        "Not due": ("0.00 USD", 0),
        "1-30 days": ("0.00 USD", 0),
        "31-60 days": ("100.0000 USD", 1),
        "61-90 days": ("100.0000 USD", 1),
        "Over 90 days": ("0.00 USD", 0),
    }


@pytest.mark.parametrize(
    ("left", "today", "state"),
    [
        ("0", date(2027, 1, 1), "paid"),
        ("100", date(2026, 12, 2), "open"),
        ("40", date(2026, 12, 2), "partly paid"),
        ("40", date(2026, 12, 3), "overdue"),
    ],
)
def test_an_invoice_is_overdue_from_the_day_after_its_due_day(left: str, today: date, state: str) -> None:
    assert (
        queries.state_of(
            total=Decimal(100), open_amount=Decimal(left), due_on=date(2026, 12, 2), today=today
        ).value
        == state
    )


@pytest.mark.django_db(transaction=True)
def test_transfers_at_once_never_pay_an_invoice_twice() -> None:
    """Eight transfers of 30.00 on an invoice of 100.00: 100.00 is applied, and 140.00 stays unapplied."""
    contract = subscriber()
    invoice = invoiced(contract)

    def send(number: int) -> None:
        try:
            transfer(contract.customer, "30", reference=f"R-{number}")
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Payment.objects.count() == 8
    assert still_open(invoice) == [Decimal(0)]
    assert balances(contract.customer_id) == {"USD": Money(Decimal(140), "USD")}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE payments_payment SET amount = 1", "append-only"),
        ("DELETE FROM payments_allocation", "append-only"),
        (
            (
                "INSERT INTO payments_payment SELECT gen_random_uuid(), currency, 0, received_on, 'other', recorded_at,"
                " recorded_by, customer_id FROM payments_payment"
            ),
            "payment_is_above_zero",
        ),
        (
            (
                "INSERT INTO payments_payment SELECT gen_random_uuid(), currency, 1, received_on, reference, recorded_at,"
                " recorded_by, customer_id FROM payments_payment"
            ),
            "a_payment_is_recorded_once",
        ),
        (
            (
                "INSERT INTO payments_allocation (id, amount, allocated_at, invoice_id, payment_id)"
                " SELECT gen_random_uuid(), 0, allocated_at, invoice_id, payment_id FROM payments_allocation"
            ),
            "allocation_is_above_zero",
        ),
    ],
)
@pytest.mark.usefixtures("owner")
def test_the_database_keeps_payments_as_they_were_recorded(statement: str, words: str) -> None:
    contract = subscriber()
    invoice = invoiced(contract)
    transfer(contract.customer, "20", allocations={invoice.pk: Decimal(10)})

    with pytest.raises(IntegrityError, match=words), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert Allocation.objects.get().amount == Decimal(10)


def allocate(payment: Payment, invoice: Invoice, amount: str) -> str:
    """Write an allocation past the action, and return the name of the rule that the database refuses it by."""
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_allocation (id, payment_id, invoice_id, amount, allocated_at)"
            " VALUES (gen_random_uuid(), %s, %s, %s, %s)",
            [payment.pk, invoice.pk, amount, AT],
        )
    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.Error)
    return str(cause.diag.constraint_name)


@pytest.mark.django_db
def test_the_database_itself_refuses_to_allocate_beyond_limits() -> None:
    """Of 100.00 the invoice has 10.00 left once 90.00 is paid; the second transfer is of 500.00, the third of 5.00."""
    contract, other = subscriber(), subscriber("globex")
    mine, theirs = invoiced(contract), invoiced(other)
    draft = drafted(contract, at=IN_DECEMBER)
    transfer(contract.customer, "90")
    large = transfer(contract.customer, "500", reference="R-2", allocations={})
    small = transfer(contract.customer, "5", reference="R-3", allocations={})

    assert allocate(large, mine, "10.01") == "an_invoice_is_not_paid_beyond_its_total"
    assert allocate(small, mine, "5.01") == "a_payment_pays_no_more_than_was_received"
    assert allocate(large, theirs, "1") == "a_payment_pays_its_customers_finalized_invoices"
    assert allocate(large, draft, "1") == "a_payment_pays_its_customers_finalized_invoices"
    assert still_open(mine, theirs) == [Decimal(10), Decimal(100)]
