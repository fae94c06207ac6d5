"""Documents from before the journal are posted as they would have been."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from apps.backoffice.books.check import check
from apps.core.models import AuditEntry
from apps.credits.models import CreditGrant
from apps.customers.models import LegalEntity
from apps.invoices import finalize, purchase
from apps.invoices.models import Invoice
from apps.ledger.models import AccountingPeriod, Posting
from apps.payments import record, refund, write_off
from apps.payments.models import WriteOff
from apps.plans.models import CreditUnit
from tests.backoffice.books.reading import NOW
from tests.builders import ACTOR, AT, make_credit_note
from tests.roles import as_owner

pytestmark = pytest.mark.django_db(transaction=True)
Rows = list[tuple[object, ...]]


def journal() -> Rows:
    """Return all that is posted, but for who did it and when."""
    found = Posting.objects.values_list(
        "entry__kind",
        "entry__source_key",
        "entry__description",
        "entry__document_on",
        "entry__posted_on",
        "account__role",
        "customer__key",
        "product_name",
        "amount",
    )
    return sorted(found, key=str)


def forget() -> None:
    """Be a database from before the books, its months aside."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE ledger_posting, ledger_entry")


def sold_credits(to: Invoice) -> Invoice:
    bought = purchase.NewPurchase("1,000 credits", Decimal(1000), Decimal(80), CreditUnit.objects.get().pk)
    drafted = purchase.draft_purchase(
        contract_id=to.contract_id, bought=bought, reason="Order 7", at=NOW, actor=ACTOR
    )
    return finalize.finalize(invoice_id=drafted.pk, at=NOW, actor=ACTOR)


@pytest.fixture
def all_kinds(books: dict[str, Invoice]) -> None:
    """The autumn, a payment that pays November and more, two refunds, one of them paid back, a write-off taken back, and credits sold.

    A credit note takes some of these back.
    """
    acme = books["october"].customer_id
    paid = record.record_transfer(
        customer_id=acme,
        currency="USD",
        amount=Decimal(138),
        received_on=date(2026, 12, 4),
        reference="R-2",
        at=NOW,
        actor=ACTOR,
    )
    owed = refund.owe(source_id=paid.pk, amount=Decimal(7), at=NOW, actor=ACTOR)
    refund.note_paid(refund_id=owed.pk, paid_on=NOW.date(), reference="B-1", at=NOW, actor=ACTOR)
    make_credit_note(books["november"], amount="23", remainder="refund")
    write_off.recover(
        write_off_id=WriteOff.objects.get().pk, reason="Paid", recovered_on=NOW.date(), at=NOW, actor=ACTOR
    )
    make_credit_note(sold_credits(books["october"]), amount="20", at=NOW)
    # What is written down at the time is written by the database's clock, not by the test's.
    CreditGrant.objects.filter(key="prepaid").update(created_at=AT)
    CreditGrant.objects.exclude(key="prepaid").update(created_at=NOW)


@pytest.mark.usefixtures("all_kinds")
def test_what_was_never_posted_is_posted_as_it_would_have_been(capsys: pytest.CaptureFixture[str]) -> None:
    before = journal()
    forget()

    call_command("check_books", post=True)

    assert journal() == before
    assert "seller: Invoice: 3 posted" in capsys.readouterr().out
    assert AuditEntry.objects.filter(action="ledger.post_missing").exists()


@pytest.mark.usefixtures("all_kinds")
def test_a_second_time_there_is_nothing_to_post(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a grant that a credit note gave back: the reversal of its draw posted it."""
    make_credit_note(Invoice.objects.get(customer__key="beta"))
    assert CreditGrant.objects.filter(key__startswith="CN-", cost__gt=0).exists()
    before = journal()

    call_command("check_books", post=True)

    assert journal() == before
    assert "posted" not in capsys.readouterr().out


@pytest.mark.usefixtures("all_kinds")
def test_what_a_credit_note_gave_back_is_not_posted_again_whichever_way_its_key_was_made() -> None:
    """Its key was once that of the grant drawn on with the credit note's number behind."""
    note = make_credit_note(Invoice.objects.get(customer__key="beta"))
    given_back = CreditGrant.objects.filter(key__startswith=f"{note.number}:", cost__gt=0)
    assert given_back.update(key=f"prepaid:{note.number}") == 1
    before = journal()

    call_command("check_books", post=True)

    assert journal() == before


def test_what_is_of_a_locked_month_is_posted_on_the_first_open_day(books: dict[str, Invoice]) -> None:
    forget()
    entity = LegalEntity.objects.get()
    AccountingPeriod.objects.filter(starts_on__lt=date(2026, 12, 1)).update(status="locked")

    call_command("check_books", post=True)

    october = Posting.objects.filter(entry__source_key=books["october"].number)
    days = set(october.values_list("entry__document_on", "entry__posted_on"))
    assert days == {(books["october"].issued_on, date(2026, 12, 1))}
    assert list(check(entity)) == []
