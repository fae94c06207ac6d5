"""Letting a contract run longer."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from apps.contracts import locks
from apps.contracts.errors import NotLive, RunsLongerAlready
from apps.contracts.models import Contract
from apps.contracts.sign import record, save


@transaction.atomic(durable=True)
def extend(*, contract_id: UUID, ends_on: date | None, reason: str, at: datetime, actor: str) -> Contract:
    """Move a signed contract's end to a later day, or let it run without end; `ends_on` is the first day not covered.

    Refuses an end that is not later, and days that another live contract of the customer covers.
    """
    locks.hold(contract_id)
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    if contract.status == Contract.Status.DRAFT:
        raise NotLive(contract.number, contract.status)
    if contract.ends_on is None or (ends_on is not None and ends_on <= contract.ends_on):
        raise RunsLongerAlready(contract.number, contract.ends_on)
    before = {"ends_on": str(contract.ends_on)}
    contract.ends_on, contract.status = ends_on, Contract.Status.ACTIVE
    save(contract, "ends_on", "status")
    record(
        contract,
        "contracts.extend",
        at=at,
        actor=actor,
        before=before,
        after={"ends_on": str(ends_on)},
        reason=reason,
    )
    return contract
