"""What the books owe for credits: of each grant that was paid for, what was used, expired and paid back, and what is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, Sum

from apps.credits import post
from apps.credits.models import CreditGrant


@dataclass(frozen=True, slots=True)
class Owed:
    """A grant in its unit, and what was paid for it in money."""

    grant: CreditGrant
    used: Decimal
    expired: Decimal
    paid_back: Decimal
    cost: Decimal
    cost_used: Decimal
    cost_expired: Decimal
    cost_paid_back: Decimal
    cost_left: Decimal


def liability(*, legal_entity_id: UUID, currency: str, is_open: bool) -> Iterator[Owed]:
    """Yield the grants of a legal entity that were paid for in a currency, by customer and day; those alone that hold something.

    The money of a row adds up: what was paid is what is used, expired, paid back and left. One query.
    """
    found = (
        CreditGrant.objects.filter(legal_entity=legal_entity_id, cost__gt=0, cost_currency=currency)
        .select_related("customer", "credit_unit", "expiry", "refund")
        .annotate(
            used=Sum("burns__amount", filter=Q(burns__taken_back=False)),
            taken_back=Sum("burns__amount", filter=Q(burns__taken_back=True)),
        )
        .order_by("customer__name", "customer_id", "effective_on", "id")
    )
    if is_open:
        found = found.filter(left__gt=0)
    for grant in found.iterator(2000):
        yield _owed(grant, grant.used or Decimal(0), grant.taken_back or Decimal(0))


def _owed(grant: CreditGrant, used: Decimal, taken_back: Decimal) -> Owed:
    expiry = getattr(grant, "expiry", None)
    refund = getattr(grant, "refund", None)
    is_counted = refund is not None and refund.left is not None
    cost = post.owed(grant, grant.amount)
    cost_used = cost - post.owed(grant, grant.amount - used)
    cost_expired = expiry.cost if expiry else Decimal(0)
    cost_left = post.owed(grant)
    return Owed(
        grant=grant,
        used=used,
        expired=expiry.amount if expiry else Decimal(0),
        paid_back=taken_back + (refund.left if refund and is_counted else Decimal(0)),
        cost=cost,
        cost_used=cost_used,
        cost_expired=cost_expired,
        cost_paid_back=cost - cost_used - cost_expired - cost_left,
        cost_left=cost_left,
    )
