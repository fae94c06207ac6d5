"""Writing down a contract before it is signed, and what may still be changed in it."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.contracts.errors import ContractIsSigned
from apps.contracts.models import Contract
from apps.core import audit

# Printed on the next invoices; no price or period hangs on it.
ALWAYS_OPEN = frozenset({"purchase_order"})


@transaction.atomic(durable=True)
def draft(*, fields: Mapping[str, object], at: datetime, actor: str) -> Contract:
    """Write a draft contract from checked fields; nothing is billed under it until it is signed."""
    contract = Contract(**fields)
    contract.full_clean(exclude=["status"], validate_constraints=False)
    contract.save(force_insert=True)
    audit.record(
        at=at,
        actor=actor,
        action="contracts.draft",
        subject_type="contract",
        subject_key=contract.number,
        after={name: str(value) for name, value in fields.items()},
    )
    return contract


@transaction.atomic(durable=True)
def change(*, contract_id: UUID, fields: Mapping[str, object], at: datetime, actor: str) -> Contract:
    """Change checked fields of a draft; refuse anything but the purchase order of a signed contract."""
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    if contract.status != Contract.Status.DRAFT and not ALWAYS_OPEN.issuperset(fields):
        raise ContractIsSigned(contract.number)
    before = {name: str(getattr(contract, name)) for name in fields}
    for name, value in fields.items():
        setattr(contract, name, value)
    contract.full_clean(exclude=["status"], validate_constraints=False)
    contract.save(update_fields=list(fields))
    audit.record(
        at=at,
        actor=actor,
        action="contracts.change",
        subject_type="contract",
        subject_key=contract.number,
        before=before,
        after={name: str(value) for name, value in fields.items()},
    )
    return contract
