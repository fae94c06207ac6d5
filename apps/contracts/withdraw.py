"""Taking out of a draft contract what was agreed in it: until it is signed, nothing has to stay."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.contracts.errors import ContractIsSigned, NotAgreed
from apps.contracts.models import (
    Cap,
    Commitment,
    Contract,
    Discount,
    Phase,
    PromisedGrant,
    SeatChange,
)
from apps.contracts.models.amendment import AgreedRow
from apps.core import audit
from apps.core.ids import uuid7

KINDS: dict[str, type[AgreedRow]] = {
    "phase": Phase,
    "seats": SeatChange,
    "discount": Discount,
    "commitment": Commitment,
    "cap": Cap,
    "grant": PromisedGrant,
}


@transaction.atomic(durable=True)
def withdraw(*, contract_id: UUID, kind: str, row_id: UUID, at: datetime, actor: str) -> str:
    """Take one row of a draft away, and return what it was; refuse a signed contract, which is amended."""
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    if contract.status != Contract.Status.DRAFT:
        raise ContractIsSigned(contract.number)
    of_kind = KINDS.get(kind)
    row = of_kind.objects.filter(contract=contract, pk=row_id).first() if of_kind else None
    if row is None:
        raise NotAgreed(contract.number)
    name = str(row)
    row.delete()
    contract.terms_stamp = uuid7()
    contract.save(update_fields=["terms_stamp"])
    audit.record(
        at=at,
        actor=actor,
        action="contracts.withdraw",
        subject_type="contract",
        subject_key=contract.number,
        before={kind: name},
    )
    return name
