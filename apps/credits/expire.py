"""Letting credits expire once nothing can draw on them any more."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.core import audit
from apps.credits import post
from apps.credits.models import CreditExpiry, CreditGrant, CreditReservation
from apps.credits.queries import unbilled_while_good
from apps.ledger import post as ledger


def expire_due(*, at: datetime, actor: str) -> int:
    """Let every grant expire that is due, each in a transaction of its own; return how many there were."""
    return sum(_expire(grant_id, at=at, actor=actor) for grant_id in due(at=at).values_list("pk", flat=True))


def due(*, at: datetime) -> QuerySet[CreditGrant]:
    """Return the grants that hold something, and that nothing may draw on any more.

    Their last day is over everywhere on earth, no draft counts on them, and all days on which they were good are billed under
    the contracts that they are for. What is to be paid back is no case of these: see `cancel.count_refunds`.
    """
    unbilled = unbilled_while_good()
    return CreditGrant.objects.filter(left__gt=0, expires_on__lt=at.date(), refund=None).exclude(
        Exists(CreditReservation.objects.filter(grant=OuterRef("pk")))
        | Q(contract=None) & Exists(unbilled.filter(customer=OuterRef("customer")))
        | Exists(unbilled.filter(pk=OuterRef("contract")))
    )


@transaction.atomic(durable=True)
def _expire(grant_id: UUID, *, at: datetime, actor: str) -> bool:
    grant = (
        due(at=at)
        .select_for_update(of=("self",))
        .select_related("customer", "legal_entity")
        .filter(pk=grant_id)
        .first()
    )
    if grant is None:
        # Somebody else let it expire, or drew what was left.
        return False
    expiry = CreditExpiry.objects.create(grant=grant, amount=grant.left, cost=post.owed(grant), expired_at=at)
    grant.left = 0
    grant.save(update_fields=["left"])
    ledger.post([post.expiry_entry(expiry, at.date())], at=at, actor=actor)
    audit.record(
        at=at,
        actor=actor,
        action="credits.expire",
        subject_type="credit grant",
        subject_key=grant.key,
        after={
            "amount": f"{expiry.amount:f}",
            "unit": grant.unit,
            "cost": f"{expiry.cost:f}",
            "expires_on": str(grant.expires_on),
        },
    )
    return True
