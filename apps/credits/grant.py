"""Granting credits to a customer."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core import audit
from apps.credits.errors import GrantExists, GrantHasNoDays, GrantIsEmpty
from apps.credits.models import CreditGrant


@transaction.atomic(durable=True)
def grant(
    *,
    key: str,
    name: str,
    customer_id: UUID,
    credit_unit_id: UUID,
    amount: Decimal,
    effective_on: date,
    expires_on: date | None = None,
    cost: Decimal = Decimal(0),
    priority: int = 50,
    at: datetime,
    actor: str,
) -> CreditGrant:
    """Give a customer `amount` of a credit unit, from `effective_on` until the day before `expires_on`.

    `cost` is what the customer paid for it, in the seller's books; 0 is a gift. The lowest `priority` number is
    used first. Refuses a key that is taken, an amount of zero or less, and an end on or before the beginning.
    """
    if amount <= 0:
        raise GrantIsEmpty(key, amount)
    if expires_on is not None and expires_on <= effective_on:
        raise GrantHasNoDays(key, effective_on, expires_on)
    granted = CreditGrant(
        key=key,
        name=name,
        customer_id=customer_id,
        credit_unit_id=credit_unit_id,
        amount=amount,
        left=amount,
        cost=cost,
        priority=priority,
        effective_on=effective_on,
        expires_on=expires_on,
    )
    try:
        with transaction.atomic():
            granted.save(force_insert=True)
    except IntegrityError as clash:
        if CreditGrant.objects.filter(key=key).exists():
            raise GrantExists(key) from clash
        raise
    audit.record(
        at=at,
        actor=actor,
        action="credits.grant",
        subject_type="credit grant",
        subject_key=key,
        after={
            "customer": granted.customer.key,
            "amount": f"{amount:f}",
            "unit": granted.credit_unit.key,
            "effective_on": effective_on.isoformat(),
            "expires_on": expires_on.isoformat() if expires_on else None,
        },
    )
    return granted
