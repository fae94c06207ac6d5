"""Reserving the credits that an open draft counts on."""

from collections.abc import Mapping
from decimal import Decimal

from django.db.models import Q, Sum

from apps.core import db
from apps.credits.errors import GrantOverdrawn
from apps.credits.models import CreditGrant, CreditReservation


def reserve(*, source_key: str, used: Mapping[str, Decimal]) -> None:
    """Reserve `used` (grant key to amount in its unit) for a draft, in place of what it had reserved before.

    A step of drafting. The grants are locked in the order of their ids, so two drafts of a customer never count on the same
    credit. Refuses more than a grant holds beyond what others have reserved; then nothing of the draft is written.
    """
    db.require_transaction()
    wanted = {key: amount for key, amount in used.items() if amount}
    release(source_key=source_key)
    grants = list(CreditGrant.objects.select_for_update().filter(key__in=wanted).order_by("pk"))
    reserved = dict(
        CreditReservation.objects.filter(Q(grant__in=grants)).values_list("grant_id").annotate(Sum("amount"))
    )
    for grant in grants:
        free = grant.left - reserved.get(grant.pk, Decimal(0))
        if free < wanted[grant.key]:
            raise GrantOverdrawn(grant.key, free, wanted[grant.key])
    CreditReservation.objects.bulk_create(
        CreditReservation(grant=grant, source_key=source_key, amount=wanted[grant.key]) for grant in grants
    )


def release(*, source_key: str) -> None:
    """Give back what a draft has reserved; a step of finalize, which draws it in the same transaction."""
    db.require_transaction()
    CreditReservation.objects.filter(source_key=source_key).delete()
