"""Granting credits to a customer."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.contracts import prepaid
from apps.contracts.models import Contract
from apps.core import audit, db
from apps.core.money import is_currency, minor_digits, rounded_to_minor_unit
from apps.credits import post
from apps.credits.errors import GrantExists, GrantHasNoDays, GrantIsEmpty, GrantMisfits
from apps.credits.models import CreditGrant
from apps.ledger import post as ledger


@transaction.atomic(durable=True)
def grant(
    *,
    key: str,
    name: str,
    customer_id: UUID,
    amount: Decimal,
    effective_on: date,
    credit_unit_id: UUID | None = None,
    contract_id: UUID | None = None,
    charge_keys: Sequence[str] = (),
    expires_on: date | None = None,
    cost: Decimal = Decimal(0),
    cost_currency: str = "",
    priority: int = 50,
    at: datetime,
    actor: str,
) -> CreditGrant:
    """Give a customer `amount` of a credit unit, from `effective_on` until the day before `expires_on`.

    Without a credit unit it is money in the currency of the contract that it is for, which has to be named then. A grant for a
    contract pays for that one alone, one for charges for those alone. `cost` is what the customer paid for it, which the books owe
    until it is used; 0 is a gift. It is in the currency of the contract, or in `cost_currency` where there is none. The lowest
    `priority` number is used first. Refuses a key that is taken, an amount of zero or less, money with more decimals than the
    currency has, and an end on or before the beginning.
    """
    return write_grant(
        CreditGrant(
            key=key,
            name=name,
            customer_id=customer_id,
            credit_unit_id=credit_unit_id,
            contract_id=contract_id,
            charge_keys=list(charge_keys),
            amount=amount,
            left=amount,
            cost=cost,
            cost_currency=cost_currency,
            priority=priority,
            effective_on=effective_on,
            expires_on=expires_on,
        ),
        at=at,
        actor=actor,
    )


def write_grant(granted: CreditGrant, *, at: datetime, actor: str) -> CreditGrant:
    """Write a grant that was put together, as `grant` says. A step of it and of granting what contracts promise."""
    db.require_transaction()
    if granted.amount <= 0:
        raise GrantIsEmpty(granted.key, granted.amount)
    if granted.expires_on is not None and granted.expires_on <= granted.effective_on:
        raise GrantHasNoDays(granted.key, granted.effective_on, granted.expires_on)
    granted.legal_entity = granted.customer.legal_entity
    _fit_to_contract(granted)
    _price(granted)
    try:
        with transaction.atomic():
            granted.save(force_insert=True)
    except IntegrityError as clash:
        if CreditGrant.objects.filter(key=granted.key).exists():
            raise GrantExists(granted.key) from clash
        raise
    ledger.post([post.grant_entry(granted, at.date())], at=at, actor=actor)
    audit.record(
        at=at,
        actor=actor,
        action="credits.grant",
        subject_type="credit grant",
        subject_key=granted.key,
        after={
            "customer": granted.customer.key,
            "amount": f"{granted.amount:f}",
            "unit": granted.unit,
            "cost": f"{granted.cost:f}",
            "effective_on": granted.effective_on.isoformat(),
            "expires_on": granted.expires_on.isoformat() if granted.expires_on else None,
            **({"contract": granted.contract.number} if granted.contract else {}),
            **({"charges": list(granted.charge_keys)} if granted.charge_keys else {}),
        },
    )
    return granted


def _fit_to_contract(granted: CreditGrant) -> None:
    """Give money the currency of its contract; refuse what does not fit it."""
    if granted.contract_id is None:
        if granted.credit_unit_id is None:
            raise GrantMisfits(
                granted.key, "is money, so it needs the contract that it pays for.", "contract"
            )
        return
    contract = Contract.objects.select_related("plan_version").get(pk=granted.contract_id)
    if contract.customer_id != granted.customer_id:
        raise GrantMisfits(
            granted.key, f"is for {contract}, which is another customer's contract.", "contract"
        )
    currency = contract.plan_version.currency
    if granted.cost_currency not in {"", currency}:
        raise GrantMisfits(
            granted.key, f"is for {contract}, so what was paid for it is in {currency}.", "cost_currency"
        )
    granted.cost_currency = currency
    if granted.credit_unit_id is not None:
        return
    granted.currency = currency
    if rounded_to_minor_unit(granted.amount, granted.currency) != granted.amount:
        digits = minor_digits(granted.currency)
        raise GrantMisfits(
            granted.key, f"is in {granted.currency}: give at most {digits} decimals.", "amount"
        )
    prepaid.note_money_grant(contract_id=contract.pk)


def _price(granted: CreditGrant) -> None:
    """Refuse what was paid in no known currency or with more decimals than it has; a gift has none."""
    if not granted.cost:
        granted.cost_currency = ""
        return
    currency = granted.cost_currency
    if not is_currency(currency):
        raise GrantMisfits(
            granted.key, "was paid for, so say in which currency, such as USD.", "cost_currency"
        )
    if granted.cost < 0 or rounded_to_minor_unit(granted.cost, currency) != granted.cost:
        digits = minor_digits(currency)
        raise GrantMisfits(
            granted.key,
            f"was paid for in {currency}: give zero or more, with at most {digits} decimals.",
            "cost",
        )
