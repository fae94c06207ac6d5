"""Posting to the journal: balanced entries, on the day of their document or the first day that the books are open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection

from apps.core import db
from apps.core.ids import uuid7
from apps.customers.models import Customer, LegalEntity
from apps.ledger.accounts import chart_of
from apps.ledger.errors import OutOfBalance
from apps.ledger.models import Account, AccountingPeriod, Entry, Posting

_LONGEST_MONTH = timedelta(days=31)
_STATUS = AccountingPeriod.Status
_STATUS_OF = """
    SELECT m.status, (
        SELECT max(locked.starts_on) FROM ledger_accountingperiod AS locked
        WHERE locked.legal_entity_id = m.legal_entity_id AND locked.starts_on >= m.starts_on AND locked.status = 'locked'
    )
    FROM ledger_accountingperiod AS m WHERE m.legal_entity_id = %s AND m.starts_on = %s FOR SHARE OF m
"""


@dataclass(frozen=True, slots=True)
class NewPosting:
    """An amount to post to the account with a role: a debit above zero, a credit below."""

    role: Account.Role
    currency: str
    amount: Decimal
    product_name: str = ""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A document to post, all of whose postings are of one customer; what comes to nothing is left out."""

    kind: Entry.Kind
    source_key: str
    description: str
    document_on: date
    customer: Customer
    legal_entity: LegalEntity
    postings: Sequence[NewPosting]
    reverses: UUID | None = None
    reason: str = ""


def post(
    entries: Sequence[NewEntry], *, at: datetime, actor: str, into_soft_closed: bool = False
) -> list[Entry]:
    """Post the entries, in a number of queries that does not grow with them; one without amounts is not posted. A step.

    An entry is posted on its document's day; where the books of that month are closed, on the first day of the next month that
    is open. Staff alone post `into_soft_closed` months. Refuses one that is out of balance. That a document is posted once,
    balanced and to no locked month is held by the database too.
    """
    db.require_transaction()
    amounts = {place: summed(one) for place, one in enumerate(entries)}
    wanted = [(one, amounts[place]) for place, one in enumerate(entries) if amounts[place]]
    if not wanted:
        return []
    charts: dict[UUID, dict[str, UUID]] = {}
    days: dict[tuple[UUID, date], date] = {}
    made: list[Entry] = []
    postings: list[Posting] = []
    for one, found in wanted:
        entity = one.legal_entity
        if entity.pk not in charts:
            charts[entity.pk] = chart_of(entity.pk)
        place = (entity.pk, one.document_on)
        if place not in days:
            days[place] = open_day(entity.pk, one.document_on, into_soft_closed=into_soft_closed)
        entry = Entry(
            id=uuid7(),
            legal_entity=entity,
            kind=one.kind,
            source_key=one.source_key,
            description=one.description,
            posted_on=days[place],
            document_on=one.document_on,
            posted_at=at,
            posted_by=actor,
            reason=one.reason,
            reverses_id=one.reverses,
        )
        made.append(entry)
        postings += [
            Posting(
                entry=entry,
                account_id=charts[entity.pk][posting.role],
                customer=one.customer,
                currency=posting.currency,
                amount=posting.amount,
                product_name=posting.product_name,
            )
            for posting in found
        ]
    Entry.objects.bulk_create(made)
    Posting.objects.bulk_create(postings)
    return made


def open_day(legal_entity_id: UUID, day: date, *, into_soft_closed: bool = False) -> date:
    """Return the day itself, or the first day of the next month whose books are open. A step.

    The month cannot be closed before the transaction ends. What lies before a locked month is locked with it.
    """
    db.require_transaction()
    month = day.replace(day=1)
    AccountingPeriod.objects.bulk_create(
        [AccountingPeriod(legal_entity_id=legal_entity_id, starts_on=month)], ignore_conflicts=True
    )
    with connection.cursor() as cursor:
        # Shared among those that post, and not with whoever closes the month.
        cursor.execute(_STATUS_OF, [legal_entity_id, month])
        status, locked = cursor.fetchone()
    takes = {_STATUS.OPEN, _STATUS.SOFT_CLOSED} if into_soft_closed else {_STATUS.OPEN}
    if status in takes and locked is None:
        return day
    return open_day(legal_entity_id, month_after(locked or month), into_soft_closed=into_soft_closed)


def month_after(month: date) -> date:
    """Return the first day of the next month."""
    return (month.replace(day=1) + _LONGEST_MONTH).replace(day=1)


def summed(entry: NewEntry) -> list[NewPosting]:
    """Return what is posted of an entry: one posting an account, currency and product. Refuses what does not add up to nothing.

    What is billed in advance and what was earned of it stay two postings, for the roll-forward of deferred revenue.
    """
    sums: dict[tuple[Account.Role, str, str, bool], Decimal] = {}
    totals: dict[str, Decimal] = {}
    for one in entry.postings:
        is_earned = one.role == Account.Role.DEFERRED and one.amount > 0
        key = (one.role, one.currency, one.product_name, is_earned)
        sums[key] = sums.get(key, Decimal(0)) + one.amount
        totals[one.currency] = totals.get(one.currency, Decimal(0)) + one.amount
    for currency, total in totals.items():
        if total:
            raise OutOfBalance(f"{entry.kind} {entry.source_key}", f"{total:f} {currency}")
    return [
        NewPosting(role, currency, amount, product_name)
        for (role, currency, product_name, _), amount in sums.items()
        if amount
    ]


def credit(role: Account.Role, currency: str, amount: Decimal, product_name: str = "") -> NewPosting:
    """Return a posting to the credit side."""
    return NewPosting(role, currency, -amount, product_name)


def debit(role: Account.Role, currency: str, amount: Decimal) -> NewPosting:
    """Return a posting to the debit side."""
    return NewPosting(role, currency, amount)
