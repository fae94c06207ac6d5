"""Granting credits that a customer bought by an invoice."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.credits.grant import write_grant
from apps.credits.models import CreditGrant


def grant_sold(
    *,
    number: str,
    name: str,
    customer_id: UUID,
    contract_id: UUID,
    credit_unit_id: UUID | None,
    charge_keys: Sequence[str],
    amount: Decimal,
    price: Decimal,
    currency: str,
    priority: int,
    effective_on: date,
    expires_on: date | None,
    at: datetime,
    actor: str,
) -> CreditGrant:
    """Grant what the invoice with this number sells; `price` is its cost. A step, with the refusals of `grant`."""
    return write_grant(
        CreditGrant(
            key=number,
            name=name,
            customer_id=customer_id,
            contract_id=contract_id,
            credit_unit_id=credit_unit_id,
            charge_keys=list(charge_keys),
            amount=amount,
            left=amount,
            cost=price,
            cost_currency=currency if price else "",
            priority=priority,
            effective_on=effective_on,
            expires_on=expires_on,
        ),
        at=at,
        actor=actor,
    )
