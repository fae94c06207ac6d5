"""Entries that staff make by hand, and those that take one back."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit, db
from apps.core.ids import uuid7
from apps.core.money import is_currency, minor_digits, rounded_to_minor_unit
from apps.customers.models import Customer, LegalEntity
from apps.ledger.errors import MonthClosed, NotAnEntry, NothingToPost, NotReversible, ReasonMissing
from apps.ledger.models import Account, AccountingPeriod, Entry
from apps.ledger.post import NewEntry, NewPosting, open_day, post


@transaction.atomic(durable=True)
def enter(
    *,
    legal_entity_id: UUID,
    customer_id: UUID,
    on: date,
    postings: Sequence[NewPosting],
    description: str,
    reason: str,
    into_soft_closed: bool = False,
    at: datetime,
    actor: str,
) -> Entry:
    """Post an entry by hand on the day `on`, about one customer, with the reason.

    Refuses one without a reason or amounts, one out of balance, an account against itself, what is no amount of its currency,
    and a day of a locked month; a day of a soft-closed month too, unless it is chosen in so many words. Nothing is moved to
    another month.
    """
    if not reason.strip():
        raise ReasonMissing("it is entered by hand")
    _require_amounts(postings)
    entity = LegalEntity.objects.get(pk=legal_entity_id)
    entry = NewEntry(
        kind=Entry.Kind.MANUAL,
        source_key=str(uuid7()),
        description=description.strip() or "By hand",
        document_on=on,
        customer=Customer.objects.get(pk=customer_id),
        legal_entity=entity,
        postings=postings,
        reason=reason.strip(),
    )
    return _posted(entry, into_soft_closed=into_soft_closed, at=at, actor=actor, action="ledger.enter")


@transaction.atomic(durable=True)
def reverse(
    *, entry_id: UUID, on: date, reason: str, into_soft_closed: bool = False, at: datetime, actor: str
) -> Entry:
    """Take an entry that staff made by hand back by another one, on the day `on`, with the reason.

    Refuses an entry of a document, which its own document takes back (a credit note, a payment's reversal), one that is
    reversed already, and a day before it; else as `enter`.
    """
    entry = Entry.objects.select_related("legal_entity").get(pk=entry_id)
    # Whoever reverses it takes turns; the entry itself is nobody's to lock.
    LegalEntity.objects.select_for_update(no_key=True).get(pk=entry.legal_entity_id)
    if entry.kind != Entry.Kind.MANUAL:
        raise NotReversible(
            str(entry), "is of a document. Correct the document, such as by a credit note: that posts too."
        )
    if Entry.objects.filter(reverses=entry).exists():
        raise NotReversible(str(entry), "is reversed already.")
    if on < entry.posted_on:
        raise NotReversible(str(entry), f"is of {entry.posted_on}. Reverse it on that day or later.")
    if not reason.strip():
        raise ReasonMissing("it is reversed")
    return _posted(
        reversal_of(entry, on=on, reason=reason.strip()),
        into_soft_closed=into_soft_closed,
        at=at,
        actor=actor,
        action="ledger.reverse",
    )


def reversal_of(entry: Entry, *, on: date, reason: str) -> NewEntry:
    """Return the entry to post that takes another one back, side by side; two queries."""
    postings = list(entry.postings.select_related("account", "customer"))
    return NewEntry(
        kind=Entry.Kind.REVERSAL,
        source_key=str(entry.pk),
        description=f"Reversal: {entry.description}"[:200],
        document_on=on,
        customer=postings[0].customer,
        legal_entity=entry.legal_entity,
        postings=[
            NewPosting(Account.Role(one.account.role), one.currency, -one.amount, one.product_name)
            for one in postings
        ],
        reverses=entry.pk,
        reason=reason,
    )


def _require_amounts(postings: Sequence[NewPosting]) -> None:
    for one in postings:
        if not is_currency(one.currency):
            raise NotAnEntry("Give a currency of ISO 4217, such as USD.", field="currency")
        if rounded_to_minor_unit(one.amount, one.currency) != one.amount:
            digits = minor_digits(one.currency)
            raise NotAnEntry(f"Give at most {digits} decimals: it is {one.currency}.", field="amount")
    debited = {(one.role, one.currency) for one in postings if one.amount > 0}
    if debited & {(one.role, one.currency) for one in postings if one.amount < 0}:
        raise NotAnEntry("Choose another account than the one to debit.", field="credited")


def _posted(entry: NewEntry, *, into_soft_closed: bool, at: datetime, actor: str, action: str) -> Entry:
    db.require_transaction()
    if (
        open_day(entry.legal_entity.pk, entry.document_on, into_soft_closed=into_soft_closed)
        != entry.document_on
    ):
        locked = AccountingPeriod.objects.filter(
            legal_entity=entry.legal_entity,
            status=AccountingPeriod.Status.LOCKED,
            starts_on__gte=entry.document_on.replace(day=1),
        )
        raise MonthClosed(entry.legal_entity.name, entry.document_on, is_locked=locked.exists())
    posted = post([entry], at=at, actor=actor, into_soft_closed=into_soft_closed)
    if not posted:
        raise NothingToPost
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="journal entry",
        subject_key=str(posted[0].pk),
        after={
            "on": str(posted[0].posted_on),
            "customer": entry.customer.key,
            "postings": [f"{one.role.value} {one.amount:f} {one.currency}" for one in entry.postings],
        },
        reason=entry.reason,
    )
    return posted[0]
