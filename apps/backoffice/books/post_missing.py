"""Posting documents that the journal does not have: those from before there was one, and what check_books finds missing."""

from collections import Counter
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.credits import missing as of_credits
from apps.customers.models import LegalEntity
from apps.invoices import missing as of_invoices
from apps.ledger.models import Entry
from apps.ledger.post import NewEntry, post
from apps.payments import missing as of_payments

_AT_ONCE = 500
_KIND = Entry.Kind
# A write-off before what takes it back.
_DOCUMENTS = (
    of_credits.grants,
    of_invoices.invoices,
    of_invoices.draws,
    of_credits.expiries,
    of_credits.refunds,
    of_payments.payments,
    of_payments.allocations,
    of_payments.write_offs,
    of_payments.recoveries,
    of_payments.refunds,
)


def post_missing(*, legal_entity_id: UUID, at: datetime, actor: str) -> Counter[str]:
    """Post every document of a legal entity that has no entry; return how many there were of each kind.

    Each is posted on its own day; where the books of that month are closed, on the first day of the next month that is open. Some
    hundred are one transaction, so it may be stopped and begun again; a second time there is nothing to do.
    """
    entity = LegalEntity.objects.get(pk=legal_entity_id)
    made: Counter[str] = Counter()
    for missing in _DOCUMENTS:
        entries = missing(entity)
        while some := list(islice(entries, _AT_ONCE)):
            made += _post(entity, some, at=at, actor=actor)
    return made


@transaction.atomic(durable=True)
def _post(entity: LegalEntity, entries: list[NewEntry], *, at: datetime, actor: str) -> Counter[str]:
    # Two that do this at once take turns, and the second one looks again.
    LegalEntity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    keys = [one.source_key for one in entries]
    there = set(Entry.objects.filter(source_key__in=keys).values_list("kind", "source_key"))
    made = post([one for one in entries if (one.kind, one.source_key) not in there], at=at, actor=actor)
    counted = Counter(str(_KIND(one.kind).label) for one in made)
    if made:
        audit.record(
            at=at,
            actor=actor,
            action="ledger.post_missing",
            subject_type="legal entity",
            subject_key=entity.key,
            after=counted,
        )
    return counted
