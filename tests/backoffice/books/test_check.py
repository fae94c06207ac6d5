"""Books and documents agree, and what differs is told."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from apps.backoffice.books.check import check
from apps.core.ids import uuid7
from apps.customers.models import LegalEntity
from apps.invoices.missing import unposted
from apps.invoices.models import Invoice
from apps.ledger.models import Account, Entry
from apps.payments import record, refund
from tests.backoffice.books.reading import NOW
from tests.builders import ACTOR, make_credit_note
from tests.roles import as_owner

pytestmark = pytest.mark.django_db(transaction=True)


def test_books_and_documents_agree_and_what_differs_is_told(
    books: dict[str, Invoice], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("check_books")
    assert "books and documents agree" in capsys.readouterr().out

    forge(books["october"])

    told = [str(one) for one in check(LegalEntity.objects.get())]
    with pytest.raises(SystemExit):
        call_command("check_books")
    assert "Invoice INV-2026-000001" in told[0]
    assert "receivables 142.8" in told[0]
    assert any("Receivables of customer" in one for one in told)


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("balances", "Customer balances of customer {}, USD: 12.0000 by the documents, 7.0000 in the books"),
        ("refunds", "Refunds owed of customer {}, USD: 30.0000 by the documents, 25.0000 in the books"),
    ],
)
def test_what_customers_are_owed_is_compared_with_the_documents(
    books: dict[str, Invoice], role: str, told: str
) -> None:
    """138.00 pay November's 119.00, and 7.00 of the rest is owed back; so is what a credit note of 23.00 leaves."""
    october = books["october"]
    paid = record.record_transfer(
        customer_id=october.customer_id,
        currency="USD",
        amount=Decimal(138),
        received_on=NOW.date(),
        reference="R-2",
        at=NOW,
        actor=ACTOR,
    )
    refund.owe(source_id=paid.pk, amount=Decimal(7), at=NOW, actor=ACTOR)
    make_credit_note(books["november"], amount="23", remainder="refund")
    assert list(check(LegalEntity.objects.get())) == []

    forge(october, role)

    assert told.format(october.customer_id) in [str(one) for one in check(LegalEntity.objects.get())]


def forge(invoice: Invoice, role: str = "receivables") -> None:
    """Add 5.00 to a posted entry, as only the owner of the database can."""
    accounts = dict(Account.objects.filter(legal_entity=invoice.legal_entity_id).values_list("role", "pk"))
    entry = Entry.objects.get(source_key=invoice.number, kind="invoice")
    with as_owner(), connection.cursor() as sql:
        sql.execute("ALTER TABLE ledger_posting DISABLE TRIGGER entries_are_posted_whole")
        with transaction.atomic():
            for one, amount in ((role, 5), ("revenue", -5)):
                sql.execute(
                    "INSERT INTO ledger_posting (id, entry_id, account_id, customer_id, currency, amount, product_name)"
                    " VALUES (%s, %s, %s, %s, 'USD', %s, '')",
                    [uuid7(), entry.pk, accounts[one], invoice.customer_id, amount],
                )
        sql.execute("ALTER TABLE ledger_posting ENABLE TRIGGER entries_are_posted_whole")


def test_they_agree_after_credit_notes_refunds_and_entries_by_hand(books: dict[str, Invoice]) -> None:
    make_credit_note(books["november"], amount="19")
    make_credit_note(books["november"], remainder="refund")

    assert list(check(LegalEntity.objects.get())) == []


def test_an_invoice_that_is_not_in_the_journal_is_found(books: dict[str, Invoice]) -> None:
    entity = LegalEntity.objects.get()
    with as_owner(), connection.cursor() as sql:
        sql.execute("ALTER TABLE ledger_entry DISABLE TRIGGER journal_is_append_only")
        sql.execute(
            "UPDATE ledger_entry SET source_key = 'X' WHERE source_key = %s", [books["october"].number]
        )
        sql.execute("ALTER TABLE ledger_entry ENABLE TRIGGER journal_is_append_only")

    assert list(unposted(entity.pk)) == [books["october"]]
    assert list(unposted(entity.pk, issued_before=date(2026, 11, 1))) == []
    told = [str(one) for one in check(entity)]
    assert "Invoice INV-2026-000001" in told[0]
    assert "nothing in the books" in told[0]
    assert told[1] == "Invoice X: no such invoice by the documents, an entry in the books"
