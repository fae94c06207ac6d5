"""Which grants may pay for a contract's period, as the pricing engine takes them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms
from apps.credits.queries import OpenGrant, drawn, open_grants
from apps.rating.terms import Grant


def may_be_paid(contract: Contract, terms: PeriodTerms) -> bool:
    """Tell whether grants can make a difference to a period: it has charges in credits, or money was given in advance."""
    return contract.has_money_grants or any(planned.charge.credit_unit for planned in terms.charges)


def paying(
    asked: Sequence[tuple[Contract, PeriodTerms]], *, source_key: str = ""
) -> dict[UUID, tuple[Grant, ...]]:
    """Return the grants that may pay for a period of each contract; those with the same period are read together.

    No query for contracts to which grants make no difference. `source_key` names the draft that asks, if one does.
    """
    alike: dict[tuple[date, date], list[tuple[Contract, PeriodTerms]]] = {}
    for contract, terms in asked:
        if may_be_paid(contract, terms):
            days = (terms.period.starts_on, terms.period.ends_on)
            alike.setdefault(days, []).append((contract, terms))
    found: dict[UUID, tuple[Grant, ...]] = {}
    for (starts_on, ends_on), together in alike.items():
        customer_ids = {contract.customer_id for contract, _ in together}
        by_customer = open_grants(customer_ids, on=starts_on, until=ends_on, source_key=source_key)
        for contract, terms in together:
            found[contract.pk] = _confined(by_customer[contract.customer_id], contract, terms)
    return found


def paid(contract: Contract, terms: PeriodTerms, *, source_key: str) -> tuple[Grant, ...]:
    """Return what a finalized invoice, by its number, drew for a period of the contract, as grants that hold just that."""
    if not may_be_paid(contract, terms):
        return ()
    return _confined(drawn(customer_id=contract.customer_id, source_key=source_key), contract, terms)


def _confined(grants: Sequence[OpenGrant], contract: Contract, terms: PeriodTerms) -> tuple[Grant, ...]:
    """Return the grants for this contract, each confined to the charges of the period that it names."""
    confined = []
    for one in grants:
        if one.contract_id not in {None, contract.pk}:
            continue
        keys = tuple(planned.charge.key for planned in terms.charges if planned.base_key in one.charge_keys)
        # None named would mean all.
        if keys or not one.charge_keys:
            confined.append(replace(one.grant, charges=keys))
    return tuple(confined)
