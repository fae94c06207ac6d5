"""The journal balances, whoever writes it, and nothing is posted to a locked month."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.ledger import post
from apps.ledger.errors import OutOfBalance
from apps.ledger.models import Account, AccountingPeriod, Entry, Posting
from apps.ledger.post import NewEntry, NewPosting, credit, debit
from tests.builders import make_customer
from tests.roles import login

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 2, tzinfo=UTC)
TODAY = AT.date()
ROLE = Account.Role
COPY_OF_ENTRY = """
    INSERT INTO ledger_entry
        (id, legal_entity_id, kind, source_key, description, posted_on, document_on, posted_at, posted_by, reason)
    SELECT %s, legal_entity_id, 'manual', 'X-2', description, posted_on, document_on, posted_at, posted_by, reason
    FROM ledger_entry WHERE id = %s
"""


def of(customer: Customer, *postings: NewPosting, key: str = "X-1", on: date = TODAY) -> NewEntry:
    return NewEntry(
        kind=Entry.Kind.MANUAL,
        source_key=key,
        description="An entry",
        document_on=on,
        customer=customer,
        legal_entity=customer.legal_entity,
        postings=postings,
        reason="For the test",
    )


@transaction.atomic
def posted(*entries: NewEntry) -> list[Entry]:
    return post.post(entries, at=AT, actor="tests")


def sale(customer: Customer, amount: str = "10", key: str = "X-1", on: date = TODAY) -> NewEntry:
    return of(
        customer,
        debit(ROLE.RECEIVABLES, "USD", Decimal(amount)),
        credit(ROLE.REVENUE, "USD", Decimal(amount), "Product"),
        key=key,
        on=on,
    )


@transaction.atomic
def insert(like: Entry, amounts: list[str]) -> None:
    """Write another entry with such postings by SQL."""
    wrong, posting = uuid7(), like.postings.first()
    assert posting
    with connection.cursor() as sql:
        sql.execute(COPY_OF_ENTRY, [wrong, like.pk])
        for amount in amounts:
            sql.execute(
                "INSERT INTO ledger_posting (id, entry_id, account_id, customer_id, currency, amount, product_name)"
                " VALUES (%s, %s, %s, %s, 'USD', %s, '')",
                [uuid7(), wrong, posting.account_id, posting.customer_id, amount],
            )


def test_an_entry_has_debits_and_credits() -> None:
    (entry,) = posted(sale(make_customer()))

    amounts = {one.account.role: one.amount for one in entry.postings.select_related("account")}
    assert amounts == {"receivables": Decimal(10), "revenue": Decimal(-10)}
    assert entry.posted_on == TODAY


def test_many_entries_take_as_many_queries_as_one(django_assert_num_queries: pytest.FixtureRequest) -> None:
    customer = make_customer()
    posted(sale(customer))

    with django_assert_num_queries(7):  # type: ignore[operator]  # with begin and commit
        posted(*(sale(customer, key=f"Y-{n}") for n in range(20)))


def test_an_unbalanced_entry_is_refused() -> None:
    with pytest.raises(OutOfBalance, match=r"out of balance by 1 USD"):
        posted(
            of(
                make_customer(),
                debit(ROLE.CASH, "USD", Decimal(10)),
                credit(ROLE.BALANCES, "USD", Decimal(9)),
            )
        )


def test_currencies_balance_each_for_itself() -> None:
    with pytest.raises(OutOfBalance):
        posted(
            of(
                make_customer(),
                debit(ROLE.CASH, "USD", Decimal(10)),
                credit(ROLE.BALANCES, "EUR", Decimal(10)),
            )
        )


def test_what_comes_to_nothing_is_not_posted() -> None:
    assert posted(of(make_customer(), debit(ROLE.CASH, "USD", Decimal(0)))) == []


def test_a_document_is_posted_once() -> None:
    customer = make_customer()
    posted(sale(customer))

    with pytest.raises(IntegrityError, match="a_document_is_posted_once"):
        posted(sale(customer))


@pytest.mark.parametrize(
    "amounts",
    [["10"], ["10", "-9"], ["10", "-10", "3"], []],
    ids=["one posting", "out of balance", "a third one", "no posting"],
)
def test_sql_that_does_not_balance_is_refused_at_commit(amounts: list[str]) -> None:
    (entry,) = posted(sale(make_customer()))

    with pytest.raises(IntegrityError, match="Journal entry"):
        insert(entry, amounts)

    assert Entry.objects.count() == 1


def test_a_posting_that_comes_later_is_refused() -> None:
    (entry,) = posted(sale(make_customer()))
    one = entry.postings.first()
    assert one

    with pytest.raises(IntegrityError, match="takes no more postings"):
        Posting.objects.create(
            entry=entry,
            account_id=one.account_id,
            customer_id=one.customer_id,
            currency="USD",
            amount=Decimal(1),
        )


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.usefixtures("owner")
def test_what_is_posted_never_changes(table: str, change: str) -> None:
    posted(sale(make_customer()))

    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as sql:
        sql.execute(change.format(table))


def test_a_document_of_a_closed_month_is_posted_on_the_first_open_day_after_it() -> None:
    customer = make_customer()
    entity = customer.legal_entity
    for month, status in ((9, "locked"), (10, "soft_closed")):
        AccountingPeriod.objects.create(legal_entity=entity, starts_on=date(2026, month, 1), status=status)

    (entry,) = posted(sale(customer, on=date(2026, 9, 17)))

    assert (entry.document_on, entry.posted_on) == (date(2026, 9, 17), date(2026, 11, 1))


def test_months_are_first_posted_to_in_one_order_so_nobody_waits_for_each_other() -> None:
    """Another transaction begins October's books and then November's; this one has a document of each, November's first."""
    customer = make_customer()
    month = "INSERT INTO ledger_accountingperiod (id, legal_entity_id, starts_on, status) VALUES (gen_random_uuid(), %s, %s, 'open')"

    def post_both() -> list[Entry]:
        try:
            return posted(sale(customer, key="X"), sale(customer, key="Y", on=date(2026, 10, 9)))
        finally:
            connection.close()

    with closing(login()) as other, ThreadPoolExecutor(1) as pool:
        other.execute(month.encode(), [customer.legal_entity_id, date(2026, 10, 1)])
        posting = pool.submit(post_both)
        with pytest.raises(TimeoutError):
            posting.result(timeout=0.3)
        other.execute(month.encode(), [customer.legal_entity_id, date(2026, 11, 1)])
        other.commit()

        assert [one.posted_on for one in posting.result(timeout=20)] == [TODAY, date(2026, 10, 9)]


def test_sql_cannot_post_to_a_locked_month() -> None:
    (entry,) = posted(sale(make_customer()))
    AccountingPeriod.objects.update(status=AccountingPeriod.Status.LOCKED)

    with pytest.raises(IntegrityError, match="The books are locked"):
        insert(entry, ["10", "-10"])
