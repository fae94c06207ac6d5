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
from apps.invoices.models import Invoice
from apps.ledger.models import AccountingPeriod, Posting
from apps.payments import record, refund, write_off
from apps.payments.models import WriteOff
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


@pytest.fixture
def all_kinds(books: dict[str, Invoice]) -> None:
    """The autumn, a payment that pays November and more, two refunds, one of them paid back, and a write-off taken back."""
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
    # What is written down at the time is written by the database's clock, not by the test's.
    CreditGrant.objects.update(created_at=AT)


@pytest.mark.usefixtures("all_kinds")
def test_what_was_never_posted_is_posted_as_it_would_have_been(capsys: pytest.CaptureFixture[str]) -> None:
    before = journal()
    forget()

    call_command("check_books", post=True)

    assert journal() == before
    assert "seller: Invoice: 2 posted" in capsys.readouterr().out
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


def test_what_is_of_a_locked_month_is_posted_on_the_first_open_day(books: dict[str, Invoice]) -> None:
    forget()
    entity = LegalEntity.objects.get()
    AccountingPeriod.objects.filter(starts_on__lt=date(2026, 12, 1)).update(status="locked")

    call_command("check_books", post=True)

    october = Posting.objects.filter(entry__source_key=books["october"].number)
    days = set(october.values_list("entry__document_on", "entry__posted_on"))
    assert days == {(books["october"].issued_on, date(2026, 12, 1))}
    assert list(check(entity)) == []
