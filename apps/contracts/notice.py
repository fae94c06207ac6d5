"""Until when notice can be given that a contract won't renew, and giving it."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.contracts import locks
from apps.contracts.amend import locked
from apps.contracts.errors import NoticeRefused
from apps.contracts.models import Contract
from apps.contracts.sign import record
from apps.core.periods import local_day

BY = {"seller": "the seller", "customer": "the customer"}


def renews_on(contract: Contract) -> date | None:
    """Return the local day from which on nobody can give notice any more, and on which a contract renews by itself.

    It is `notice_days` days before the end, and at the latest the last day of the term. None: the contract has no end.
    """
    return contract.ends_on and contract.ends_on - timedelta(days=max(contract.notice_days, 1))


def notice_by_on(contract: Contract) -> date | None:
    """Return the last local day on which either side can give notice; None where nothing renews."""
    day = renews_on(contract)
    return day - timedelta(days=1) if day and contract.renewal != Contract.Renewal.NONE else None


@transaction.atomic(durable=True)
def decline(*, contract_id: UUID, by: str, reason: str, at: datetime, actor: str) -> Contract:
    """Note that one side, "seller" or "customer", gave notice: the contract ends with its term and does not renew.

    Refuses a contract that does not renew, one of which notice was given before, and a day after the last one for notice.
    """
    locks.hold(contract_id)
    contract = locked(contract_id)
    if mistake := _mistake(contract, by, reason, today=local_day(at, contract.timezone)):
        raise NoticeRefused(contract.number, mistake)
    contract.declined_at = at
    contract.save(update_fields=["declined_at"])
    record(
        contract,
        "contracts.decline",
        at=at,
        actor=actor,
        after={"notice_by": BY[by], "ends_on": str(contract.ends_on)},
        reason=reason.strip(),
    )
    return contract


def _mistake(contract: Contract, by: str, reason: str, *, today: date) -> str:
    last_on = notice_by_on(contract)
    if contract.status == Contract.Status.DRAFT or last_on is None:
        return "it does not renew, so there is nothing to decline. End or cancel it."
    if contract.declined_at:
        return f"notice was given on {local_day(contract.declined_at, contract.timezone)} already."
    if by not in BY:
        return "say whether the seller or the customer gives notice."
    if not reason.strip():
        return "say how and why notice was given: both sides may ask."
    if today > last_on:
        return (
            f"the last day for notice was {last_on}, {contract.notice_days} days before its end on {contract.ends_on}. "
            "Cancel it instead, if both sides agree."
        )
    return ""
