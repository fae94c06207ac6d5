"""Reading credit grants: what a customer has left, in the form that the pricing engine draws on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import DecimalField, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.core.digits import AMOUNT
from apps.credits.models import CreditGrant, CreditReservation
from apps.rating.terms import Grant


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as people read it."""

    key: str
    name: str
    unit_key: str
    unit_name: str
    amount: Decimal
    left: Decimal
    effective_on: date
    expires_on: date | None


def open_grants(
    customer_ids: Collection[UUID], on: date, until: date | None = None, *, source_key: str = ""
) -> dict[UUID, tuple[Grant, ...]]:
    """Return the grants that may pay for a period of the customers, the oldest first, in one query.

    `on` is the period's first day and `until` the day after its last: a grant pays for the whole period if it begins
    before `until` and is good on `on`. Without `until`, a grant has to begin on or before `on`. The engine takes the
    lowest priority first, then the earliest expiry, then gifts, then this order. What open drafts have reserved is not
    there for others; `source_key` names the draft that asks, whose own reservation is.
    """
    begun = Q(effective_on__lte=on) if until is None else Q(effective_on__lt=until)
    found = (
        CreditGrant.objects.filter(
            begun, Q(expires_on=None) | Q(expires_on__gt=on), customer_id__in=customer_ids, left__gt=0
        )
        .annotate(free=F("left") - _reserved_by_others(source_key))
        .filter(free__gt=0)
        .order_by("effective_on", "created_at", "id")
        .values_list(
            "customer_id", "key", "credit_unit__key", "free", "priority", "expires_on", "cost", named=True
        )
    )
    grants: dict[UUID, list[Grant]] = {customer_id: [] for customer_id in customer_ids}
    for row in found:
        grants[row.customer_id].append(
            Grant(
                key=row.key,
                unit=row.credit_unit__key,
                balance=row.free,
                priority=row.priority,
                expires_on=row.expires_on,
                cost=row.cost,
            )
        )
    return {customer_id: tuple(of_customer) for customer_id, of_customer in grants.items()}


def _reserved_by_others(source_key: str) -> Coalesce:
    others = (
        CreditReservation.objects.filter(grant_id=OuterRef("pk"))
        .exclude(source_key=source_key)
        .order_by()
        .values("grant_id")
        .annotate(reserved=Sum("amount"))
        .values("reserved")
    )
    amount: DecimalField[Decimal, Decimal] = DecimalField(**AMOUNT)
    return Coalesce(Subquery(others), Decimal(0), output_field=amount)


def grants_of(*, customer_id: UUID) -> tuple[GrantRow, ...]:
    """Return all grants of a customer, the newest first, used up and expired ones too, in one query."""
    found = CreditGrant.objects.filter(customer_id=customer_id).select_related("credit_unit")
    return tuple(_row(grant) for grant in found.order_by("-effective_on", "-id"))


def named(*, keys: Collection[str]) -> dict[str, GrantRow]:
    """Return the grants with these keys, in one query."""
    found = CreditGrant.objects.filter(key__in=keys).select_related("credit_unit")
    return {grant.key: _row(grant) for grant in found}


def _row(grant: CreditGrant) -> GrantRow:
    return GrantRow(
        key=grant.key,
        name=grant.name,
        unit_key=grant.credit_unit.key,
        unit_name=grant.credit_unit.name,
        amount=grant.amount,
        left=grant.left,
        effective_on=grant.effective_on,
        expires_on=grant.expires_on,
    )
