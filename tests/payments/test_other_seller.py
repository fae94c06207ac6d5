"""A customer is sold to by another legal entity once nothing is open in the books of the one before."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from apps.backoffice.books.check import check
from apps.customers import enroll
from apps.customers.errors import OpenBooks
from apps.customers.models import Customer, LegalEntity
from apps.invoices.models import Invoice
from apps.ledger.models import Posting
from apps.payments import write_off
from apps.payments.apply import apply_balance
from apps.payments.errors import NothingToApply
from apps.payments.models import Allocation, Payment
from apps.payments.queries import open_amounts
from tests.builders import (
    ACTOR,
    fee_charge,
    make_api_key,
    make_contract,
    make_customer,
    make_legal_entity,
    make_payment,
    make_plan_version,
)
from tests.invoices.months import invoiced

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def invoice() -> Invoice:
    """100.00 open of a customer of the legal entity `seller`."""
    return invoiced(make_contract(make_customer(), make_plan_version([fee_charge("100")])))


@pytest.fixture
def other() -> LegalEntity:
    return make_legal_entity("other", name="Other Ltd", invoice_prefix="OTH", credit_note_prefix="OTHCN")


def moved(customer: Customer, to: LegalEntity) -> Customer:
    return enroll.change(customer_id=customer.pk, fields={"legal_entity": to}, at=AT, actor=ACTOR)


def test_a_customer_who_owes_something_keeps_its_legal_entity(invoice: Invoice, other: LegalEntity) -> None:
    seller = invoice.legal_entity.name

    with pytest.raises(
        OpenBooks, match=f"100 USD of Receivables in the books of {seller}. Settle that first"
    ):
        moved(invoice.customer, other)

    assert Customer.objects.get().legal_entity == invoice.legal_entity


def test_and_so_does_one_whose_money_pays_nothing_yet(invoice: Invoice, other: LegalEntity) -> None:
    make_payment(invoice.customer, "130")

    with pytest.raises(OpenBooks, match="30 USD of Customer balances"):
        moved(invoice.customer, other)


def test_the_api_says_what_is_open(invoice: Invoice, other: LegalEntity, client: Client) -> None:
    answer = client.patch(
        f"/api/v1/customers/{invoice.customer.key}",
        {"legal_entity": other.key},
        content_type="application/json",
        headers={"Authorization": f"Bearer {make_api_key()}"},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "customer-has-open-books")


def test_once_all_is_settled_what_comes_is_in_the_other_books(invoice: Invoice, other: LegalEntity) -> None:
    make_payment(invoice.customer, "100")

    customer = moved(invoice.customer, other)
    make_payment(customer, "5", reference="R-2")

    later = Posting.objects.filter(entry__source_key=str(Payment.objects.get(reference="R-2").pk))
    assert {one.entry.legal_entity for one in later} == {other}
    assert [list(check(seller)) for seller in (invoice.legal_entity, other)] == [[], []]


def test_money_in_other_books_pays_no_invoice_of_the_ones_before(
    invoice: Invoice, other: LegalEntity
) -> None:
    written = write_off.write_off(
        invoice_id=invoice.pk, reason="Insolvent", written_off_on=date(2026, 11, 20), at=AT, actor=ACTOR
    )
    customer = moved(invoice.customer, other)
    write_off.recover(
        write_off_id=written.pk, reason="Paid", recovered_on=date(2026, 11, 21), at=AT, actor=ACTOR
    )

    payment = make_payment(customer, "60")
    with pytest.raises(NothingToApply):
        apply_balance(invoice_id=invoice.pk, at=AT, actor=ACTOR)
    with pytest.raises(IntegrityError, match="in the books of its own legal entity"), transaction.atomic():
        Allocation.objects.create(payment=payment, invoice=invoice, amount=Decimal(60), allocated_at=AT)

    assert open_amounts([invoice.pk]) == {invoice.pk: Decimal(100)}


def test_what_is_open_again_in_the_books_before_lets_the_customer_go_back(
    invoice: Invoice, other: LegalEntity
) -> None:
    written = write_off.write_off(
        invoice_id=invoice.pk, reason="Insolvent", written_off_on=date(2026, 11, 20), at=AT, actor=ACTOR
    )
    customer = moved(invoice.customer, other)
    write_off.recover(
        write_off_id=written.pk, reason="Paid", recovered_on=date(2026, 11, 21), at=AT, actor=ACTOR
    )

    make_payment(moved(customer, invoice.legal_entity), "100")

    assert open_amounts([invoice.pk]) == {invoice.pk: Decimal(0)}
