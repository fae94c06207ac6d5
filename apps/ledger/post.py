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
# The month asked for or, where it or a later one is locked, the one after that.
_FROM = """
    WITH asked AS (
        SELECT greatest(%(month)s::date, (max(l.starts_on) + interval '1 month')::date) AS month
        FROM ledger_accountingperiod l WHERE l.legal_entity_id = %(entity)s AND l.status = 'locked'
    )
"""
_MAKE_MONTH = f"""{_FROM}
    INSERT INTO ledger_accountingperiod (id, legal_entity_id, starts_on, status)
    SELECT %(id)s, %(entity)s, asked.month, 'open' FROM asked ON CONFLICT DO NOTHING
"""  # noqa: S608 put together from constants
# Shared among those that post, and not with whoever closes the month.
_HOLD_MONTH = f"""{_FROM}
    SELECT m.starts_on, m.status FROM asked JOIN ledger_accountingperiod m ON m.starts_on = asked.month
    WHERE m.legal_entity_id = %(entity)s FOR SHARE OF m
"""  # noqa: S608 put together from constants


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
    # The earliest month first, whatever the order of the entries: who posts to the same months takes them in the same order.
    places = sorted({(one.legal_entity.pk, one.document_on) for one, _ in wanted})
    days = {place: open_day(*place, into_soft_closed=into_soft_closed) for place in places}
    made: list[Entry] = []
    postings: list[Posting] = []
    for one, found in wanted:
        entity = one.legal_entity
        if entity.pk not in charts:
            charts[entity.pk] = chart_of(entity.pk)
        entry = Entry(
            id=uuid7(),
            legal_entity=entity,
            kind=one.kind,
            source_key=one.source_key,
            description=one.description,
            posted_on=days[entity.pk, one.document_on],
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
    takes = {_STATUS.OPEN, _STATUS.SOFT_CLOSED} if into_soft_closed else {_STATUS.OPEN}
    month = day.replace(day=1)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_MAKE_MONTH, {"id": uuid7(), "entity": legal_entity_id, "month": month})
            cursor.execute(_HOLD_MONTH, {"entity": legal_entity_id, "month": month})
            found: tuple[date, str] | None = cursor.fetchone()
        # None is found where a month was locked just now.
        if found is not None:
            starts_on, status = found
            if status in takes:
                return max(day, starts_on)
            month = month_after(starts_on)


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
