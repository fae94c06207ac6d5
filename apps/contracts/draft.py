"""Writing down a contract before it is signed."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from apps.contracts.models import Contract
from apps.core import audit


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
