"""The entries of grants, expiries and refunds that the journal does not have, each on its own day."""

from collections.abc import Iterator
from typing import Any

from django.db.models import CharField, Exists, Func, OuterRef, Q, QuerySet, Value

from apps.credits import post
from apps.credits.models import CreditExpiry, CreditGrant, RefundOwed
from apps.customers.models import LegalEntity
from apps.ledger.missing import PAID, without_entry
from apps.ledger.models import Entry
from apps.ledger.post import NewEntry

_KIND = Entry.Kind


def grants(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what was paid for grants; what a credit note gave back is posted by the reversal of its draw."""
    # The key of such a grant begins with the credit note's number; it ended with it once.
    given_back = Entry.objects.filter(
        Q(reason=_part_of_key(1)) | Q(reason=_part_of_key(-1)),
        kind=_KIND.REVERSAL,
        reverses__kind=_KIND.BURN,
        legal_entity=entity,
    )
    found = CreditGrant.objects.filter(~Exists(given_back), legal_entity=entity, cost__gt=0)
    for grant in without_entry(found.select_related("customer", "legal_entity"), _KIND.GRANT, key="key"):
        yield post.grant_entry(grant, grant.created_at.date())


def expiries(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what expired."""
    found = CreditExpiry.objects.filter(grant__legal_entity=entity)
    for expiry in without_entry(_with_grant(found), _KIND.EXPIRY, key="grant__key"):
        yield post.expiry_entry(expiry, expiry.expired_at.date())


def refunds(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what is owed back of grants, and what of that was paid back."""
    found = _with_grant(RefundOwed.objects.filter(grant__legal_entity=entity))
    for refund in without_entry(found.filter(counted_at__isnull=False), _KIND.REFUND):
        cost = post.owed(refund.grant, refund.left)
        yield post.refund_owed_entry(refund, cost=cost, on=refund.counted_at.date())
    for refund in without_entry(found.filter(refunded_at__isnull=False), _KIND.REFUND, key=PAID):
        yield post.refunded_entry(refund, refund.refunded_at.date())


def _part_of_key(place: int) -> Func:
    return Func(OuterRef("key"), Value(":"), Value(place), function="split_part", output_field=CharField())


def _with_grant(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.select_related("grant__customer", "grant__legal_entity")
